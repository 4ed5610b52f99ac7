/** A group comes back from the store as it was, and what is over is not there any more. */
import { nodeProvider } from '@dmls/crypto/node'
import {
  createDmlsProfile,
  decodeDmlsMessage,
  encodeDag,
  encodeDmlsMessage,
  makeCommit,
  retire,
  sendMessage,
} from '@dmls/dmls'
import { afterEach, expect, test } from 'vitest'
import { GroupRecords } from '../src/group/group-records.ts'
import { type GroupRecord, groupRecordPrefix } from '../src/store-keys.ts'
import {
  carry,
  createHandPerson,
  type HandPerson,
  handGroup,
  handPair,
  onlyGroup,
  say,
  told,
  WatchedStore,
} from './by-hand.ts'
import { createSolo } from './solo.ts'

const WEEK_MS = 7 * 24 * 3600 * 1000
const open: HandPerson[] = []

afterEach(() => told(...open.splice(0)))

test('the history that is read back has every epoch, and what was heard of every sender', async () => {
  const people = await handPair()
  open.push(...people)
  const [alice, bob] = people
  await onlyGroup(alice).update()
  await carry(alice, bob)
  // bob's latest message is no commit, and stands in an epoch before the last one
  await say(bob, 'hello')
  await carry(bob, alice)
  await onlyGroup(alice).update()
  await carry(alice, bob)
  for (const person of people) {
    const group = onlyGroup(person)
    const suite = nodeProvider.cipherSuite(1)
    const { group: loaded } = await GroupRecords.load(person.store, group.id, suite, createDmlsProfile())
    expect(loaded.state.head).toBe(group.head)
    expect([...loaded.state.dag.witnesses()]).toHaveLength(2)
    expect(encodeDag(loaded.state.dag)).toEqual(encodeDag(group.dag()))
    // for merges that must add somebody again
    const added = loaded.state.dag.epochs().flatMap(({ adds }) => adds.map(({ instance }) => instance))
    expect([...loaded.state.keyPackages.keys()].sort()).toEqual(added.sort())
  }
})

test('what was processed is known after a restart, whatever epoch a peer names beside it', async () => {
  const [alice, bob] = await handPair()
  open.push(alice)
  await say(bob, 'hello')
  const [published] = await carry(bob, alice)
  await told(bob)
  const again = await createHandPerson(bob.store.memory, { resumeSyncMs: 0 })
  open.push(again)
  if (published === undefined) throw new Error('bob said nothing')
  const { message } = decodeDmlsMessage(published.message)
  const renamed = encodeDmlsMessage({ message, dmlsEpoch: new Uint8Array(32) })
  expect(await again.delivery.hand({ ...published, message: renamed })).toBe('ignore')
  expect(again.events.filter(({ type }) => type === 'unknownEpoch')).toEqual([])
  expect(await again.delivery.served(published.topic)).toContainEqual(published.message)
})

test('an epoch that is over is deleted in the store too, with the subtrees that only it had', async () => {
  const store = new WatchedStore()
  const { context, running, load } = await createSolo(store)
  const records = async (kind: GroupRecord): Promise<number> => {
    let count = 0
    for await (const _ of store.entries({ prefix: groupRecordPrefix(running.current.groupId, kind) })) count++
    return count
  }
  for (let i = 0; i < 3; i++) {
    await running.apply(await makeCommit(running.current, {}, running.services()))
    await running.apply(await sendMessage(running.current, { kind: 'presence' }, running.services()))
  }
  expect([await records('epoch'), await records('node')]).toEqual([4, 4])
  expect([await records('initKey'), await records('secretNode')]).toEqual([4, 4])

  const nowMs = context.clock.nowMs() + 2 * WEEK_MS
  const step = retire(running.current, { nowMs, sizeOf: (epoch) => running.records.sizeOf(epoch) })
  if (step === undefined) throw new Error('there is nothing to delete')
  await running.apply(step, running.records.sweep(step.state))
  step.wipe()
  expect([await records('epoch'), await records('node')]).toEqual([1, 1])
  expect([await records('initKey'), await records('secretNode')]).toEqual([1, 1])
  const { state } = await load()
  expect([...state.epochs.keys()]).toEqual([running.current.head])
  expect(state.dag.size).toBe(4)
})

/** Five people in a group. What they publish is carried by hand. */
async function five(): Promise<[HandPerson, HandPerson, HandPerson, HandPerson, HandPerson]> {
  const people: HandPerson[] = []
  for (let i = 0; i < 5; i++) people.push(await createHandPerson())
  open.push(...people)
  const [alice, ...others] = people as [HandPerson, HandPerson, HandPerson, HandPerson, HandPerson]
  await handGroup(alice, ...others)
  return [alice, ...others]
}

/** The same person in another process, on what its store has. */
async function reopened(person: HandPerson): Promise<HandPerson> {
  const again = await createHandPerson(person.store.memory.copy(), { resumeSyncMs: 1, resumeQuietMs: 1 })
  open.push(again)
  return again
}

test('scenario 5: two epochs of one number come back side by side, each with its own keys', async () => {
  const [alice, bob, carol, dora, erin] = await five()
  await onlyGroup(bob).update()
  await onlyGroup(carol).update()
  await carry(bob, alice, dora)
  await carry(carol, alice, erin)
  const again = await reopened(alice)
  const epochs = onlyGroup(again)
    .openHeads()
    .map((head) => onlyGroup(again).dag().get(head)?.epoch)
  expect(epochs).toEqual([2n, 2n])
  await say(dora, 'with bob')
  await say(erin, 'with carol')
  await carry(dora, again)
  await carry(erin, again)
  // and both can start children still
  await onlyGroup(dora).update()
  await onlyGroup(erin).update()
  await carry(dora, again)
  await carry(erin, again)
  expect(onlyGroup(again).openHeads()).toEqual([onlyGroup(dora).head, onlyGroup(erin).head].sort())
  await told(again)
  expect(again.texts).toEqual(['with bob', 'with carol'])
  expect(again.events.filter(({ type }) => type === 'refused')).toEqual([])
})

test('scenario 18: a commit of our own that lost, and wins after a restart, is the one that the store has', async () => {
  const [alice, bob, carol, dora, erin] = await five()
  await onlyGroup(alice).update()
  const own = onlyGroup(alice).head
  const published = alice.delivery.take()
  await onlyGroup(bob).update()
  const rival = onlyGroup(bob).head
  for (const message of published) for (const person of [dora, erin]) await person.delivery.hand(message)
  await carry(bob, alice, carol)
  // carol speaks for bob: alice gives her own commit up
  await say(carol, 'with bob')
  await carry(carol, alice)
  expect(onlyGroup(alice).head).toBe(rival)
  const again = await reopened(alice)
  expect(onlyGroup(again).head).toBe(rival)
  for (const person of [dora, erin]) {
    await say(person, 'with alice')
    await carry(person, again)
  }
  expect(onlyGroup(again).head).toBe(own)
  // it comes back to its author, who takes it for what it is
  for (const message of published) expect(await again.delivery.hand(message)).toBe('ignore')
  expect(again.delivery.take()).toEqual([])
  await say(again, 'still me')
  await carry(again, dora)
  await told(dora, again)
  expect(dora.texts).toContain('still me')
  expect(again.events.filter(({ type }) => type === 'refused' || type === 'stateLost')).toEqual([])
})
