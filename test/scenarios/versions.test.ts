/** Members of a later version, who say what this one does not know: scenario 29. */
import {
  DMLS_POLICY_EXTENSION,
  encodeAuthenticatedData,
  encodeGroupPolicy,
  heldEpoch,
  mlsServices,
  ownSignatureKey,
  policyAt,
} from '@dmls/dmls'
import { protectApplication } from '@dmls/mls'
import { describe, expect, test } from 'vitest'
import { type Actor, fingerprint } from './actor.ts'
import { forgeCommit, wrap } from './forge.ts'
import { actors, groupOf } from './story.ts'

async function three(): Promise<[Actor, Actor, Actor]> {
  const people = (await actors(['alice', 'bob', 'later'])) as [Actor, Actor, Actor]
  await groupOf(people)
  return people
}

/** What another version may write where this one writes its policy. */
function policiesOfLater(alice: Actor): readonly Uint8Array[] {
  const known = encodeGroupPolicy(policyAt(alice.state, alice.head))
  const [version, forkChoice, longer] = [known.slice(), known.slice(), new Uint8Array([...known, 0])]
  version[0] = 9
  forkChoice[1] = 9
  return [version, forkChoice, longer]
}

describe('a member of a later version', () => {
  test('scenario 29: cannot bring in a policy that this one does not know: the commit is refused and nothing changes', async () => {
    const [alice, bob, later] = await three()
    for (const extensionData of policiesOfLater(alice)) {
      const extensions = [{ extensionType: DMLS_POLICY_EXTENSION, extensionData }]
      const made = await forgeCommit(later, { proposals: [{ proposalType: 'group_context_extensions', extensions }] })
      const before = fingerprint(alice.state)
      expect(await alice.receive(made.wire)).toEqual(['refused: unsupported_policy'])
      expect(fingerprint(alice.state)).toBe(before)
    }
    expect(await alice.receive((await bob.commit()).wire)).toEqual(['commit'])
  })

  test('scenario 29: may say something of a kind that this one does not know: it counts as heard, and is no text', async () => {
    const [alice, , later] = await three()
    const held = heldEpoch(later.state, later.head)
    const sent = await protectApplication(
      held.group,
      new Uint8Array([200, 1, 2, 3]),
      {
        authenticatedData: encodeAuthenticatedData({ counter: 7n, resolves: [], application: new Uint8Array(0) }),
        signer: later.services.signerFor(ownSignatureKey(held)),
      },
      mlsServices(later.services),
    )
    expect(await alice.receive(wrap(sent.message, later.head))).toEqual(['application'])
    expect(alice.texts).toEqual([])
    expect(alice.state.dag.latest(later.self)?.counter).toBe(7n)
  })

  test('scenario 29: whose authenticated data has another version is refused, for its counter cannot be read', async () => {
    const [alice, , later] = await three()
    const before = fingerprint(alice.state)
    const made = await forgeCommit(later, { rawData: new Uint8Array([2, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0]) })
    expect(await alice.receive(made.wire)).toEqual(['refused: unsupported_authenticated_data'])
    expect(fingerprint(alice.state)).toBe(before)
  })
})
