/**
 * The backfill of all topics: compares what we hold with what our peers hold, on contact, when one says that it has
 * something new, and every now and then, so that whatever gossip lost, a cut kept apart or an attacker held back is
 * found as soon as we meet one honest peer. What a session brought is announced to our other peers, so that it travels on.
 */
import type { PeerName, TopicHandler, Verdict } from '@dmls/client/ports'
import type { Limits } from '../limits.ts'
import type { NodePort } from '../node/node-port.ts'
import type { LogLine } from '../options.ts'
import { sha256 } from '../sha256.ts'
import type { Standing } from '../standing.ts'
import type { ByteChannel } from './byte-channel.ts'
import { FrameStream } from './frame-stream.ts'
import { IdSnapshot } from './id-snapshot.ts'
import { Loans } from './loans.ts'
import { PeerFault } from './peer-fault.ts'
import { pull } from './pull.ts'
import { serve } from './serve.ts'
import { SessionQueue } from './session-queue.ts'
import { TopicState } from './topic-state.ts'

export const BACKFILL_PROTOCOL = '/dmls/backfill/1'

/** Peers of a topic that are compared with in one round, and that are told of something new. */
const ROUND_PEERS = 2
const FULL_ROUND_PEERS = 8
/** After this many new messages within one session our other peers hear of them. */
const ANNOUNCE_EVERY = 256
const POKE_DELAY_MS = 100
const POKE_DELAY_MAX_MS = 10_000
/** After a session that failed, another peer is asked. */
const RETRY_DELAY_MS = 1000
const CONTACT_JITTER_MS = 50

/** Points against a peer; see standing.ts. */
const FAULT_POINTS = 40
const REJECTED_POINTS = 25

/** How far a session has come. */
export interface SessionProgress {
  readonly topic: string
  readonly peer: PeerName
  /** Messages that came, of those that the peer holds and we lacked. */
  readonly received: number
  readonly missing: number
}

export interface BackfillOptions {
  readonly node: NodePort
  readonly limits: Limits
  readonly standing: Standing
  readonly resyncMs: number
  readonly log: (line: LogLine) => void
  readonly progress: (progress: SessionProgress) => void
  /** Called when a peer has made itself impossible. */
  readonly banish: (peer: PeerName) => void
}

export class Backfill {
  readonly #options: BackfillOptions
  readonly #topics = new Map<string, TopicState>()
  readonly #loans = new Loans()
  readonly #queue: SessionQueue
  readonly #closing = new AbortController()
  readonly #served = new Map<PeerName, number>()
  /** Announcements of a peer that led to nothing, in a row. */
  readonly #idlePokes = new Map<PeerName, number>()
  #timer: NodeJS.Timeout | undefined

