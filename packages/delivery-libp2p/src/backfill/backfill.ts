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
import { Pokes } from './pokes.ts'
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
/** So many failures of one peer in one topic in a row, and it is left to the next round. */
const FAILURES_MAX = 4
/** Gossipsub's heartbeat, at which it takes a new peer in at the latest, and some more. */
const SETTLED_MS = 1500

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
  /** Peers whose announcement the next session with them answers, by {@link pairOf}. */
  readonly #pokedBy = new Set<string>()
  readonly #pokes: Pokes
  /** Sessions that failed, in a row, by {@link pairOf}. */
  readonly #failures = new Map<string, number>()
  /** Peers that gossip is only now getting to know, by {@link pairOf}. */
  readonly #settling = new Map<string, NodeJS.Timeout>()
  #timer: NodeJS.Timeout | undefined

  constructor(options: BackfillOptions) {
    this.#options = options
    this.#queue = new SessionQueue({
      nowMs: Date.now,
      sessionsMax: options.limits.sessionsMax,
      sessionsPerTopicMax: options.limits.sessionsPerTopicMax,
      sessionsPerPeerMax: options.limits.sessionsPerPeerMax,
      run: (topic, peer) => this.#runSession(topic, peer),
    })
    this.#pokes = new Pokes((topic, peer) => this.#poke(topic, peer))
  }

  async start(): Promise<void> {
    const { node } = this.#options
    await node.handle(BACKFILL_PROTOCOL, (channel) => void this.#answer(channel))
    node.gossip.onJoined((peer, topic) => this.#meet(topic, peer))
    node.onPeer(({ type, peer }) => {
      if (type === 'disconnected') this.#part(peer)
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
    this.#forget((other) => other === topic)
    await state.leave()
  }

  /** Sends a message on its way: by gossip, or if it is too large by telling peers to fetch it. */
  async publish(topic: string, message: Uint8Array): Promise<void> {
    const id = sha256(message)
    const state = this.#topics.get(topic)
    state?.rememberOwn(id)
    if (message.length <= this.#options.limits.gossipBytesMax) {
      const sentTo = new Set(await this.#options.node.gossip.publish(topic, message))
      // In the first moments of a connection gossip knows a peer of the topic, but has no stream to it yet,
      for (const peer of this.#peersOf(topic, FULL_ROUND_PEERS)) if (!sentTo.has(peer)) this.#pokes.send(topic, peer)
      // or does not know it yet.
      if (state !== undefined) this.#tellGuests(topic)
      else if (sentTo.size === 0) this.#loans.add(topic, id, message)
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
    this.#forget(() => true)
    this.#closing.abort(new Error('the delivery is closed'))
    this.#loans.clear()
    await Promise.all([...this.#topics.keys()].map((topic) => this.leave(topic)))
  }

  #request(topic: string, peer: PeerName, delayMs: number): void {
    void this.#queue.request(topic, peer, delayMs)
  }

  /** A connected peer has joined a topic, or has been found to take part in it. */
  #meet(topic: string, peer: PeerName): void {
    const state = this.#topics.get(topic)
    if (state === undefined) {
      if (this.#loans.handler(topic) !== undefined) this.#pokes.send(topic, peer)
      return
    }
    this.#request(topic, peer, Math.random() * CONTACT_JITTER_MS)
    const pair = pairOf(topic, peer)
    if (this.#settling.has(pair)) return
    // What others say meanwhile is not passed on to a peer that gossip takes in only at its next heartbeat.
    const timer = setTimeout(() => {
      this.#settling.delete(pair)
      if (state.owes(peer)) this.#pokes.send(topic, peer)
    }, SETTLED_MS)
    timer.unref()
    this.#settling.set(pair, timer)
  }

  #part(peer: PeerName): void {
    this.#queue.drop((_topic, other) => other === peer)
    this.#idlePokes.delete(peer)
    this.#pokes.drop(peer)
    this.#forget((_topic, other) => other === peer)
    for (const state of this.#topics.values()) state.part(peer)
  }

  #forget(matches: (topic: string, peer: PeerName) => boolean): void {
    const isMeant = (pair: string): boolean => {
      const [peer, topic] = pair.split(' ') as [PeerName, string]
      return matches(topic, peer)
    }
    for (const [pair, timer] of this.#settling) {
      if (!isMeant(pair)) continue
      clearTimeout(timer)
      this.#settling.delete(pair)
    }
    for (const pair of this.#failures.keys()) if (isMeant(pair)) this.#failures.delete(pair)
    for (const pair of this.#pokedBy) if (isMeant(pair)) this.#pokedBy.delete(pair)
  }

  /**
   * Gossip tells two peers of each other at different moments: what one says between them goes past the other, which
   * has compared with it already. So whoever compares a topic with us hears of news, though gossip does not know it yet.
   */
  #tellGuests(topic: string): void {
    const guests = this.#topics.get(topic)?.guests() ?? []
    if (guests.length === 0) return
    const subscribers = new Set(this.#options.node.gossip.subscribers(topic))
    for (const guest of guests) if (!subscribers.has(guest)) this.#pokes.send(topic, guest)
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
    if (verdict === 'accept' && isNew) this.#tellGuests(topic)
    return verdict
  }

  /** Tells peers of a topic that we have something new. */
  #announce(topic: string, but: PeerName | undefined): void {
    this.#topics.get(topic)?.refresh()
    for (const peer of this.#peersOf(topic, FULL_ROUND_PEERS, but)) this.#pokes.send(topic, peer)
  }

  /** Never rejects. */
  async #poke(topic: string, peer: PeerName): Promise<void> {
    const { node, limits } = this.#options
    if (this.#closing.signal.aborted) return
    const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(limits.idleMs)])
    try {
      const channel = await node.open(peer, BACKFILL_PROTOCOL, signal)
      this.#topics.get(topic)?.refresh()
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
    const wasPoked = this.#pokedBy.delete(pairOf(topic, peer))
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
      this.#failures.delete(pairOf(topic, peer))
      if (result.accepted > 0) this.#idlePokes.delete(peer)
      else if (wasPoked) this.#idlePokes.set(peer, (this.#idlePokes.get(peer) ?? 0) + 1)
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
      if (!signal.aborted) this.#retry(topic, peer)
    }
    announceNews()
  }

  /** Whatever went wrong, somebody else may do better, or the same peer when it is less busy. */
  #retry(topic: string, peer: PeerName): void {
    const pair = pairOf(topic, peer)
    const failures = (this.#failures.get(pair) ?? 0) + 1
    this.#failures.set(pair, failures)
    const [other] = this.#peersOf(topic, 1, peer)
    if (other !== undefined) this.#request(topic, other, RETRY_DELAY_MS)
    else if (failures < FAILURES_MAX && this.#peersOf(topic, 1).length > 0) {
      this.#request(topic, peer, RETRY_DELAY_MS * 2 ** (failures - 1))
    }
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
      if (!this.#topics.has(first.topic)) return
      this.#pokedBy.add(pairOf(first.topic, channel.peer))
      this.#request(first.topic, channel.peer, this.#pokeDelayMs(channel.peer))
      return
    }
    if (first.type !== 'open') throw new PeerFault('a session that does not open')
    const state = this.#topics.get(first.topic)
    const loans = this.#loans.handler(first.topic)
    if (state !== undefined) {
      stream.endWith(state.signal)
      await serve(stream, await state.offer(channel.peer), state, limits)
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

/** Names what is between us and one peer in one topic. */
function pairOf(topic: string, peer: PeerName): string {
  return `${peer} ${topic}`
}
