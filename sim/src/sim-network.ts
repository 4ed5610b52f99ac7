/**
 * A Delivery over simulated links: gossip that can be late, lost, doubled and out of order; cuts; and backfill, by which
 * peers in contact fetch what they lack. It behaves as the port promises and as the real adapter does, without its wire
 * protocol. Hostile nodes put any bytes on it ({@link SimNetwork.inject}).
 *
 * A published message goes straight to every reachable subscriber, as in a well-connected mesh; relays and their
 * scores are not modelled, and verdicts are only counted.
 */

import type { Delivery, PeerName, Topic, TopicHandler, Verdict } from '@dmls/client'
import { DeliveryError } from '@dmls/client/ports'
import { toHex } from '@dmls/crypto'
import type { EventQueue } from './event-queue.ts'
import { GOOD_LINK, type LinkQuality, NetworkConditions } from './network-conditions.ts'
import type { SeededRandom } from './seeded-random.ts'
import { Subscription } from './subscription.ts'
import type { Trace } from './trace.ts'

export interface NetworkOptions {
  readonly queue: EventQueue
  readonly random: SeededRandom
  readonly trace: Trace
  /** SHA-256 of a message. */
  readonly digest: (message: Uint8Array) => Uint8Array
  readonly quality?: LinkQuality
  /** How often a peer asks one other, chosen at random, for what it lacks. Default 5000. */
  readonly syncIntervalMs?: number
  /** With how many peers of a topic one exchanges on contact. Default 12. */
  readonly contactsMax?: number
}

interface Endpoint {
  readonly name: PeerName
  /** By the hexadecimal topic. */
  readonly subscriptions: Map<string, Subscription>
  isOpen: boolean
}

/** One message on its way, for those who listen to all traffic. */
export interface Passing {
  readonly from: PeerName
  /** Hexadecimal. */
  readonly topic: string
  /** Hexadecimal. */
  readonly id: string
  readonly message: Uint8Array
}

export class SimNetwork {
  readonly conditions: NetworkConditions
  readonly #options: NetworkOptions
  readonly #random: SeededRandom
  readonly #syncIntervalMs: number
  readonly #contactsMax: number
  readonly #endpoints = new Map<PeerName, Endpoint>()
  readonly #taps = new Set<(passing: Passing) => void>()
  #lastActivityMs = 0
  #handed = 0

  constructor(options: NetworkOptions) {
    this.#options = options
    this.#random = options.random
    this.#syncIntervalMs = options.syncIntervalMs ?? 5000
    this.#contactsMax = options.contactsMax ?? 12
    this.conditions = new NetworkConditions(options.quality ?? GOOD_LINK)
  }

  /** When a message was published, or one was new to somebody. */
  get lastActivityMs(): number {
    return this.#lastActivityMs
  }

  /** Messages handed to handlers, doubles included. */
  get handed(): number {
    return this.#handed
  }

  /** Everything that is published, injected or fetched from now on. Returns a function that stops. */
  tap(listener: (passing: Passing) => void): () => void {
    this.#taps.add(listener)
    return () => this.#taps.delete(listener)
  }

  /** A Delivery for a process. What an earlier process of that name subscribed to is gone. */
  attach(name: PeerName): Delivery {
    this.detach(name)
    const endpoint: Endpoint = { name, subscriptions: new Map(), isOpen: true }
    this.#endpoints.set(name, endpoint)
    this.#scheduleSync(endpoint)
    return {
      subscribe: async (topic, handler) => this.#subscribe(endpoint, topic, handler),
      publish: async (topic, message) => {
        requireOpen(endpoint)
        this.#publish(endpoint, toHex(topic), new Uint8Array(message))
      },
      backfill: async (topic) => {
        requireOpen(endpoint)
        await this.#backfill(endpoint, toHex(topic))
      },
      close: async () => close(endpoint),
    }
  }

  /** The process of that name is gone. */
  detach(name: PeerName): void {
    const endpoint = this.#endpoints.get(name)
    if (endpoint !== undefined) close(endpoint)
    this.#endpoints.delete(name)
  }

