/**
 * The arrays in which records with secrets go to the store and come from it: the client overwrites them, whether it wrote
 * or read them, so that of a secret that is deleted later no copy stays in memory.
 */
import { toHex, utf8 } from '@dmls/crypto'
import { afterEach, expect, test } from 'vitest'
import type { MemoryStore } from '../src/memory-store.ts'
import { type GroupRecord, groupRecordPrefix, KEY_PACKAGE_PREFIX } from '../src/store-keys.ts'
import { carry, createHandPerson, type HandPerson, handGroup, handPair, onlyGroup, say, told } from './by-hand.ts'
import { contentsOf } from './stored.ts'

const open: HandPerson[] = []

afterEach(() => told(...open.splice(0)))

const OF_GROUPS: readonly GroupRecord[] = ['meta', 'epoch', 'initKey', 'secretNode', 'inbox']

/** Records with secrets that are on a disk now. */
async function secretRecords(memory: MemoryStore, groupId: Uint8Array): Promise<Map<string, readonly string[]>> {
  const disk = memory.copy()
  const found = new Map<string, readonly string[]>()
  const prefixes: [string, Uint8Array][] = OF_GROUPS.map((record) => [record, groupRecordPrefix(groupId, record)])
  prefixes.push(['identity', utf8('identity')], ['k/', KEY_PACKAGE_PREFIX])
  for (const [name, prefix] of prefixes) found.set(name, [...(await contentsOf(disk, prefix)).values()])
  return found
}

/** The names of records of which a whole copy is in one of the arrays that went in or out. */
function copied({ store }: HandPerson, records: ReadonlyMap<string, readonly string[]>): string[] {
  const passed = new Set(store.passed.map((value) => toHex(value)))
  return [...records].filter(([, values]) => values.some((value) => passed.has(value))).map(([name]) => name)
}

test('no array that went to the store or came from it has a record with secrets, after opening and after writing', async () => {
  const [alice, bob] = await handPair()
  open.push(alice)
  const { id } = onlyGroup(alice)
  await onlyGroup(bob).update()
  await carry(bob, alice)
  await bob.client.createKeyPackage()
  await say(bob, 'hello')
  let records = await secretRecords(bob.store.memory, id)
  for (const [name, values] of records) expect([name, values.length > 0]).toEqual([name, name !== 'inbox'])
  expect(copied(bob, records)).toEqual([])
  await told(bob)
  const again = await createHandPerson(bob.store.memory)
  open.push(again)
  records = await secretRecords(again.store.memory, id)
  expect(again.store.passed.length).toBeGreaterThan(10)
  expect(copied(again, records)).toEqual([])
  // it is the same person, and goes on
  await onlyGroup(again).update()
  await carry(again, alice)
  expect(onlyGroup(alice).head).toBe(onlyGroup(again).head)
  const carol = await createHandPerson()
  open.push(carol)
  await handGroup(carol, again)
  expect(again.client.groups()).toHaveLength(2)
})

test('of a text that the application was told, now or after a restart, no array that went in or out has a copy', async () => {
  const [alice, bob] = await handPair()
  open.push(alice)
  let stolen: MemoryStore | undefined
  bob.store.onWrite = () => {
    // the process dies just before it says that the application is done
    if (bob.texts.length > 0) stolen ??= bob.store.memory.copy()
  }
  await say(alice, 'a text to be found')
  await carry(alice, bob)
  await told(bob)
  const again = await createHandPerson(stolen)
  await told(again)
  expect(again.texts).toEqual(['a text to be found'])
  const text = toHex(utf8('a text to be found'))
  for (const { store } of [bob, again]) {
    expect(store.passed.filter((value) => toHex(value).includes(text))).toEqual([])
  }
})
