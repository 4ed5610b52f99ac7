/** What is written when (protocol §9): one batch for a step, and nothing goes out that is not in the store. */
import { equalBytes, toHex, utf8 } from '@dmls/crypto'
import { afterEach, describe, expect, test } from 'vitest'
import type { StoreOperation } from '../src/ports.ts'
import { type GroupRecord, groupRecordPrefix } from '../src/store-keys.ts'
import { carry, createHandPerson, type HandPerson, handPair, onlyGroup, say, told } from './by-hand.ts'

const open: HandPerson[] = []

afterEach(() => told(...open.splice(0)))

async function pair(): Promise<readonly [HandPerson, HandPerson]> {
  const people = await handPair()
  open.push(...people)
  return people
}

/** What `person` writes while something happens. */
async function batchesDuring(
  person: HandPerson,
  happening: () => Promise<unknown>,
): Promise<readonly (readonly StoreOperation[])[]> {
  const from = person.store.batches.length
  await happening()
  return person.store.batches.slice(from)
}

function hasValue(batch: readonly StoreOperation[], bytes: Uint8Array): boolean {
  const hex = toHex(bytes)
  return batch.some((operation) => operation.type === 'put' && toHex(operation.value).includes(hex))
}

/** How many records of a kind a batch writes. */
function recordsOf(batch: readonly StoreOperation[], kind: GroupRecord): number {
  const tag = groupRecordPrefix(new Uint8Array(32), kind).slice(-2)
  return batch.filter(({ type, key }) => type === 'put' && equalBytes(key.slice(2 + 2 + 32, 2 + 2 + 34), tag)).length
}

describe('a step is one write', () => {
  test('whoever makes a commit writes the punctured parent, the child and the message together (scenario 15)', async () => {
    const [alice] = await pair()
    const batches = await batchesDuring(alice, () => onlyGroup(alice).update())
    const [commit] = alice.delivery.take()
    expect(batches).toHaveLength(1)
    expect(recordsOf(batches[0] ?? [], 'epoch')).toBe(2)
    expect(recordsOf(batches[0] ?? [], 'initKey')).toBe(2)
    expect(hasValue(batches[0] ?? [], commit?.message ?? new Uint8Array(1))).toBe(true)
  })

  test('whoever receives it does so too (scenario 15)', async () => {
    const [alice, bob] = await pair()
    await onlyGroup(alice).update()
    const batches = await batchesDuring(bob, () => carry(alice, bob))
    expect(batches).toHaveLength(1)
    expect(recordsOf(batches[0] ?? [], 'epoch')).toBe(2)
    expect(recordsOf(batches[0] ?? [], 'initKey')).toBe(2)
  })

  test('an invitation is written with the commit that makes it', async () => {
    const [alice] = await pair()
    const charlie = await createHandPerson()
    open.push(charlie)
    const keyPackage = await charlie.client.createKeyPackage()
    const batches = await batchesDuring(alice, () => onlyGroup(alice).add([keyPackage]))
    expect(batches).toHaveLength(1)
    for (const { message } of alice.delivery.take()) expect(hasValue(batches[0] ?? [], message)).toBe(true)
  })

  test('a message is written for the application in the batch that consumes its key, and deleted when it was told', async () => {
    const [alice, bob] = await pair()
    await say(alice, 'a text to be found')
    const batches = await batchesDuring(bob, async () => {
      await carry(alice, bob)
      await told(bob)
    })
    expect(batches).toHaveLength(2)
    // of the epoch, only the part of the secret tree that the message has opened: ours and the sender's
    expect(recordsOf(batches[0] ?? [], 'secretNode')).toBe(1)
    expect(recordsOf(batches[0] ?? [], 'epoch') + recordsOf(batches[0] ?? [], 'initKey')).toBe(0)
    expect(hasValue(batches[0] ?? [], utf8('a text to be found'))).toBe(true)
    expect(batches[1]?.map(({ type }) => type)).toEqual(['delete'])
  })

  test('an application that dies while it is told hears the message again (scenario 15)', async () => {
    const [alice, bob] = await pair()
    await say(alice, 'hello')
    let stolen: ReturnType<typeof bob.store.memory.copy> | undefined
    bob.store.onWrite = () => {
      // the second write says that the application is done: the process dies just before it
      if (bob.texts.length > 0) stolen ??= bob.store.memory.copy()
    }
    await carry(alice, bob)
    await told(bob)
    const again = await createHandPerson(stolen)
    open.push(again)
    expect(again.client.groups()).toHaveLength(1)
    await say(alice, 'and once more')
    await carry(alice, again)
    await told(again)
    expect(again.texts).toEqual(['hello', 'and once more'])
  })
})

describe('nothing goes out before it is stored', () => {
  const doings: readonly (readonly [string, (alice: HandPerson) => Promise<unknown>])[] = [
    ['a message', (alice) => say(alice, 'hello')],
    ['a commit', (alice) => onlyGroup(alice).update()],
    ['a request to be removed', (alice) => onlyGroup(alice).leave()],
  ]
  test.each(doings)('%s is in the store when it is published', async (_, does) => {
    const [alice] = await pair()
    const held: boolean[] = []
    alice.delivery.onPublish = (message) => {
      held.push(alice.store.batches.some((batch) => hasValue(batch, message)))
    }
    await does(alice)
    expect(held.length).toBeGreaterThan(0)
    expect(held).not.toContain(false)
  })

  test('a client that dies just before it publishes sends the same bytes after the restart (scenario 15)', async () => {
    const [alice, bob] = await pair()
    let atDeath: ReturnType<typeof alice.store.memory.copy> | undefined
    alice.delivery.onPublish = () => {
      atDeath ??= alice.store.memory.copy()
    }
    await onlyGroup(alice).update()
    const head = onlyGroup(alice).head
    const [lost] = alice.delivery.take()
    const again = await createHandPerson(atDeath)
    open.push(again)
    expect(onlyGroup(again).head).toBe(head)
    // the commit is among what the new process serves to peers that lack it
    const served = await again.delivery.served(lost?.topic ?? '')
    expect(served.map(toHex)).toContain(toHex(lost?.message ?? new Uint8Array(1)))
    for (const message of served) await bob.delivery.hand({ topic: lost?.topic ?? '', message })
    expect(onlyGroup(bob).head).toBe(head)
  })
})
