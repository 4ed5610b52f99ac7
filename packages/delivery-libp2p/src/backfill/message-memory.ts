/**
 * What became of the messages of one topic, by identifier, while we are subscribed to it: so that a message is handed
 * over once, whichever way it comes, and one that was ignored is not fetched again at every contact. Bounded: the oldest
 * memories go first, and the price of a lost memory is one message fetched again.
 */

import type { Verdict } from '@dmls/client/ports'
import { toHex } from '@dmls/crypto'

const FIRST_RETRY_MS = 60_000
const LAST_RETRY_MS = 3_600_000

interface Memory {
  readonly id: Uint8Array
  verdict: Verdict | Promise<Verdict>
  /** When an ignored message is worth another try. */
  retryAtMs: number
  retryMs: number
}

export class MessageMemory {
  readonly #memories = new Map<string, Memory>()
  readonly #max: number

  constructor(max: number) {
    this.#max = max
  }

  /** What was or is being decided about a message; undefined if it should be handed over. */
  recall(id: Uint8Array, nowMs: number): Verdict | Promise<Verdict> | undefined {
    const memory = this.#memories.get(toHex(id))
    if (memory === undefined || (memory.verdict === 'ignore' && memory.retryAtMs <= nowMs)) return undefined
    return memory.verdict
  }

  /** A message is being handed over. */
  begin(id: Uint8Array, verdict: Promise<Verdict>): void {
    this.#set(id, verdict, 0)
  }

  remember(id: Uint8Array, verdict: Verdict, nowMs: number): void {
    this.#set(id, verdict, nowMs)
  }

  /** Ignored messages are worth another try now. */
  askAgain(): void {
    for (const memory of this.#memories.values()) memory.retryAtMs = 0
  }

  /** Identifiers of all messages that need not be fetched. */
  *known(nowMs: number): Generator<Uint8Array> {
    for (const { id, verdict, retryAtMs } of this.#memories.values()) {
      if (verdict !== 'ignore' || retryAtMs > nowMs) yield id
    }
  }

  #set(id: Uint8Array, verdict: Verdict | Promise<Verdict>, nowMs: number): void {
    const name = toHex(id)
    const before = this.#memories.get(name)
    let retryMs = before?.retryMs ?? FIRST_RETRY_MS / 2
    if (verdict === 'ignore') retryMs = Math.min(2 * retryMs, LAST_RETRY_MS)
    this.#memories.set(name, { id: before?.id ?? id.slice(), verdict, retryMs, retryAtMs: nowMs + retryMs })
    if (this.#memories.size > this.#max) {
      for (const oldest of this.#memories.keys()) {
        this.#memories.delete(oldest)
        break
      }
    }
  }
}
