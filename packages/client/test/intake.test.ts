/** What is recognised, and what waits (protocol §4): with messages that are carried by hand. */
import { utf8 } from '@dmls/crypto'
import { DMLS_REJOIN_EXTENSION, decodeDmlsMessage, encodeDmlsMessage, encodeRejoinRequest } from '@dmls/dmls'
import { mlsMessageBytes } from '@dmls/mls'
import { afterEach, describe, expect, test } from 'vitest'
import { DEFAULT_LIMITS } from '../src/context.ts'
import { KeyPackages } from '../src/key-packages.ts'
import { MemoryStore } from '../src/memory-store.ts'
import { StoreError } from '../src/ports.ts'
import { carry, createHandPerson, type HandPerson, handGroup, handPair, onlyGroup, say, told } from './by-hand.ts'
import type { Published } from './hand-delivery.ts'
import { until } from './harness.ts'
import { createSolo } from './solo.ts'
import { contentsOf } from './stored.ts'
import { TurnedClock } from './turned-clock.ts'

const open: HandPerson[] = []

afterEach(() => told(...open.splice(0)))

async function pair(): Promise<readonly [HandPerson, HandPerson]> {
  const people = await handPair()
  open.push(...people)
  return people
}

/** The same message under another epoch's name. */
function renamed({ topic, message }: Published, dmlsEpoch: Uint8Array): Published {
  return { topic, message: encodeDmlsMessage({ ...decodeDmlsMessage(message), dmlsEpoch }) }
}

describe('a message that was processed', () => {
  test('is known under every name that somebody writes around it: it waits for nothing and is kept once (scenario 23)', async () => {
    const [alice, bob] = await pair()
    await say(alice, 'hello')
    const [sent] = (await carry(alice, bob)) as [Published]
    const before = bob.store.memory.sizeBytes
    for (let i = 0; i < 50; i++) {
      expect(await bob.delivery.hand(renamed(sent, new Uint8Array(32).fill(i)))).toBe('ignore')
    }
    expect(bob.store.memory.sizeBytes).toBe(before)
    expect(bob.events.filter(({ type }) => type === 'unknownEpoch' || type === 'refused')).toEqual([])
    await told(bob)
    expect(bob.texts).toEqual(['hello'])
  })

  test('does not hide the right copy when the wrong one came first (scenario 23)', async () => {
    const [alice, bob] = await pair()
    await say(alice, 'hello')
    const [sent] = alice.delivery.take() as [Published]
    await bob.delivery.hand(renamed(sent, new Uint8Array(32).fill(7)))
    expect(bob.events.at(-1)).toMatchObject({ type: 'unknownEpoch', waiting: 1 })
    expect(await bob.delivery.hand(sent)).toBe('accept')
    await told(bob)
    expect(bob.texts).toEqual(['hello'])
  })
})

describe('a message that waits for an epoch', () => {
  test('is read when the epoch comes, also after a restart in between (scenarios 15, 20)', async () => {
    const [alice, bob] = await pair()
    await onlyGroup(alice).update()
    const [commit] = alice.delivery.take() as [Published]
    await say(alice, 'after the update')
    const [text] = alice.delivery.take() as [Published]
    await bob.delivery.hand(text)
    expect(bob.events.at(-1)).toMatchObject({ type: 'unknownEpoch', waiting: 1 })

    const again = await createHandPerson(bob.store.memory.copy())
    open.push(again)
    for (const person of [bob, again]) {
      expect(await person.delivery.hand(commit)).toBe('accept')
      await told(person)
      expect(person.texts).toEqual(['after the update'])
    }
  })

  test('is read after a crash that came between the epoch and the message (scenario 15)', async () => {
    const [alice, bob] = await pair()
    await onlyGroup(alice).update()
    const [commit] = alice.delivery.take() as [Published]
    await say(alice, 'after the update')
    const [text] = alice.delivery.take() as [Published]
    await bob.delivery.hand(text)
    const head = onlyGroup(alice).head
    let stolen: ReturnType<typeof bob.store.memory.copy> | undefined
    bob.store.onWrite = () => {
      // the epoch is there, and the next write would be the message's
      if (onlyGroup(bob).head === head) stolen ??= bob.store.memory.copy()
    }
    await bob.delivery.hand(commit)
    const again = await createHandPerson(stolen)
    open.push(again)
    expect(onlyGroup(again).head).toBe(head)
    await told(again)
    expect(again.texts).toEqual(['after the update'])
  })
})

