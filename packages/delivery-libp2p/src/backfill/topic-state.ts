/** One topic that we take part in: its handler, and what is known of its messages. */
import type { PeerName, TopicHandler, Verdict } from '@dmls/client/ports'
import { toHex } from '@dmls/crypto'
import type { Limits } from '../limits.ts'
import { IdSnapshot } from './id-snapshot.ts'
import { MessageMemory } from './message-memory.ts'

/** Sessions that start within this time share one reading of what is held. */
const SNAPSHOT_MS = 300

export class TopicState {
  readonly name: string
  readonly #handler: TopicHandler
  readonly #limits: Limits
  readonly #memory: MessageMemory
  /** What sessions are asking for now, by hexadecimal identifier. */
  readonly #claims = new Set<string>()
  readonly #calls = new Set<Promise<unknown>>()
  /** Ends the topic's sessions. */
  readonly #left = new AbortController()
  #held: { readonly atMs: number; readonly snapshot: Promise<IdSnapshot> } | undefined

  constructor(name: string, handler: TopicHandler, limits: Limits) {
    this.name = name
    this.#handler = handler
    this.#limits = limits
    this.#memory = new MessageMemory(limits.rememberedMax)
  }

  get signal(): AbortSignal {
    return this.#left.signal
  }

  /** Nothing is handed to the handler any more once this resolves. */
  async leave(): Promise<void> {
    this.#left.abort(new Error('the topic was left'))
    await Promise.allSettled(this.#calls)
  }

  /** Hands a message over, unless that has been done already. Never rejects. */
  receive(message: Uint8Array, id: Uint8Array, from: PeerName): Promise<{ verdict: Verdict; isNew: boolean }> {
    const known = this.#memory.recall(id, Date.now())
    if (known !== undefined) return Promise.resolve(known).then((verdict) => ({ verdict, isNew: false }))
    if (this.signal.aborted) return Promise.resolve({ verdict: 'ignore', isNew: false })
    const call = this.#call(new Uint8Array(message), from)
    this.#memory.begin(id, call)
    this.#calls.add(call)
    return call.then((verdict) => {
      this.#calls.delete(call)
      this.#memory.remember(id, verdict, Date.now())
      this.#claims.delete(toHex(id))
      return { verdict, isNew: true }
    })
  }

  /** Our own message: it need not come back. */
  rememberOwn(id: Uint8Array): void {
    this.#memory.remember(id, 'accept', Date.now())
  }

  /** Others are about to compare with us: what we hold is read anew. */
  refresh(): void {
    this.#held = undefined
  }

  askAgain(): void {
    this.#memory.askAgain()
  }

  claim(id: Uint8Array): boolean {
    const name = toHex(id)
    if (this.#claims.has(name) || this.#memory.recall(id, Date.now()) !== undefined) return false
    this.#claims.add(name)
    return true
  }

  release(id: Uint8Array): void {
    this.#claims.delete(toHex(id))
  }

  load(id: Uint8Array): Promise<Uint8Array | undefined> {
    return this.#handler.load(id)
  }

  /** What we can serve. */
  held(): Promise<IdSnapshot> {
    const nowMs = Date.now()
    if (this.#held === undefined || nowMs - this.#held.atMs > SNAPSHOT_MS) {
      this.#held = { atMs: nowMs, snapshot: IdSnapshot.collect(this.#handler.held(), this.#limits.idsMax) }
    }
    return this.#held.snapshot
  }

  /** What we need not fetch: what we hold, had, or do not want for now. */
  async known(): Promise<IdSnapshot> {
    const [handler, memory] = [this.#handler, this.#memory]
    async function* all(): AsyncGenerator<Uint8Array> {
      yield* handler.held()
      yield* memory.known(Date.now())
    }
    return IdSnapshot.collect(all(), 2 * this.#limits.idsMax)
  }

  async #call(message: Uint8Array, from: PeerName): Promise<Verdict> {
    try {
      return await this.#handler.receive(message, from)
    } catch {
      // A handler never throws; one that does has not decided anything.
      return 'ignore'
    }
  }
}
