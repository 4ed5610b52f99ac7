/** A branch whose secrets the caps took while it was open: others may go on there (protocol §8). */
import { isLostBranch, type RetentionPolicy } from '@dmls/dmls'
import { expect, test } from 'vitest'
import type { Actor } from '../scenarios/actor.ts'
import { actors, agreedHead, commitTo, groupOf, welcomeOf } from '../scenarios/story.ts'

/** Room for the head and one other epoch. */
const TWO: RetentionPolicy = {
  retained: { kind: 'age', ageMs: 1e9 },
  readable: { kind: 'age', ageMs: 1e9 },
  epochsMax: 2,
  sizeMaxBytes: 1 << 24,
}

type Five = [Actor, Actor, Actor, Actor, Actor]

/** alice, bob and erin are on one branch, dave on another; charlie sees both, and has room for one. */
async function charlieForgets() {
  const [alice, bob, charlie, dave, erin] = (await actors(['alice', 'bob', 'charlie', 'dave', 'erin'])) as Five
  await groupOf([alice, bob, charlie, dave, erin], { retention: TWO })
  const start = alice.head
  const theirs = await commitTo(alice, {}, [bob, erin])
  for (const person of [bob, erin]) await alice.receive(await person.say('here'))
  const others = await dave.commit()
  await charlie.receive(others.wire)
  await charlie.say('we go on here')
  await charlie.receive(theirs.wire)
  charlie.retire()
  return { alice, bob, charlie, start, theirs, others }
}

test('whoever forgot an open branch is brought back to it, although it holds the epoch where that begins', async () => {
  const { alice, bob, charlie, start, theirs, others } = await charlieForgets()
  expect(charlie.head).toBe(others.epoch)
  expect([...charlie.state.epochs.keys()].sort()).toEqual([start, others.epoch].sort())
  expect(isLostBranch(charlie.state, theirs.epoch)).toBe(true)
  expect(isLostBranch(charlie.state, others.epoch)).toBe(false)
  const request = await charlie.askBack('out_of_reach')
  for (const person of [alice, bob]) expect(await person.hearRequest(request)).toBe('noted')
  const answer = await alice.bringBack()
  // more members are on their side
  await bob.receive(answer.wire)
  expect(await charlie.welcome(welcomeOf(answer))).toBe('joined')
  expect(agreedHead([alice, bob, charlie])).toBe(answer.epoch)
})

test('what our head has taken in is no lost branch, nor is what we left as another instance', async () => {
  const { charlie, start, theirs, others } = await charlieForgets()
  const { state } = charlie
  // held
  expect(isLostBranch(state, start)).toBe(false)
  // taken in
  const merged = state.dag.insert({
    ...state.dag.node(others.epoch).facts,
    id: 'ff'.repeat(32) as typeof start,
    parent: others.epoch,
    epoch: 3n,
    resolves: [{ head: theirs.epoch, forkPoint: start }],
  })
  expect(isLostBranch({ ...state, dag: merged, head: 'ff'.repeat(32) as typeof start }, theirs.epoch)).toBe(false)
  // of another time
  expect(isLostBranch({ ...state, home: others.epoch }, theirs.epoch)).toBe(false)
})
