/** One node's part in one topic: its handler, and which messages it does not want from peers just now. */

import type { PeerName, TopicHandler, Verdict } from '@dmls/client'
import { fromHex, toHex } from '@dmls/crypto'

interface Unwanted {
  readonly untilMs: number
  readonly times: number
}

/** How long a message that was ignored is not fetched again, the first time. */
const IGNORED_MS = 10_000

export class Subscription {
  readonly #handler: TopicHandler
  /** By hexadecimal identifier. */
  readonly #unwanted = new Map<string, Unwanted>()
  readonly #fetching = new Set<string>()
  readonly #ending = Promise.withResolvers<undefined>()
  #ended = false

  constructor(handler: TopicHandler) {
    this.#handler = handler
  }

  /** The handler is not called any more, and nobody waits for what it was asked: its process may be dead. */
  end(): void {
    this.#ended = true
    this.#ending.resolve(undefined)
  }

  async #answer<T>(ask: () => Promise<T>): Promise<T | undefined> {
    return this.#ended ? undefined : Promise.race([ask(), this.#ending.promise])
  }

  /** Hexadecimal identifiers of all messages held, oldest first. */
  async held(): Promise<readonly string[]> {
    const ids = await this.#answer(async () => {
      const held: string[] = []
      for await (const id of this.#handler.held()) held.push(toHex(id))
      return held
    })
    return ids ?? []
  }

  async load(id: string): Promise<Uint8Array | undefined> {
    return this.#answer(() => this.#handler.load(fromHex(id)))
  }

  async receive(id: string, message: Uint8Array, from: PeerName, nowMs: number): Promise<Verdict> {
    const verdict = await this.#answer(() => this.#handler.receive(new Uint8Array(message), from))
    if (verdict === undefined) return 'ignore'
    if (verdict === 'accept') this.#unwanted.delete(id)
    else {
      const times = (this.#unwanted.get(id)?.times ?? 0) + 1
      const untilMs = verdict === 'reject' ? Number.POSITIVE_INFINITY : nowMs + IGNORED_MS * 2 ** times
      this.#unwanted.set(id, { untilMs, times })
    }
    return verdict
  }

  /** Which of these are neither here, nor on their way here, nor unwanted now. */
  async missing(offered: readonly string[], nowMs: number): Promise<readonly string[]> {
    const held = new Set(await this.held())
    return offered.filter((id) => {
      const unwanted = this.#unwanted.get(id)
      return !held.has(id) && !this.#fetching.has(id) && (unwanted === undefined || unwanted.untilMs <= nowMs)
    })
  }

  /** Like {@link missing}; until they are released, nobody else fetches them. */
  async claim(offered: readonly string[], nowMs: number): Promise<readonly string[]> {
    const wanted = await this.missing(offered, nowMs)
    const claimed = wanted.filter((id) => !this.#fetching.has(id))
    for (const id of claimed) this.#fetching.add(id)
    return claimed
  }

  release(ids: readonly string[]): void {
    for (const id of ids) this.#fetching.delete(id)
  }

  /** What was ignored is wanted again; what was rejected is not. */
  wantAgain(): void {
    for (const [id, { untilMs }] of this.#unwanted) if (Number.isFinite(untilMs)) this.#unwanted.delete(id)
  }
}
