/**
 * The messages of one topic that this client holds, so that it can hand them to peers that missed them and recognise
 * what it already has. Bytes live in the store; identifiers also in memory. The key of a message says what a log must know
 * to begin: opening it reads no message.
 */
import { fromHex, toHex } from '@dmls/crypto'
import type { Store, StoreOperation, Topic } from './ports.ts'
import { readTopicMessageName, topicMessageKey, topicPrefix } from './store-keys.ts'

/** SHA-256 of the message bytes, 32 bytes. */
export type MessageDigest = (message: Uint8Array) => Uint8Array

/** A message that is held: its place, and what its owner keeps beside its name. */
interface Held {
  readonly sequence: number
  readonly note: Uint8Array
}

const NOTHING: Uint8Array = new Uint8Array(0)

export class TopicLog {
  readonly #store: Store
  readonly #topic: Topic
  readonly #digest: MessageDigest
  /** By hexadecimal identifier, oldest first. */
  readonly #held = new Map<string, Held>()
  #next = 0

  private constructor(store: Store, topic: Topic, digest: MessageDigest) {
    this.#store = store
    this.#topic = topic
    this.#digest = digest
  }

  static async open(store: Store, topic: Topic, digest: MessageDigest): Promise<TopicLog> {
    const log = TopicLog.unread(store, topic, digest)
    await log.read(() => undefined)
    return log
  }

  /** A log that does not know yet what it holds: {@link read} it before anything else. */
  static unread(store: Store, topic: Topic, digest: MessageDigest): TopicLog {
    return new TopicLog(store, topic, digest)
  }

  /** Reads the log, once, and shows the name of every message, oldest first, with what was noted beside it. */
  async read(visit: (id: string, note: Uint8Array) => void): Promise<void> {
    const prefix = topicPrefix(this.#topic)
    for await (const key of this.#store.keys({ prefix })) {
      const { sequence, id, note } = readTopicMessageName(key.subarray(prefix.length))
      const name = toHex(id)
      this.#held.set(name, { sequence, note })
      this.#next = sequence + 1
      visit(name, note)
    }
  }

  get size(): number {
    return this.#held.size
  }

  /** The identifier of a message, hexadecimal. */
  id(message: Uint8Array): string {
    return toHex(this.#digest(message))
  }

  has(id: string): boolean {
    return this.#held.has(id)
  }

  /**
   * What to write so that the message is held, and what to call once that is written. The note stands in its key, which
   * may stay readable on the disk: nothing secret.
   */
  append(
    message: Uint8Array,
    note: Uint8Array = NOTHING,
  ): { readonly operations: readonly StoreOperation[]; readonly written: () => void } {
    const id = this.id(message)
    if (this.#held.has(id)) return { operations: [], written: () => undefined }
    const held = { sequence: this.#next++, note }
    return {
      operations: [{ type: 'put', key: this.#key(id, held), value: message }],
      written: () => {
        this.#held.set(id, held)
      },
    }
  }

  /** What to write so that the messages are held no more, and what to call once that is written. */
  remove(ids: Iterable<string>): { readonly operations: readonly StoreOperation[]; readonly written: () => void } {
    const gone = [...ids].flatMap((id): [string, Held][] => {
      const held = this.#held.get(id)
      return held === undefined ? [] : [[id, held]]
    })
    return {
      operations: gone.map(([id, held]) => ({ type: 'delete', key: this.#key(id, held) })),
      written: () => {
        for (const [id] of gone) this.#held.delete(id)
      },
    }
  }

  /** Identifiers of all messages held, oldest first. */
  ids(): IterableIterator<string> {
    return this.#held.keys()
  }

  async load(id: string): Promise<Uint8Array | undefined> {
    const held = this.#held.get(id)
    return held === undefined ? undefined : this.#store.get(this.#key(id, held))
  }

  #key(id: string, held: Held): Uint8Array {
    return topicMessageKey(this.#topic, { id: fromHex(id), ...held })
  }
}
