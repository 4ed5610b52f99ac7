/** What a merger says to the branch that it gives up does not speak for that branch (protocol §7.6). */
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