  /** Cuts the network into islands; see {@link NetworkConditions.setIslands}. */
  partition(islands: readonly (readonly PeerName[])[]): void {
    this.#options.trace.add('world', 'partition', islands.map((island) => island.join('+')).join(' | '))
    this.conditions.setIslands(islands)
  }

  /** Joins all islands: everybody is in contact with some of the others at once. */
  heal(): void {
    this.#options.trace.add('world', 'heal')
    this.conditions.setIslands([])
    for (const endpoint of this.#endpoints.values()) {
      for (const topic of endpoint.subscriptions.keys()) this.#contact(endpoint, topic)
    }
  }

  /** Bytes from somebody hostile, to everybody in reach or to those named. The sender need not be attached. */
  inject(from: PeerName, topic: Topic, message: Uint8Array, to?: readonly PeerName[]): void {
    this.#spread(from, toHex(topic), new Uint8Array(message), to)
  }

  /**
   * Messages that a peer could have from another that it can reach and does not, by topic; empty when everybody has
   * everything. Compares neighbours on a ring, which is enough.
   */
  async differences(): Promise<readonly string[]> {
    const different = new Set<string>()
    for (const topic of this.#topics()) {
      const peers = [...this.#endpoints.values()].filter((endpoint) => endpoint.subscriptions.has(topic))
      for (const [i, peer] of peers.entries()) {
        const others = [...peers.slice(i + 1), ...peers.slice(0, i)]
        const neighbour = others.find((other) => this.#areLinked(peer, other))
        if (neighbour === undefined) continue
        for (const [to, from] of [
          [peer, neighbour],
          [neighbour, peer],
        ] as const) {
          if (await this.#lacks(to, from, topic)) {
            different.add(`${to.name} lacks something of ${from.name} in ${topic.slice(0, 8)}`)
          }
        }
      }
    }
    return [...different]
  }

  #topics(): Set<string> {
    const topics = new Set<string>()
    for (const { subscriptions } of this.#endpoints.values())
      for (const topic of subscriptions.keys()) topics.add(topic)
    return topics
  }

  async #lacks(to: Endpoint, from: Endpoint, topic: string): Promise<boolean> {
    const source = from.subscriptions.get(topic)
    const target = to.subscriptions.get(topic)
    if (source === undefined || target === undefined) return false
    for (const id of await target.missing(await source.held(), this.#options.queue.nowMs)) {
      if ((await source.load(id)) !== undefined) return true
    }
    return false
  }

  #subscribe(endpoint: Endpoint, topic: Topic, handler: TopicHandler): () => Promise<void> {
    requireOpen(endpoint)
    const key = toHex(topic)
    if (endpoint.subscriptions.has(key)) throw new DeliveryError('topic_taken', 'The topic has a handler already.')
    const subscription = new Subscription(handler)
    endpoint.subscriptions.set(key, subscription)
    this.#contact(endpoint, key)
    return async () => {
      subscription.end()
      if (endpoint.subscriptions.get(key) === subscription) endpoint.subscriptions.delete(key)
    }
  }

  #areLinked(a: Endpoint, b: Endpoint): boolean {
    return a !== b && a.isOpen && b.isOpen && this.conditions.areLinked(a.name, b.name)
  }

