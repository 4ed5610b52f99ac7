/** Proposals that members leave in an epoch: they keep nobody from speaking or merging (protocol §4). */
import { encodeAuthenticatedData, heldEpoch, mlsServices, ownSignatureKey } from '@dmls/dmls'
import { type Proposal, sendProposal } from '@dmls/mls'
import { describe, expect, test } from 'vitest'
import type { Actor } from '../scenarios/actor.ts'
import { wrap } from '../scenarios/forge.ts'
import { actors, groupOf, welcomeOf } from '../scenarios/story.ts'

/** A proposal that plain MLS accepts, in the author's epoch. */
async function propose(by: Actor, proposal: Proposal): Promise<Uint8Array> {
  const epoch = by.head
  const held = heldEpoch(by.state, epoch)
  const signer = by.services.signerFor(ownSignatureKey(held))
  const counter = by.state.counter + 1n
  const authenticatedData = encodeAuthenticatedData({ counter, resolves: [], application: new Uint8Array(0) })
  const sent = await sendProposal(held.group, proposal, { signer, authenticatedData }, mlsServices(by.services))
  return wrap(sent.message, epoch)
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
})
