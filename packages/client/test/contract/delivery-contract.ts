/**
 * What every Delivery must do, as one suite that each adapter runs on a small network of alice, bob and charlie. It
 * tests the port only; what an adapter adds (connections, hostile peers, scores) has tests of its own.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Delivery, DeliveryError, type TopicHandler } from '../../src/ports.ts'

/** Several deliveries that can reach each other. */
export interface Network {
  readonly deliveries: readonly Delivery[]
  /** Cuts the network into islands of indices; resolves when they are cut. */
  partition(islands: readonly (readonly number[])[]): Promise<void>
  /** Joins the islands again. */
  heal(): Promise<void>
  cleanUp(): Promise<void>
}

export interface DeliverySubject {
  /** SHA-256, 32 bytes. */
  digest(message: Uint8Array): Uint8Array
  create(members: number): Promise<Network>
  /** How long a test waits for what must happen. */
  readonly patienceMs: number
  /** How long it takes for granted that what has not happened does not. */
  readonly quietMs: number
}

/** A topic's messages as an application would hold them. */
export class Shelf implements TopicHandler {
  readonly #digest: (message: Uint8Array) => Uint8Array
  readonly #held = new Map<string, Uint8Array>()
  /** Everything that {@link receive} was given, as text, in order. */
  readonly received: string[] = []
  readonly senders = new Set<string>()
  /** Messages that are not wanted yet. */
  ignores: (text: string) => boolean = () => false

  constructor(digest: (message: Uint8Array) => Uint8Array) {
    this.#digest = digest
  }

  /** Puts a message on the shelf, as its author does before publishing. */
  hold(message: Uint8Array): Uint8Array {
    this.#held.set(hex(this.#digest(message)), message.slice())
    return message
  }

