/**
 * The messages of one topic that this client holds, so that it can hand them to peers that missed them and recognise
 * what it already has. Bytes live in the store; identifiers also in memory.
 */
import { toHex } from '@dmls/crypto'
import type { Store, StoreOperation, Topic } from './ports.ts'
import { readSequence, topicMessageKey, topicPrefix } from './store-keys.ts'

/** SHA-256 of the message bytes, 32 bytes. */
export type MessageDigest = (message: Uint8Array) => Uint8Array

export class TopicLog {
  readonly #store: Store
  readonly #topic: Topic
  readonly #digest: MessageDigest
  /** Sequence numbers by hexadecimal identifier, oldest first. */
  readonly #sequences = new Map<string, number>()
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

  /** Reads the log, once, and shows every message, oldest first. */
  async read(visit: (id: string, message: Uint8Array) => void): Promise<void> {
    const prefix = topicPrefix(this.#topic)
    for await (const [key, message] of this.#store.entries({ prefix })) {
      const sequence = readSequence(key.slice(prefix.length))
      const id = toHex(this.#digest(message))
      this.#sequences.set(id, sequence)
      this.#next = sequence + 1
      visit(id, message)
    }
  }

  get size(): number {
    return this.#sequences.size
  }

  /** The identifier of a message, hexadecimal. */
  id(message: Uint8Array): string {
    return toHex(this.#digest(message))
  }

  has(id: string): boolean {
    return this.#sequences.has(id)
  }

  /** What to write so that the message is held, and what to call once that is written. */
  append(message: Uint8Array): { readonly operations: readonly StoreOperation[]; readonly written: () => void } {
    const id = this.id(message)
    if (this.#sequences.has(id)) return { operations: [], written: () => undefined }
    const sequence = this.#next++
    return {
      operations: [{ type: 'put', key: topicMessageKey(this.#topic, sequence), value: message }],
      written: () => {
        this.#sequences.set(id, sequence)
      },
    }
  }

  /** What to write so that the messages are held no more, and what to call once that is written. */
  remove(ids: Iterable<string>): { readonly operations: readonly StoreOperation[]; readonly written: () => void } {
    const gone = [...ids].filter((id) => this.#sequences.has(id))
    return {
      operations: gone.map((id) => ({
        type: 'delete',
        key: topicMessageKey(this.#topic, this.#sequences.get(id) as number),
      })),
      written: () => {
        for (const id of gone) this.#sequences.delete(id)
      },
    }
  }

  /** Identifiers of all messages held, oldest first. */
  ids(): IterableIterator<string> {
    return this.#sequences.keys()
  }

  async load(id: string): Promise<Uint8Array | undefined> {
    const sequence = this.#sequences.get(id)
    return sequence === undefined ? undefined : this.#store.get(topicMessageKey(this.#topic, sequence))
  }
}
