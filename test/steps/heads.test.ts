/** The head does not depend on the order in which the news comes (protocol §6), and a merge waits for what it merges. */
import { dmlsEpoch } from '@dmls/dmls'
import { describe, expect, test } from 'vitest'
import { type Actor, fingerprint } from '../scenarios/actor.ts'
import { forgeCommit } from '../scenarios/forge.ts'
import { actors, agreedHead, groupOf, permutations } from '../scenarios/story.ts'

type Four = [Actor, Actor, Actor, Actor]

async function four(seed: number): Promise<Four> {
  const people = (await actors(['alice', 'bob', 'charlie', 'dave'], seed)) as Four
  await groupOf(people)
  return people
}

describe('two commits at once', () => {
  test.each([1, 2, 3, 4])('end on one head, whoever hears of which one first (scenario 21, group %d)', async (seed) => {
    const [alice, bob, charlie, dave] = await four(seed)
    const [a, b] = [await alice.commit(), await bob.commit()]
    await alice.receive(b.wire)
    await bob.receive(a.wire)
    await charlie.receive(a.wire, b.wire)
    await dave.receive(b.wire, a.wire)
    agreedHead([alice, bob, charlie, dave])
  })

  test('and what was said on the two branches, in every order', async () => {
    const [alice, bob, charlie, dave] = await four(5)
    const [a, b] = [await alice.commit(), await bob.commit()]
    await charlie.receive(b.wire)
    await dave.receive(b.wire)
    const texts = [await charlie.say('with bob'), await dave.say('me too')]
    for (const order of permutations([a.wire, b.wire, ...texts])) {
      const listener = await alice.copy(order.map((wire) => order.indexOf(wire)).join())
      await listener.receive(...order)
      expect(listener.head).toBe(b.epoch)
    }
  })
})

describe('a commit that resolves a head', () => {
  test('waits for the head where it can still come: who was at the fork judges the plan (scenario 20)', async () => {
    const [alice, bob, charlie] = await four(6)
    const [a, b] = [await alice.commit(), await bob.commit()]
    await alice.receive(b.wire)
    const merge = await alice.commit()
    const [base, resolved] = merge.parent === a.epoch ? [a, b] : [b, a]
    await charlie.receive(base.wire)
    expect(await charlie.receive(merge.wire)).toEqual(['refused: unknown_head'])
    expect(charlie.head).toBe(base.epoch)
    await charlie.receive(resolved.wire)
    expect(charlie.waiting).toEqual([])
    expect(charlie.head).toBe(merge.epoch)
  })

  test('is refused when the head parted nowhere, by all who did not come after its author', async () => {
    const people = await four(7)
    const mallory = people[3]
    const [head, forkPoint] = [dmlsEpoch('ab'.repeat(32)), dmlsEpoch('cd'.repeat(32))]
    const { wire } = await forgeCommit(mallory, { data: { resolves: [{ head, forkPoint }] } })
    for (const person of people.slice(0, 3)) {
      const before = fingerprint(person.state)
      expect(await person.receive(wire)).toEqual(['refused: bad_fork_point'])
      expect(fingerprint(person.state)).toBe(before)
    }
  })
})

test('a commit is good whenever it arrives: a clock that is years ahead keeps the same history (scenario 19)', async () => {
  const [alice, bob, charlie, dave] = await four(8)
  const erin = (await actors(['erin'], 8))[0] as Actor
  const made = await alice.commit({ add: [await erin.keyPackage()] })
  // the key package of erin, and all leaves, expired long ago by bob's clock
  bob.nowMs += 5 * 365 * 24 * 3_600_000
  for (const person of [bob, charlie, dave]) expect(await person.receive(made.wire)).toEqual(['commit'])
  agreedHead([alice, bob, charlie, dave])
})
