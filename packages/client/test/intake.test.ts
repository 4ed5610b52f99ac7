/** What is recognised, and what waits (protocol §4): with messages that are carried by hand. */
import { decodeDmlsMessage, encodeDmlsMessage } from '@dmls/dmls'
import { afterEach, describe, expect, test } from 'vitest'
import { carry, createHandPerson, type HandPerson, handGroup, handPair, onlyGroup, say, told } from './by-hand.ts'
import type { Published } from './hand-delivery.ts'
import { until } from './harness.ts'
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
    const before = onlyGroup(bob).head
    await carry(alice, bob)
    expect(bob.events.at(-1)).toMatchObject({ type: 'unknownEpoch', dmlsEpoch: aside, waiting: 1 })
    expect(onlyGroup(bob).head).toBe(before)
    // nobody brings it, and nothing else comes: after a week he can process nothing of it any more
    clock.passDays(8)
    await until(() => onlyGroup(bob).head === merge, 'bob takes the merge', 3000)
    expect(onlyGroup(bob).dag().has(aside)).toBe(false)
    await say(alice, 'we are one again')
    await carry(alice, bob)
    await told(bob)
    expect(bob.texts).toEqual(['we are one again'])
  })
})
