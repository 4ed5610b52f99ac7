/** What the key schedule asks the profile's key for (RFC 9420 §8; protocol §2). */
import { toHex } from '@dmls/crypto'
import { expect, test } from 'vitest'
import { createCommit, type GroupState, type InitInput, type InitKey } from '../../src/index.ts'
import { receiveCommit, trio } from './people.ts'

/** The state with a key that notes what it is asked. */
function observed(state: GroupState, asked: InitInput[]): GroupState {
  const { initKey } = state
  const noting: InitKey = {
    evaluate(input) {
      asked.push({ ...input, childGroupContext: input.childGroupContext.slice() })
      return initKey.evaluate(input)
    },
    encode: (writer) => initKey.encode(writer),
    wipe: () => initKey.wipe(),
  }
  return { ...state, initKey: noting }
}

test('the key that starts children is asked once for each, with the GroupContext of the child', async () => {
  const { alice, bob, a, b } = await trio()
  const asked: InitInput[] = []
  const made = await createCommit(observed(a, asked), { signer: alice.signer, path: 'always' }, alice.services)
  const { child } = await receiveCommit(bob, observed(b, asked), made.message)
  const contexts = asked.map(({ childGroupContext }) => toHex(childGroupContext))
  expect(contexts).toEqual([made.child, child].map((state) => toHex(state?.contextBytes ?? new Uint8Array(0))))
  expect(contexts).not.toContain(toHex(a.contextBytes))
})
