/**
 * A Delivery in memory: a hub that members join by name, for tests and examples. Its order is determined by the order
 * of the calls: each message goes to the subscribers in the order in which they joined, one at a time; nothing is lost,
 * delayed or reordered. Links can be cut and restored. The simulator has a network of its own, which does all that.
 */

import { toHex } from '@dmls/crypto'
import { DeliveryError } from './delivery-error.ts'
import type { Delivery, PeerName, Topic, TopicHandler, Verdict } from './ports.ts'

interface Member {
  readonly name: PeerName
  readonly handlers: Map<string, TopicHandler>
  /** Identifiers of what the handler was given, by topic: not given again, unless ignored and asked for. */
  readonly handed: Map<string, Map<string, Verdict>>
  isClosed: boolean
}

export class MemoryHub {
  readonly #digest: (message: Uint8Array) => Uint8Array
  readonly #members: Member[] = []
  /** The island of each member that is not on the main one. */
  #islands = new Map<PeerName, number>()
  #queue: Promise<void> = Promise.resolve()

  /** `digest` is SHA-256. */
  constructor(digest: (message: Uint8Array) => Uint8Array) {
    this.#digest = digest
  }

  /** A Delivery for one member; names are unique. */
  join(name: PeerName): Delivery {
    const member: Member = { name, handlers: new Map(), handed: new Map(), isClosed: false }
    this.#members.push(member)
    return {
      subscribe: async (topic, handler) => this.#subscribe(member, topic, handler),
      publish: async (topic, message) => {
        requireOpen(member)
        const copy = new Uint8Array(message)
        this.#enqueue(() => this.#deliver(member, toHex(topic), copy))
      },
      backfill: async (topic) => {
        requireOpen(member)
        const key = toHex(topic)
        const handed = member.handed.get(key)
        for (const [id, verdict] of handed ?? []) if (verdict !== 'accept') handed?.delete(id)
        this.#enqueue(() => this.#fetchAll(member, key))
        await this.#queue
      },
      close: async () => {
        member.isClosed = true
        member.handlers.clear()
      },
    }
  }

  /** Cuts the network: only members of one island hear each other. Whoever is not named is on an island of the rest. */
  partition(islands: readonly (readonly PeerName[])[]): void {
    this.#islands = new Map(islands.flatMap((island, i) => island.map((name) => [name, i + 1] as const)))
  }

  /** Joins all islands again; everybody then fetches what it lacks. */
  heal(): void {
    this.partition([])
    for (const member of this.#members) {
      for (const topic of member.handlers.keys()) this.#enqueue(() => this.#fetchAll(member, topic))
    }
  }

  /** Resolves when nothing is on its way any more. */
  async settle(): Promise<void> {
    for (let tail: Promise<void> | undefined; tail !== this.#queue; ) {
      tail = this.#queue
      await tail
    }
  }

  #subscribe(member: Member, topic: Topic, handler: TopicHandler): () => Promise<void> {
    requireOpen(member)
    const key = toHex(topic)
    if (member.handlers.has(key)) throw new DeliveryError('topic_taken', 'The topic has a handler already.')
    member.handlers.set(key, handler)
    member.handed.set(key, new Map())
    this.#enqueue(() => this.#fetchAll(member, key))
    for (const other of this.#members) {
      if (other !== member) this.#enqueue(() => this.#fetch(other, key, member))
    }
    return async () => {
      if (member.handlers.get(key) === handler) member.handlers.delete(key)
    }
  }

  #enqueue(task: () => Promise<void>): void {
    this.#queue = this.#queue.then(task)
  }

  #areLinked(a: Member, b: Member): boolean {
    return a !== b && !a.isClosed && !b.isClosed && this.#islands.get(a.name) === this.#islands.get(b.name)
  }

  async #deliver(from: Member, topic: string, message: Uint8Array): Promise<void> {
    for (const to of this.#members) {
      if (this.#areLinked(from, to)) await this.#hand(to, topic, message, from)
    }
  }

  async #fetchAll(member: Member, topic: string): Promise<void> {
    for (const other of this.#members) await this.#fetch(member, topic, other)
  }

  /** Hands a member everything that another holds and it does not. */
  async #fetch(to: Member, topic: string, from: Member): Promise<void> {
    const source = from.handlers.get(topic)
    const target = to.handlers.get(topic)
    if (source === undefined || target === undefined || !this.#areLinked(to, from)) return
    const known = new Set(to.handed.get(topic)?.keys())
    for await (const id of target.held()) known.add(toHex(id))
    const missing: Uint8Array[] = []
    for await (const id of source.held()) if (!known.has(toHex(id))) missing.push(id)
    for (const id of missing) {
      const message = await source.load(id)
      if (message !== undefined) await this.#hand(to, topic, message, from)
    }
  }

  async #hand(to: Member, topic: string, message: Uint8Array, from: Member): Promise<void> {
    const handler = to.handlers.get(topic)
    const handed = to.handed.get(topic)
    const id = toHex(this.#digest(message))
    if (handler === undefined || handed === undefined || handed.has(id)) return
    handed.set(id, await handler.receive(new Uint8Array(message), from.name))
  }
}

function requireOpen(member: Member): void {
  if (member.isClosed) throw new DeliveryError('delivery_closed', 'The delivery is closed.')
}
