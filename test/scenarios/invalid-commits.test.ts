/** What must change nothing: scenario 17, on the steps. What it leaves on a disk: `client.test.ts`. */
import { type DmlsEpoch, type GroupPolicy, heldEpoch } from '@dmls/dmls'
import { describe, expect, test } from 'vitest'
import { type Actor, fingerprint } from './actor.ts'
import { contentOf, flipped, forgeCommit, reframe, withBrokenPath } from './forge.ts'
import { actors, groupOf } from './story.ts'

async function three(policy: Partial<GroupPolicy> = {}): Promise<[Actor, Actor, Actor]> {
  const people = (await actors(['alice', 'bob', 'mallory'])) as [Actor, Actor, Actor]
  await groupOf(people, policy)
  return people
}

/** The message is refused with the code, and alice is as she was, byte for byte; then an honest commit still lands. */
async function changesNothing(alice: Actor, bob: Actor, wire: Uint8Array, code: string): Promise<void> {
  const before = fingerprint(alice.state)
  expect(await alice.receive(wire)).toEqual([`refused: ${code}`])
  expect(fingerprint(alice.state)).toBe(before)
  const honest = await bob.commit()
  expect(await alice.receive(honest.wire)).toEqual(['commit'])
}

describe('a commit that is refused', () => {
  test('scenario 17: with a bad confirmation tag it punctures nothing', async () => {
    const [alice, bob, mallory] = await three()
    const forged = await forgeCommit(mallory)
    const authenticated = contentOf(forged.message)
    const auth = { ...authenticated.auth, confirmationTag: flipped(forged.child.confirmationTag) }
    const wire = await reframe(mallory, mallory.head, { ...authenticated, auth }, 'keep')
    await changesNothing(alice, bob, wire, 'bad_confirmation_tag')
  })

  test('scenario 17: with the right tag afterwards, the same commit still processes', async () => {
    const [alice, , mallory] = await three()
    const forged = await forgeCommit(mallory)
    const authenticated = contentOf(forged.message)
    const auth = { ...authenticated.auth, confirmationTag: flipped(forged.child.confirmationTag) }
    await alice.receive(await reframe(mallory, mallory.head, { ...authenticated, auth }, 'keep'))
    expect(await alice.receive(forged.wire)).toEqual(['commit'])
  })

  test('scenario 17: with a path that does not open it changes nothing', async () => {
    const [alice, bob, mallory] = await three()
    const forged = await forgeCommit(mallory)
    const wire = await reframe(mallory, mallory.head, withBrokenPath(forged.message), 'renew')
    const before = fingerprint(alice.state)
    const [outcome] = await alice.receive(wire)
    expect(outcome).toMatch(/^refused/)
    expect(fingerprint(alice.state)).toBe(before)
    expect(await alice.receive((await bob.commit()).wire)).toEqual(['commit'])
  })

  test('scenario 17: that resolves a head and leaves its plan undone changes nothing', async () => {
    const [alice, bob, mallory] = await three()
    const origin = alice.head
    const removal = await bob.commit({ remove: [mallory.self] })
    // mallory lists the branch that removes it, and stays
    const forged = await forgeCommit(mallory, { data: { resolves: [{ head: removal.epoch, forkPoint: origin }] } })
    await alice.receive(removal.wire)
    await changesNothing(alice, bob, forged.wire, 'plan_unsatisfied')
  })

  test('scenario 17: that resolves its own past changes nothing', async () => {
    const [alice, bob, mallory] = await three()
    const origin: DmlsEpoch = alice.head
    const forged = await forgeCommit(mallory, { data: { resolves: [{ head: origin, forkPoint: origin }] } })
    await changesNothing(alice, bob, forged.wire, 'resolves_ancestor')
  })

  test('scenario 17: without readable authenticated data it changes nothing', async () => {
    const [alice, bob, mallory] = await three()
    const forged = await forgeCommit(mallory, { rawData: new Uint8Array([9, 9, 9]) })
    await changesNothing(alice, bob, forged.wire, 'unsupported_authenticated_data')
  })

  test('scenario 17: of somebody who may not make it changes nothing', async () => {
    const people = (await actors(['alice', 'bob', 'mallory'])) as [Actor, Actor, Actor]
    const [alice, bob, mallory] = people
    const identities = [Buffer.from(alice.identity.publicKey).toString('hex')]
    await groupOf(people, { admin: { kind: 'named', instances: [], identities, invitations: 'named' } })
    const leaf = heldEpoch(alice.state, alice.head).group.tree.leaf(1)
    expect(leaf).toBeDefined()
    const forged = await forgeCommit(mallory, { proposals: [{ proposalType: 'remove', removed: 1 }] })
    await changesNothing(alice, bob, forged.wire, 'not_allowed')
  })

  test('scenario 17: that comes twice changes nothing the second time', async () => {
    const [alice, bob] = await three()
    const made = await bob.commit()
    await alice.receive(made.wire)
    const before = fingerprint(alice.state)
    const [outcome] = await alice.receive(made.wire)
    expect(outcome).toBe('refused: generation_used')
    expect(fingerprint(alice.state)).toBe(before)
  })
})
