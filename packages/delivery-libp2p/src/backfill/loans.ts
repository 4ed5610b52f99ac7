/**
 * Messages that are too large for gossip and belong to topics that we do not take part in: kept for a short while, so
 * that the peers of the topic can fetch them from us.
 */
import type { TopicHandler } from '@dmls/client/ports'
import { fromHex, toHex } from '@dmls/crypto'

const KEPT_MS = 60_000
const BYTES_MAX = 64 * 2 ** 20

interface Loan {
  readonly topic: string
  readonly message: Uint8Array
  readonly untilMs: number
}

export class Loans {
  /** By hexadecimal identifier, oldest first. */
  readonly #loans = new Map<string, Loan>()

  add(topic: string, id: Uint8Array, message: Uint8Array): void {
    this.#loans.set(toHex(id), { topic, message, untilMs: Date.now() + KEPT_MS })
    this.#trim()
  }

  /** What of a topic is kept; undefined if nothing. */
  handler(topic: string): Pick<TopicHandler, 'held' | 'load'> | undefined {
    this.#trim()
    const loans = this.#loans
    const ids = [...loans].filter(([, loan]) => loan.topic === topic).map(([id]) => id)
    if (ids.length === 0) return undefined
    return {
      async *held() {
        for (const id of ids) yield fromHex(id)
      },
      load: async (id) => loans.get(toHex(id))?.message,
    }
  }

  clear(): void {
    this.#loans.clear()
  }

  #trim(): void {
    const nowMs = Date.now()
    let bytes = 0
    for (const [id, loan] of [...this.#loans].reverse()) {
      bytes += loan.message.length
      if (bytes > BYTES_MAX || loan.untilMs < nowMs) this.#loans.delete(id)
    }
  }
}
