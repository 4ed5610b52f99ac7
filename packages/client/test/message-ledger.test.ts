/** What a group remembers of messages takes no more room than it may, in the store too (scenario 1). */
import { concatBytes, systemRandom, toHex, utf8 } from '@dmls/crypto'
import { sendMessage } from '@dmls/dmls'
import { expect, test } from 'vitest'
import { DEFAULT_LIMITS } from '../src/context.ts'
import { MessageLedger, OWN, type Pending } from '../src/group/message-ledger.ts'
import { MemoryStore } from '../src/memory-store.ts'
import { createSolo, type Solo } from './solo.ts'
import { contentsOf } from './stored.ts'

async function setting() {
  const store = new MemoryStore()
  const solo: Solo = await createSolo(store)
  const context = { ...solo.context, limits: { ...DEFAULT_LIMITS, waitingMax: 3, refusedMax: 3 } }
  const { groupId } = solo.running.current
  const open = (): Promise<MessageLedger> => MessageLedger.open(context, groupId)
  const write = async ({ operations, written }: Pending): Promise<void> => {
    await store.write(operations)
    written()
  }
  return { ...solo, store, open, write, ledger: await open() }
}

/** Messages of epochs that nobody knows. */
const FLOOD = Array.from({ length: 20 }, (_, i) => concatBytes(utf8(`message ${i}`), systemRandom(100)))
const NOWHERE = toHex(new Uint8Array(32).fill(7))

test('of a flood that waits only the latest leave anything in the store, and wait after a restart', async () => {
  const { store, ledger, open, write } = await setting()
  const empty = await contentsOf(store)
  for (const bytes of FLOOD) await write(ledger.wait(bytes, NOWHERE))
  // one record for the message, one for what it waits for
  expect((await contentsOf(store)).size - empty.size).toBe(2 * 3)
  for (const each of [ledger, await open()]) {
    expect(each.takeWaiting(NOWHERE).map(({ id }) => id)).toEqual(FLOOD.slice(-3).map((bytes) => ledger.id(bytes)))
  }
})

test('what waited and was processed, or was of no use, waits no more, also after a restart', async () => {
  const { store, running, ledger, open, write } = await setting()
  const empty = await contentsOf(store)
  const hello = { kind: 'application', data: utf8('hello') } as const
  const { wire } = await sendMessage(running.current, hello, running.services())
  const [useless] = FLOOD as [Uint8Array]
  for (const bytes of [wire, useless]) await write(ledger.wait(bytes, NOWHERE))
  await write(ledger.process([wire], OWN))
  await write(ledger.refuse(ledger.id(useless)))
  for (const each of [ledger, await open()]) {
    expect(each.awaited()).toEqual([])
    expect(await each.load(each.id(wire))).toEqual(wire)
    expect(await each.load(each.id(useless))).toBeUndefined()
  }
  expect((await contentsOf(store)).size - empty.size).toBe(1)
})

test('of what was refused only the latest names are remembered, and told to peers', async () => {
  const { ledger, write } = await setting()
  const ids = FLOOD.map((bytes) => ledger.id(bytes))
  for (const id of ids) await write(ledger.refuse(id))
  const held: string[] = []
  for await (const id of ledger.held()) held.push(toHex(id))
  expect(held).toEqual(ids.slice(-3))
  expect(ids.filter((id) => ledger.knows(id))).toEqual(ids.slice(-3))
  ledger.forgetRefusals()
  expect(ids.some((id) => ledger.knows(id))).toBe(false)
})

test('messages of somebody who was taken for removed are fetched again, and nothing else that was refused', async () => {
  const { ledger, write } = await setting()
  await write(ledger.refuse('aa', { ofRemoved: true }))
  await write(ledger.refuse('bb', { disputed: NOWHERE }))
  expect([ledger.knows('aa'), ledger.knows('bb'), [...ledger.disputed()]]).toEqual([true, true, [NOWHERE]])
  expect(ledger.forgetRefusalsOfRemoved()).toBe(true)
  expect([ledger.knows('aa'), ledger.knows('bb')]).toEqual([false, true])
  expect(ledger.forgetRefusalsOfRemoved()).toBe(false)
  ledger.forgetRefusals()
  expect([...ledger.disputed()]).toEqual([])
})
