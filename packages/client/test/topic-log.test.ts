/** The messages of a topic in the store: a log that is opened again knows them by their keys. */
import { toHex, utf8 } from '@dmls/crypto'
import { nodeProvider } from '@dmls/crypto/node'
import { expect, test } from 'vitest'
import { MemoryStore } from '../src/memory-store.ts'
import { TopicLog } from '../src/topic-log.ts'
import { WatchedStore } from './by-hand.ts'

const { hash } = nodeProvider.cipherSuite(1)
const TOPIC = utf8('a topic')

async function filled(store: WatchedStore): Promise<TopicLog> {
  const log = await TopicLog.open(store, TOPIC, hash)
  for (const [text, note] of [['one', 'first'], ['two'], ['three', 'last']] as const) {
    const { operations, written } = log.append(utf8(text), note && utf8(note))
    await store.write(operations)
    written()
  }
  return log
}

test('it is read back in order, with what was noted beside each message, and without one message', async () => {
  const store = new WatchedStore()
  await filled(store)
  store.get = store.entries = () => {
    throw new Error('a value was read')
  }
  const log = TopicLog.unread(store, TOPIC, hash)
  const read: [string, Uint8Array][] = []
  await log.read((id, note) => read.push([id, note]))
  expect(read).toEqual([
    [toHex(hash(utf8('one'))), utf8('first')],
    [toHex(hash(utf8('two'))), new Uint8Array(0)],
    [toHex(hash(utf8('three'))), utf8('last')],
  ])
  expect([log.size, log.has(toHex(hash(utf8('two'))))]).toEqual([3, true])
})

test('opened again it hands out its messages, takes none twice, and lets go of them', async () => {
  const memory = new MemoryStore()
  await filled(new WatchedStore(memory))
  const log = await TopicLog.open(memory, TOPIC, hash)
  const [one, two, three] = ['one', 'two', 'three'].map((text) => toHex(hash(utf8(text)))) as [string, string, string]
  expect(await log.load(two)).toEqual(utf8('two'))
  expect(log.append(utf8('one'), utf8('another note')).operations).toEqual([])
  const { operations, written } = log.remove([one, three, 'ff'])
  await memory.write(operations)
  written()
  expect([...log.ids()]).toEqual([two])
  expect(await log.load(one)).toBeUndefined()
  const next = log.append(utf8('four'))
  await memory.write(next.operations)
  next.written()
  expect([...(await TopicLog.open(memory, TOPIC, hash)).ids()]).toEqual([two, toHex(hash(utf8('four')))])
})
