/** A group comes back from the store as it was, and what is over is not there any more. */
import { nodeProvider } from '@dmls/crypto/node'
import { createDmlsProfile, encodeDag, makeCommit, retire, sendMessage } from '@dmls/dmls'
import { afterEach, expect, test } from 'vitest'
import { GroupRecords } from '../src/group/group-records.ts'
import { type GroupRecord, groupRecordPrefix } from '../src/store-keys.ts'
import { carry, type HandPerson, handPair, onlyGroup, say, told, WatchedStore } from './by-hand.ts'
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
