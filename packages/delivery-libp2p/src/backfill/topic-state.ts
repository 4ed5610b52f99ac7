/** One topic that we take part in: its handler, and what is known of its messages. */
import type { PeerName, TopicHandler, Verdict } from '@dmls/client/ports'
import { toHex } from '@dmls/crypto'
import type { Limits } from '../limits.ts'
import { IdSnapshot } from './id-snapshot.ts'
import { MessageMemory } from './message-memory.ts'

/** Sessions that start within this time share one reading of what is held. */
const SNAPSHOT_MS = 300
/** So long after its last session with us a peer is taken to take part, whatever gossip says. */
const GUEST_MS = 60_000

/** What a peer that compared with us has seen. */
interface Offer {
  /** Of how many news we had had then. */
  readonly news: number
  readonly atMs: number
}

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
  /** Messages that were new, so far. */
  #news = 0
  /** By connected peer that has compared with us. */
  readonly #offers = new Map<PeerName, Offer>()
  #held: { readonly atMs: number; readonly news: number; readonly snapshot: Promise<IdSnapshot> } | undefined

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
      if (verdict === 'accept') this.#news++
      return { verdict, isNew: true }
    })
  }

  /** Our own message, held from now on: it need not come back. */
  rememberOwn(id: Uint8Array): void {
    this.#memory.remember(id, 'accept', Date.now())
    this.#news++
    this.refresh()
  }

  /** Whether something new came since the peer compared with us, if it did. */
  owes(peer: PeerName): boolean {
    return this.#news > (this.#offers.get(peer)?.news ?? 0)
  }

  /** Peers that have compared with us lately. */
  guests(): readonly PeerName[] {
    const nowMs = Date.now()
    return [...this.#offers].filter(([, { atMs }]) => nowMs - atMs < GUEST_MS).map(([peer]) => peer)
  }

  /** The peer is gone. */
  part(peer: PeerName): void {
    this.#offers.delete(peer)
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

  /** What we can serve to a peer. */
  offer(peer: PeerName): Promise<IdSnapshot> {
    const nowMs = Date.now()
    if (this.#held === undefined || nowMs - this.#held.atMs > SNAPSHOT_MS) {
      const snapshot = IdSnapshot.collect(this.#handler.held(), this.#limits.idsMax)
      this.#held = { atMs: nowMs, news: this.#news, snapshot }
    }
    this.#offers.set(peer, { news: this.#held.news, atMs: nowMs })
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