  constructor(options: BackfillOptions) {
    this.#options = options
    this.#queue = new SessionQueue({
      nowMs: Date.now,
      sessionsMax: options.limits.sessionsMax,
      sessionsPerTopicMax: options.limits.sessionsPerTopicMax,
      run: (topic, peer) => this.#runSession(topic, peer),
    })
  }

  async start(): Promise<void> {
    const { node } = this.#options
    await node.handle(BACKFILL_PROTOCOL, (channel) => void this.#answer(channel))
    node.gossip.onJoined((peer, topic) => {
      if (this.#topics.has(topic)) this.#request(topic, peer, Math.random() * CONTACT_JITTER_MS)
    })
    node.onPeer(({ type, peer }) => {
      if (type !== 'disconnected') return
      this.#queue.drop((_topic, other) => other === peer)
      this.#idlePokes.delete(peer)
    })
    this.#scheduleRound()
  }

  /** Whether a topic has a handler. */
  has(topic: string): boolean {
    return this.#topics.has(topic)
  }

  join(topic: string, handler: TopicHandler): void {
    this.#topics.set(topic, new TopicState(topic, handler, this.#options.limits))
    this.#options.node.gossip.join(topic, (message, from) => this.#fromGossip(topic, message, from))
    for (const peer of this.#peersOf(topic, FULL_ROUND_PEERS)) this.#request(topic, peer, 0)
  }

  async leave(topic: string): Promise<void> {
    const state = this.#topics.get(topic)
    if (state === undefined) return
    this.#topics.delete(topic)
    this.#options.node.gossip.leave(topic)
    this.#queue.drop((other) => other === topic)
    await state.leave()
  }

  /** Sends a message on its way: by gossip, or if it is too large by telling peers to fetch it. */
  async publish(topic: string, message: Uint8Array): Promise<void> {
    const id = sha256(message)
    const state = this.#topics.get(topic)
    state?.rememberOwn(id)
    if (message.length <= this.#options.limits.gossipBytesMax) {
      await this.#options.node.gossip.publish(topic, message)
      return
    }
    if (state === undefined) this.#loans.add(topic, id, message)
    this.#announce(topic, undefined)
  }

  /** Compares a topic with many peers, and resolves when that is done. */
  async compareNow(topic: string): Promise<void> {
    const state = this.#topics.get(topic)
    if (state === undefined) return
    state.askAgain()
    await Promise.all(this.#peersOf(topic, FULL_ROUND_PEERS).map((peer) => this.#queue.request(topic, peer, 0)))
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer)
    this.#queue.close()
    this.#closing.abort(new Error('the delivery is closed'))
    this.#loans.clear()
    await Promise.all([...this.#topics.keys()].map((topic) => this.leave(topic)))
  }

  #request(topic: string, peer: PeerName, delayMs: number): void {
    void this.#queue.request(topic, peer, delayMs)
  }

  /** Some connected peers of a topic, drawn anew each time. */
  #peersOf(topic: string, count: number, but?: PeerName): readonly PeerName[] {
    const peers = this.#options.node.gossip.subscribers(topic).filter((peer) => peer !== but)
    for (let i = peers.length - 1; i > 0; i--) {
      const j = Math.floor(Math.random() * (i + 1))
      ;[peers[i], peers[j]] = [peers[j] as PeerName, peers[i] as PeerName]
    }
    return peers.slice(0, count)
  }

  #scheduleRound(): void {
    const { resyncMs } = this.#options
    this.#timer = setTimeout(
      () => {
        for (const topic of this.#topics.keys()) {
          for (const peer of this.#peersOf(topic, ROUND_PEERS)) this.#request(topic, peer, 0)
        }
        this.#scheduleRound()
      },
      resyncMs * (0.75 + Math.random() / 2),
    )
    this.#timer.unref()
  }

  async #fromGossip(topic: string, message: Uint8Array, from: PeerName): Promise<Verdict> {
    const state = this.#topics.get(topic)
    if (state === undefined) return 'ignore'
    const { verdict, isNew } = await state.receive(message, sha256(message), from)
    if (verdict === 'reject' && isNew) this.#blame(from, REJECTED_POINTS, 'it relayed what nobody accepts', topic)
    return verdict
  }

  /** Tells peers of a topic that we have something new. */
  #announce(topic: string, but: PeerName | undefined): void {
    this.#topics.get(topic)?.refresh()
    for (const peer of this.#peersOf(topic, FULL_ROUND_PEERS, but)) void this.#poke(topic, peer)
  }

  async #poke(topic: string, peer: PeerName): Promise<void> {
    const { node, limits } = this.#options
    const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(limits.idleMs)])
    try {
      const channel = await node.open(peer, BACKFILL_PROTOCOL, signal)
      await new FrameStream(channel, limits.idleMs, signal).send({ type: 'poke', topic })
      await channel.close()
    } catch (error) {
      this.#log('debug', 'not told', error, peer, topic)
    }
  }

  /** One session of ours: never rejects. */
  async #runSession(topic: string, peer: PeerName): Promise<void> {
    const state = this.#topics.get(topic)
    const { node, limits, standing } = this.#options
    if (state === undefined || standing.isBanned(peer)) return
    const signal = AbortSignal.any([this.#closing.signal, state.signal, AbortSignal.timeout(limits.sessionMs)])
    let channel: ByteChannel | undefined
    let news = 0
    const announceNews = (): void => {
      if (news > 0) this.#announce(topic, peer)
      news = 0
    }
    try {
      channel = await node.open(peer, BACKFILL_PROTOCOL, AbortSignal.any([signal, AbortSignal.timeout(limits.idleMs)]))
      const result = await pull(new FrameStream(channel, limits.idleMs, signal), {
        topic,
        mine: await state.known(),
        limits,
        claim: (id) => state.claim(id),
        release: (id) => state.release(id),
        progress: (received, missing) => this.#options.progress({ topic, peer, received, missing }),
        deliver: async (message, id) => {
          const { verdict, isNew } = await state.receive(message, id, peer)
          if (isNew && verdict === 'accept' && ++news === ANNOUNCE_EVERY) announceNews()
          if (isNew && verdict === 'reject') this.#blame(peer, REJECTED_POINTS, 'it sent what nobody accepts', topic)
          return verdict
        },
      })
      await channel.close()
      this.#idlePokes.set(peer, result.accepted > 0 ? 0 : (this.#idlePokes.get(peer) ?? 0) + 1)
      if (result.received > 0) {
        this.#options.log({
          level: 'debug',
          event: 'fetched',
          peer,
          topic,
          detail: `${result.accepted}/${result.received}`,
        })
      }
      if (!result.isComplete && result.received > 0) this.#request(topic, peer, POKE_DELAY_MS)
    } catch (error) {
      channel?.abort(error instanceof Error ? error : new Error('the session failed'))
      if (error instanceof PeerFault) this.#blame(peer, FAULT_POINTS, error.message, topic)
      else this.#log('debug', 'session ended', error, peer, topic)
      // Whatever it was, somebody else may do better.
      if (!signal.aborted)
        for (const other of this.#peersOf(topic, 1, peer)) this.#request(topic, other, RETRY_DELAY_MS)
    }
    announceNews()
  }

  /** A stream that a peer opened: never rejects. */
  async #answer(channel: ByteChannel): Promise<void> {
    const { limits, standing } = this.#options
    const { peer } = channel
    const serving = this.#served.get(peer) ?? 0
    const total = [...this.#served.values()].reduce((sum, count) => sum + count, 0)
    if (standing.isBanned(peer) || serving >= limits.servedPerPeerMax || total >= limits.servedMax) {
      channel.abort(new Error('too busy'))
      return
    }
    this.#served.set(peer, serving + 1)
    try {
      await this.#answerWithin(channel, AbortSignal.any([this.#closing.signal, AbortSignal.timeout(limits.sessionMs)]))
      await channel.close()
    } catch (error) {
      channel.abort(error instanceof Error ? error : new Error('the session failed'))
      if (error instanceof PeerFault) this.#blame(peer, FAULT_POINTS, error.message)
      else this.#log('debug', 'served session ended', error, peer)
    } finally {
      const left = (this.#served.get(peer) ?? 1) - 1
      if (left === 0) this.#served.delete(peer)
      else this.#served.set(peer, left)
    }
  }

  async #answerWithin(channel: ByteChannel, signal: AbortSignal): Promise<void> {
    const { limits } = this.#options
    const stream = new FrameStream(channel, limits.idleMs, signal)
    const first = await stream.next()
    if (first.type === 'poke') {
      if (this.#topics.has(first.topic)) this.#request(first.topic, channel.peer, this.#pokeDelayMs(channel.peer))
      return
    }
    if (first.type !== 'open') throw new PeerFault('a session that does not open')
    const state = this.#topics.get(first.topic)
    const loans = this.#loans.handler(first.topic)
    if (state !== undefined) {
      stream.endWith(state.signal)
      await serve(stream, await state.held(), state, limits)
    } else if (loans !== undefined) {
      await serve(stream, await IdSnapshot.collect(loans.held(), limits.idsMax), loans, limits)
    } else await stream.send({ type: 'refuse' })
  }

  /** Somebody who announces much and has nothing is heard less and less. */
  #pokeDelayMs(peer: PeerName): number {
    return Math.min(POKE_DELAY_MS * 2 ** Math.max(0, (this.#idlePokes.get(peer) ?? 0) - 4), POKE_DELAY_MAX_MS)
  }

  #blame(peer: PeerName, points: number, reason: string, topic?: string): void {
    this.#log('warning', 'blamed', reason, peer, topic)
    if (this.#options.standing.blame(peer, points)) this.#options.banish(peer)
  }

  #log(level: LogLine['level'], event: string, detail: unknown, peer: PeerName, topic?: string): void {
    const text = detail instanceof Error ? `${detail.name}: ${detail.message}` : String(detail)
    this.#options.log({ level, event, peer, ...(topic === undefined ? {} : { topic }), detail: text })
  }
}