describe('a merge that waits for a branch', () => {
  test('is taken as it is once the epoch where the branch parted is deleted here (scenario 24)', async () => {
    const clock = new TurnedClock()
    const alice = await createHandPerson()
    const bob = await createHandPerson(undefined, { retentionIntervalMs: 5 }, { clock })
    const carol = await createHandPerson()
    open.push(alice, bob, carol)
    await handGroup(alice, bob, carol)
    // bob stands with alice, and nobody shows him what carol did beside them
    await onlyGroup(alice).update()
    await carry(alice, bob)
    await say(bob, 'with alice')
    await carry(bob, alice)
    await onlyGroup(carol).update()
    const aside = onlyGroup(carol).head
    await carry(carol, alice)
    await onlyGroup(alice).update()
    const merge = onlyGroup(alice).head
    expect(onlyGroup(alice).dag().get(merge)?.resolves).toMatchObject([{ head: aside }])
    const [merging] = alice.delivery.take() as [Published]
    // what follows waits too: in the merge, and beyond it
    await say(alice, 'we are one again')
    await carry(alice, bob)
    await onlyGroup(alice).update()
    const [beyond] = alice.delivery.take() as [Published]
    await say(alice, 'and go on')
    await carry(alice, bob)
    const before = onlyGroup(bob).head
    await bob.delivery.hand(merging)
    expect(bob.events.at(-1)).toMatchObject({ type: 'unknownEpoch', dmlsEpoch: aside, waiting: 1 })
    expect(onlyGroup(bob).head).toBe(before)
    // nobody brings it, and nothing else comes: after a week he can process nothing of it any more
    clock.passDays(8)
    await until(() => onlyGroup(bob).head === merge, 'bob takes the merge', 3000)
    expect(onlyGroup(bob).dag().has(aside)).toBe(false)
    await until(() => bob.texts.length > 0, 'what was said in the merge', 3000)
    await bob.delivery.hand(beyond)
    await told(bob)
    expect(bob.texts).toEqual(['we are one again', 'and go on'])
  })
})

describe('what every honest peer refuses', () => {
  test('is rejected and leaves nothing: what is too large, of another group, or nothing at all', async () => {
    const [alice, bob] = await pair()
    const other = await alice.client.createGroup()
    const { messageSizeMax, requestSizeMax } = DEFAULT_LIMITS
    await onlyGroup(alice).send(new Uint8Array(messageSizeMax))
    const [large] = alice.delivery.take() as [Published]
    await other.send(utf8('not for you'))
    const [foreign] = alice.delivery.take() as [Published]
    const { context } = await createSolo(new MemoryStore())
    const others = await KeyPackages.open(context)
    const request = await others.createForReturn(onlyGroup(bob).id, [
      { extensionType: DMLS_REJOIN_EXTENSION, extensionData: requestFor(bob) },
      { extensionType: 0xff00, extensionData: new Uint8Array(requestSizeMax) },
    ])
    const before = await contentsOf(bob.store)
    for (const message of [
      large.message,
      foreign.message,
      mlsMessageBytes({ wireFormat: 'mls_key_package', keyPackage: request }),
      await alice.client.createKeyPackage(),
      large.message.slice(0, 100),
    ]) {
      expect(await bob.delivery.hand({ ...large, message })).toBe('reject')
    }
    expect(await contentsOf(bob.store)).toEqual(before)
  })

  /** A request to replace somebody, who did not make it. */
  function requestFor(person: HandPerson): Uint8Array {
    const { id, head } = onlyGroup(person)
    const [member] = onlyGroup(person).members()
    if (member === undefined) throw new Error('nobody is in the group')
    return encodeRejoinRequest({
      groupId: id,
      instance: member.instance,
      reason: 'state_lost',
      epochs: [head],
      open: [],
      invited: [],
    })
  }
})

test('a message that the disk refuses is told of, left to the peers, and read when it comes again', async () => {
  const [alice, bob] = await pair()
  await say(alice, 'hello')
  const [sent] = alice.delivery.take() as [Published]
  const before = await contentsOf(bob.store)
  bob.store.onWrite = () => {
    throw new StoreError('store_failed', 'the disk is full')
  }
  expect(await bob.delivery.hand(sent)).toBe('ignore')
  bob.store.onWrite = () => undefined
  expect(await contentsOf(bob.store)).toEqual(before)
  expect(await bob.delivery.hand(sent)).toBe('accept')
  await told(bob)
  expect(bob.texts).toEqual(['hello'])
  expect(bob.events.filter(({ type }) => type === 'refused')).toMatchObject([{ code: 'store_failed' }])
})
