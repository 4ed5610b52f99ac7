/** What a merger says to the branch that it gives up, and who follows (protocol §7.6). */
import { dmlsEpoch, rejoinDmlsGroup } from '@dmls/dmls'
import { expect, test } from 'vitest'
import type { Actor } from '../scenarios/actor.ts'
import { actors, groupOf, welcomeOf } from '../scenarios/story.ts'

test('the latest message of a merger is its merge, for itself and for all who hear the handovers', async () => {
  const people = (await actors(['alice', 'bob', 'charlie', 'dave', 'erin'])) as [Actor, Actor, Actor, Actor, Actor]
  const [alice, bob, charlie, dave, erin] = people
  await groupOf([alice, bob, erin])
  const left = await alice.commit({ add: [await charlie.keyPackage()] })
  await charlie.welcome(welcomeOf(left))
  const right = await bob.commit({ add: [await dave.keyPackage()] })
  await dave.welcome(welcomeOf(right))

  await erin.receive(left.wire, right.wire)
  const merge = await erin.commit()
  expect(merge.handovers).toHaveLength(1)
  await alice.receive(right.wire, merge.wire, ...merge.handovers)
  await bob.receive(left.wire, ...merge.handovers, merge.wire)
  for (const { state } of [alice, bob, erin]) {
    expect(state.dag.latest(erin.self)).toEqual({ sender: erin.self, counter: erin.state.counter, epoch: merge.epoch })
  }
  // and what it says next stands above both
  const text = await erin.say('here we go on')
  await alice.receive(text)
  expect(alice.state.dag.latest(erin.self)?.counter).toBe(erin.state.counter)
})

test('a handover is no word for the epoch that it is said in: whoever hears it before the merge keeps the fork point', async () => {
  const people = (await actors(['alice', 'bob', 'charlie', 'dave', 'erin'])) as [Actor, Actor, Actor, Actor, Actor]
  const [alice, bob, charlie, dave, erin] = people
  await groupOf([alice, bob, erin])
  const origin = alice.head
  const left = await alice.commit({ add: [await charlie.keyPackage()] })
  const right = await bob.commit({ add: [await dave.keyPackage()] })
  await erin.receive(left.wire, right.wire)
  const merge = await erin.commit()
  const [loser, theirs] = merge.resolved[0] === left.epoch ? [alice, right] : [bob, left]

  await loser.receive(...merge.handovers)
  expect(loser.state.handovers.size).toBe(1)
  expect(loser.state.dag.latest(erin.self)).toBeUndefined()
  loser.retire()
  expect(loser.state.epochs.get(origin)?.stage).toBe('open')
  await loser.receive(theirs.wire, merge.wire)
  expect(loser.head).toBe(merge.epoch)
})

test('whoever was invited by somebody that was being removed is told so, and follows the next invitation', async () => {
  const people = (await actors(['alice', 'bob', 'charlie', 'frank'])) as [Actor, Actor, Actor, Actor]
  const [alice, bob, charlie, frank] = people
  await groupOf([alice, bob, charlie])
  const removal = await alice.commit({ remove: [bob.self] })
  await charlie.receive(removal.wire)
  const heard = await charlie.say('bob is out')
  const addition = await bob.commit({ add: [await frank.keyPackage()] })
  await frank.welcome(welcomeOf(addition))

  await charlie.receive(addition.wire)
  await alice.receive(heard, addition.wire)
  const merge = await charlie.commit()
  expect(merge.parent).toBe(removal.epoch)
  expect(merge.plan).toMatchObject({ add: [], remove: [] })
  await alice.receive(merge.wire)
  expect(frank.state.removal).toBeUndefined()
  await frank.receive(...merge.handovers)
  expect(frank.state.removal).toMatchObject({ parent: addition.epoch, by: charlie.self })
  const invitation = await alice.commit({ add: [await frank.keyPackage()] })
  expect(await frank.welcome(welcomeOf(invitation))).toBe('joined')
  expect(frank.head).toBe(invitation.epoch)
})

test('a removed member does not follow a Welcome into a branch that was given up before (scenario 6)', async () => {
  const [alice, bob] = (await actors(['alice', 'bob'])) as [Actor, Actor]
  await groupOf([alice, bob])
  const removal = await alice.commit({ remove: [bob.self] })
  await bob.receive(removal.wire)
  const back = await alice.commit({ add: [await bob.keyPackage()] })
  const joined = await bob.open(welcomeOf(back))

  const { state } = bob
  const head = state.dag.get(state.head)
  if (head === undefined) throw new Error('the head is not in the history')
  const beyond = {
    ...head,
    id: dmlsEpoch('ee'.repeat(32)),
    parent: head.id,
    epoch: head.epoch + 1n,
    committer: bob.self,
    resolves: [{ head: back.epoch, forkPoint: head.id }],
    adds: [],
  }
  const { roster: _, ...facts } = beyond
  const wiser = { ...state, dag: state.dag.insert(facts), head: facts.id }
  expect(() => rejoinDmlsGroup(wiser, joined, bob.services)).toThrow(
    expect.objectContaining({ code: 'already_resolved' }),
  )
  expect(rejoinDmlsGroup(state, joined, bob.services).state.head).toBe(back.epoch)
})
