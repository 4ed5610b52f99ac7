import { equalBytes } from '@dmls/crypto'
import { expect, test } from 'vitest'
import { createCommit, decodeGroupState, encodeGroupState, type GroupState } from '../../src/index.ts'
import { codeOf, groupOf, person } from './people.ts'

/** The state with another epoch number, as a Welcome of a liar may name it. */
function atEpoch(state: GroupState, epoch: bigint): GroupState {
  return { ...state, context: { ...state.context, epoch } }
}

test('the last epoch that a number can name is not followed by epoch 0', async () => {
  const alice = await person('alice')
  const group = await groupOf(alice)
  const last = 2n ** 64n - 1n
  const before = await createCommit(atEpoch(group, last - 1n), { signer: alice.signer }, alice.services)
  expect(before.child.context.epoch).toBe(last)
  const restored = decodeGroupState(encodeGroupState(before.child), before.child)
  expect(restored.context.epoch).toBe(last)
  expect(equalBytes(restored.contextBytes, before.child.contextBytes)).toBe(true)
  expect(await codeOf(createCommit(before.child, { signer: alice.signer }, alice.services))).toBe('epochs_exhausted')
})