  #peersOf(endpoint: Endpoint, topic: string): Endpoint[] {
    return [...this.#endpoints.values()].filter(
      (other) => other.subscriptions.has(topic) && this.#areLinked(endpoint, other),
    )
  }

  // Gossip

  #publish(from: Endpoint, topic: string, message: Uint8Array): void {
    this.#spread(from.name, topic, message)
  }

  #spread(from: PeerName, topic: string, message: Uint8Array, only?: readonly PeerName[]): void {
    const id = toHex(this.#options.digest(message))
    this.#lastActivityMs = this.#options.queue.nowMs
    this.#options.trace.add(from, 'publish', `${topic.slice(0, 8)} ${id.slice(0, 8)} ${message.length}`)
    this.#pass({ from, topic, id, message })
    for (const to of this.#endpoints.values()) {
      if (!to.subscriptions.has(topic) || !this.conditions.areLinked(from, to.name)) continue
      if (only !== undefined && !only.includes(to.name)) continue
      const quality = this.conditions.quality(from, to.name)
      const copies = this.#random.chance(quality.duplication) ? 2 : 1
      for (let copy = 0; copy < copies; copy++) {
        if (this.#random.chance(quality.loss)) continue
        this.#options.queue.schedule(this.#latency(quality), () => void this.#hand(to, topic, id, message, from))
      }
    }
  }

  #latency(quality: LinkQuality): number {
    const [min, max] = quality.latencyMs
    const heldUp = this.#random.chance(quality.delay) ? this.#random.int(0, quality.delayMaxMs) : 0
    return this.#random.int(min, max) + heldUp
  }

  #pass(passing: Passing): void {
    for (const tap of this.#taps) tap(passing)
  }

  async #hand(to: Endpoint, topic: string, id: string, message: Uint8Array, from: PeerName): Promise<void> {
    const subscription = to.subscriptions.get(topic)
    // cut, closed or left while it was on its way
    if (subscription === undefined || !to.isOpen || !this.conditions.areLinked(from, to.name)) return
    this.#handed++
    const verdict: Verdict = await subscription.receive(id, message, from, this.#options.queue.nowMs)
    if (verdict === 'accept') this.#lastActivityMs = this.#options.queue.nowMs
    this.#options.trace.add(to.name, verdict, `${topic.slice(0, 8)} ${id.slice(0, 8)} from ${from}`)
  }

  // Backfill

  /** Both sides of some contacts fetch what they lack. */
  #contact(endpoint: Endpoint, topic: string): void {
    for (const peer of this.#random.sample(this.#peersOf(endpoint, topic), this.#contactsMax)) {
      void this.#fetch(endpoint, topic, peer)
      void this.#fetch(peer, topic, endpoint)
    }
  }

  async #backfill(endpoint: Endpoint, topic: string): Promise<void> {
    endpoint.subscriptions.get(topic)?.wantAgain()
    const peers = this.#random.sample(this.#peersOf(endpoint, topic), this.#contactsMax)
    await Promise.all(peers.map((peer) => this.#fetch(endpoint, topic, peer)))
  }

  #scheduleSync(endpoint: Endpoint): void {
    // everybody at its own moment
    const delayMs = this.#random.int(this.#syncIntervalMs >> 1, this.#syncIntervalMs + (this.#syncIntervalMs >> 1))
    this.#options.queue.schedule(delayMs, () => {
      if (!endpoint.isOpen) return
      for (const topic of endpoint.subscriptions.keys()) {
        const peers = this.#peersOf(endpoint, topic)
        if (peers.length > 0) void this.#fetch(endpoint, topic, this.#random.pick(peers))
      }
      this.#scheduleSync(endpoint)
    })
  }

  /** `to` asks `from` what it holds, then for what it lacks of that, oldest first. */
  async #fetch(to: Endpoint, topic: string, from: Endpoint): Promise<void> {
    const { queue } = this.#options
    const quality = this.conditions.quality(from.name, to.name)
    if (this.#random.chance(quality.loss)) return
    await queue.delay(this.#latency(quality))
    const inContact = (): boolean => this.#areLinked(to, from)
    const source = from.subscriptions.get(topic)
    if (source === undefined || !inContact()) return
    const offered = await source.held()
    await queue.delay(this.#latency(quality))
    const target = to.subscriptions.get(topic)
    if (target === undefined || !inContact()) return
    const wanted = await target.claim(offered, queue.nowMs)
    try {
      for (const [i, id] of wanted.entries()) {
        if (i % FETCH_BATCH === 0) await queue.delay(this.#latency(quality))
        if (!inContact() || to.subscriptions.get(topic) !== target) return
        const message = await source.load(id)
        if (message === undefined) continue
        this.#pass({ from: from.name, topic, id, message })
        await this.#hand(to, topic, id, message, from.name)
      }
    } finally {
      target.release(wanted)
    }
  }
}

/** Messages that are fetched in one round trip. */
const FETCH_BATCH = 32

function close(endpoint: Endpoint): void {
  endpoint.isOpen = false
  for (const subscription of endpoint.subscriptions.values()) subscription.end()
  endpoint.subscriptions.clear()
}

function requireOpen(endpoint: Endpoint): void {
  if (!endpoint.isOpen) throw new DeliveryError('delivery_closed', 'The delivery is closed.')
}
