/** Proposals that members leave in an epoch: they keep nobody from speaking or merging (protocol §4). */
import { encodeAuthenticatedData, heldEpoch, mlsServices, ownSignatureKey } from '@dmls/dmls'
import { type Proposal, sendProposal } from '@dmls/mls'
import { describe, expect, test } from 'vitest'
import type { Actor } from '../scenarios/actor.ts'
import { wrap } from '../scenarios/forge.ts'
import { actors, groupOf, welcomeOf } from '../scenarios/story.ts'

/** Proposals that plain MLS accepts, in the author's epoch. The author's state stays as it was. */
async function proposeAll(by: Actor, proposals: readonly Proposal[]): Promise<Uint8Array[]> {
  const epoch = by.head
  let { group } = heldEpoch(by.state, epoch)
  const signer = by.services.signerFor(ownSignatureKey(heldEpoch(by.state, epoch)))
  const wires: Uint8Array[] = []
  for (const [i, proposal] of proposals.entries()) {
    const counter = by.state.counter + BigInt(i + 1)
    const authenticatedData = encodeAuthenticatedData({ counter, resolves: [], application: new Uint8Array(0) })
    const sent = await sendProposal(group, proposal, { signer, authenticatedData }, mlsServices(by.services))
    group = sent.state
    wires.push(wrap(sent.message, epoch))
  }
  return wires
}

async function propose(by: Actor, proposal: Proposal): Promise<Uint8Array> {
  const [wire] = await proposeAll(by, [proposal])
  return wire as Uint8Array
}

describe('a proposal that mallory leaves in an epoch', () => {
  test('keeps nobody from speaking there', async () => {
    const [alice, bob, mallory] = (await actors(['alice', 'bob', 'mallory'])) as [Actor, Actor, Actor]
    await groupOf([alice, bob, mallory])
    expect(await alice.receive(await propose(mallory, { proposalType: 'remove', removed: 1 }))).toEqual(['proposal'])
    expect(await bob.receive(await alice.say('all the same'))).toEqual(['application'])
  })

  test('keeps nobody from merging a branch where somebody has to be told', async () => {
    const people = (await actors(['alice', 'bob', 'erin', 'charlie', 'dave'])) as [Actor, Actor, Actor, Actor, Actor]
    const [alice, bob, erin, charlie, dave] = people
    await groupOf([alice, bob, erin])
    const left = await alice.commit({ add: [await charlie.keyPackage()] })
    await charlie.welcome(welcomeOf(left))
    const right = await bob.commit({ add: [await dave.keyPackage()] })
    await dave.welcome(welcomeOf(right))
    await erin.receive(left.wire, right.wire)
    for (const newcomer of [charlie, dave]) {
      const proposal = await propose(newcomer, { proposalType: 'remove', removed: 2 })
      expect(await erin.receive(proposal)).toEqual(['proposal'])
    }
    const merge = await erin.commit()
    expect(merge.handovers).toHaveLength(1)
  })

  test('is refused once too many of hers lie there, by number or by size; those of others are not (scenario 1)', async () => {
    const [alice, bob, mallory] = (await actors(['alice', 'bob', 'mallory'])) as [Actor, Actor, Actor]
    await groupOf([alice, bob, mallory])
    const removal: Proposal = { proposalType: 'remove', removed: 1 }
    const outcomes = await alice.receive(
      ...(await proposeAll(
        mallory,
        Array.from({ length: 70 }, () => removal),
      )),
    )
    expect(outcomes.filter((each) => each === 'proposal')).toHaveLength(64)
    expect(new Set(outcomes.slice(64))).toEqual(new Set(['refused: too_many_proposals']))
    expect(heldEpoch(alice.state, alice.head).group.proposals.size).toBe(64)
    expect(await alice.receive(await propose(bob, { proposalType: 'remove', removed: 0 }))).toEqual(['proposal'])

    const present = heldEpoch(bob.state, bob.head).group.context.extensions
    const settings = (extensionType: number): Proposal => ({
      proposalType: 'group_context_extensions',
      extensions: [...present, { extensionType, extensionData: new Uint8Array(60_000) }],
    })
    const large = await proposeAll(
      mallory,
      [1, 2, 3, 4, 5].map((i) => settings(0xf100 + i)),
    )
    expect(await bob.receive(...large)).toEqual([...Array(4).fill('proposal'), 'refused: too_many_proposals'])
  })
})