  async receive(message: Uint8Array, from: string): Promise<'accept' | 'ignore'> {
    const text = textOf(message)
    this.received.push(text)
    this.senders.add(from)
    const id = hex(this.#digest(message))
    if (this.ignores(text) || this.#held.has(id)) return 'ignore'
    this.#held.set(id, message)
    return 'accept'
  }

  async *held(): AsyncGenerator<Uint8Array> {
    for (const id of [...this.#held.keys()]) yield new Uint8Array(Buffer.from(id, 'hex'))
  }

  async load(id: Uint8Array): Promise<Uint8Array | undefined> {
    return this.#held.get(hex(id))?.slice()
  }

  /** What is on the shelf, as sorted text. */
  get texts(): readonly string[] {
    return [...this.#held.values()].map(textOf).sort()
  }
}

export function message(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

function textOf(bytes: Uint8Array): string {
  return bytes.length > 1000 ? `${bytes.length} bytes` : new TextDecoder().decode(bytes)
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

export function describeDelivery(name: string, subject: DeliverySubject): void {
  describe(`the delivery contract, ${name}`, () => {
    const group = message('group')
    let network: Network
    let alice: Delivery
    let bob: Delivery
    let charlie: Delivery

    beforeEach(async () => {
      network = await subject.create(3)
      ;[alice, bob, charlie] = network.deliveries as [Delivery, Delivery, Delivery]
    })
    afterEach(() => network.cleanUp())

    const shelf = (): Shelf => new Shelf(subject.digest)
    const soon = (check: () => void): Promise<void> => expect.poll(probe(check), poll()).toBe('')
    const poll = () => ({ timeout: subject.patienceMs, interval: 20 })
    const quiet = () => new Promise((resolve) => setTimeout(resolve, subject.quietMs))
    /** The failure of a check as text, for polling; empty if it holds. */
    const probe = (check: () => void) => () => {
      try {
        check()
        return ''
      } catch (error) {
        return String(error)
      }
    }

    /** Everybody in one topic. */
    async function everybody(): Promise<[Shelf, Shelf, Shelf]> {
      const shelves: [Shelf, Shelf, Shelf] = [shelf(), shelf(), shelf()]
      for (const [i, delivery] of network.deliveries.entries()) await delivery.subscribe(group, shelves[i] as Shelf)
      return shelves
    }

    test('what alice publishes reaches bob and charlie once, and not alice', async () => {
      const [atAlice, atBob, atCharlie] = await everybody()
      await alice.publish(group, atAlice.hold(message('hello')))
      await soon(() => {
        expect(atBob.received).toEqual(['hello'])
        expect(atCharlie.received).toEqual(['hello'])
      })
      await quiet()
      expect(atAlice.received).toEqual([])
      expect(atBob.received).toEqual(['hello'])
      expect([...atBob.senders].every((sender) => typeof sender === 'string')).toBe(true)
    })

    test('a topic is not heard in another topic, nor after it was left', async () => {
      const atBob = shelf()
      const elsewhere = shelf()
      const leave = await bob.subscribe(group, atBob)
      await charlie.subscribe(message('other'), elsewhere)
      await alice.publish(group, message('one'))
      const atAlice = shelf()
      await alice.subscribe(group, atAlice)
      await alice.publish(group, atAlice.hold(message('two')))
      await soon(() => expect(atBob.texts).toContain('two'))
      await leave()
      await leave()
      await alice.publish(group, atAlice.hold(message('three')))
      await quiet()
      expect(atBob.received).not.toContain('three')
      expect(elsewhere.received).toEqual([])
      await bob.subscribe(group, atBob)
      await soon(() => expect(atBob.texts).toContain('three'))
    })

    test('whoever comes late gets what was said before, oldest first', async () => {
      const atAlice = shelf()
      const texts = Array.from({ length: 30 }, (_, i) => `message ${i}`)
      for (const text of texts) atAlice.hold(message(text))
      await alice.subscribe(group, atAlice)
      const atBob = shelf()
      await bob.subscribe(group, atBob)
      await soon(() => expect(atBob.received).toEqual(texts))
    })

    test('scenario 22: two sides of a cut have everything of each other soon after it ends', async () => {
      const [atAlice, atBob, atCharlie] = await everybody()
      await alice.publish(group, atAlice.hold(message('before')))
      await soon(() => expect(atCharlie.texts).toEqual(['before']))
      await network.partition([[0, 1], [2]])
      await alice.publish(group, atAlice.hold(message('left')))
      await charlie.publish(group, atCharlie.hold(message('right')))
      await soon(() => expect(atBob.texts).toEqual(['before', 'left']))
      await quiet()
      expect(atCharlie.texts).toEqual(['before', 'right'])
      expect(atBob.texts).toEqual(['before', 'left'])
      await network.heal()
      await soon(() => {
        for (const each of [atAlice, atBob, atCharlie]) expect(each.texts).toEqual(['before', 'left', 'right'])
      })
    })

    test('a message of five megabytes arrives, now and later', async () => {
      const [atAlice, atBob, atCharlie] = await everybody()
      await alice.publish(group, atAlice.hold(new Uint8Array(5_000_000).fill(7)))
      await soon(() => {
        expect(atBob.texts).toEqual(['5000000 bytes'])
        expect(atCharlie.texts).toEqual(['5000000 bytes'])
      })
    })

    test('scenario 30: two thousand messages of a side are fetched, in order, and messages flow meanwhile', async () => {
      const atAlice = shelf()
      const atBob = shelf()
      const side = (who: string) => Array.from({ length: 2000 }, (_, i) => `${who} ${i}`)
      for (const text of side('alice')) atAlice.hold(message(text))
      for (const text of side('bob')) atBob.hold(message(text))
      await network.partition([[0], [1]])
      await alice.subscribe(group, atAlice)
      await bob.subscribe(group, atBob)
      await network.heal()
      await soon(() => expect(atBob.received.length).toBeGreaterThan(0))
      await alice.publish(group, atAlice.hold(message('now')))
      const all = [...side('alice'), ...side('bob'), 'now'].sort()
      await soon(() => {
        expect(atAlice.texts.length).toBe(4001)
        expect(atBob.texts.length).toBe(4001)
      })
      expect(atAlice.texts).toEqual(all)
      expect(atBob.texts).toEqual(all)
      expect(atBob.received.filter((text) => text !== 'now')).toEqual(side('alice'))
    })

    test('an inbox is reached without being subscribed to, and later by a sender that stays', async () => {
      const inbox = message('inbox of charlie')
      const atCharlie = shelf()
      const leave = await charlie.subscribe(inbox, atCharlie)
      await quiet()
      await bob.publish(inbox, message('welcome, published'))
      await soon(() => expect(atCharlie.texts).toEqual(['welcome, published']))
      await leave()

      const pending = shelf()
      const done = await alice.subscribe(inbox, pending)
      await alice.publish(inbox, pending.hold(message('welcome, held')))
      await quiet()
      await charlie.subscribe(inbox, atCharlie)
      await soon(() => expect(atCharlie.texts).toEqual(['welcome, held', 'welcome, published']))
      await done()
    })

    test('what was ignored comes again when it is asked for', async () => {
      const atAlice = shelf()
      const atBob = shelf()
      atAlice.hold(message('early'))
      atBob.ignores = () => true
      await alice.subscribe(group, atAlice)
      await bob.subscribe(group, atBob)
      await soon(() => expect(atBob.received).toContain('early'))
      const before = atBob.received.length
      await quiet()
      expect(atBob.received.length).toBe(before)
      atBob.ignores = () => false
      await bob.backfill(group)
      await soon(() => expect(atBob.texts).toEqual(['early']))
    })

    test('nothing that is published is shared with the caller', async () => {
      const [atAlice, atBob] = await everybody()
      atAlice.hold(message('before'))
      const bytes = Buffer.from(message('before'))
      const published = alice.publish(group, bytes)
      bytes.fill(0x61)
      await published
      await soon(() => expect(atBob.texts).toEqual(['before']))
    })

    test('the same bytes are published on two topics', async () => {
      const [atAlice, atBob] = await everybody()
      const inbox = new Uint8Array(32).fill(0x42)
      const atInbox = shelf()
      await bob.subscribe(inbox, atInbox)
      const alsoAtAlice = shelf()
      alsoAtAlice.hold(message('a Welcome for two'))
      await alice.subscribe(inbox, alsoAtAlice)
      atAlice.hold(message('a Welcome for two'))
      await alice.publish(group, message('a Welcome for two'))
      await alice.publish(inbox, message('a Welcome for two'))
      await soon(() => {
        expect(atBob.texts).toEqual(['a Welcome for two'])
        expect(atInbox.texts).toEqual(['a Welcome for two'])
      })
    })

    test('a topic has one handler', async () => {
      const leave = await alice.subscribe(group, shelf())
      await expect(alice.subscribe(group, shelf())).rejects.toMatchObject({
        name: 'DeliveryError',
        code: 'topic_taken',
      })
      await leave()
      await alice.subscribe(group, shelf())
    })

    test('a closed delivery refuses everything, hears nothing, and closes twice', async () => {
      const [atAlice, atBob] = await everybody()
      await bob.close()
      await bob.close()
      await alice.publish(group, atAlice.hold(message('hello')))
      await quiet()
      expect(atBob.received).toEqual([])
      const closed = { name: 'DeliveryError', code: 'delivery_closed' }
      await expect(bob.subscribe(message('x'), shelf())).rejects.toMatchObject(closed)
      await expect(bob.publish(group, message('x'))).rejects.toMatchObject(closed)
      await expect(bob.backfill(group)).rejects.toMatchObject(closed)
      expect(new DeliveryError('delivery_closed', 'x')).toBeInstanceOf(Error)
    })
  })
}
