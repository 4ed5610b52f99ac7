/**
 * The client's Delivery on libp2p: gossipsub for the present (node/), a stream protocol for the past and for what is too
 * large (backfill/), and connections that come back by themselves (reconnect.ts). It carries bytes; what they mean and
 * who may read them is decided above.
 */
import { type Delivery, DeliveryError, type PeerName, type Topic, type TopicHandler } from '@dmls/client/ports'
import { fromHex, toHex } from '@dmls/crypto'
import { Backfill, type SessionProgress } from './backfill/backfill.ts'
import { GossipWatch } from './gossip-watch.ts'
import { DEFAULT_LIMITS, type Limits } from './limits.ts'
import { parseAddress, startLibp2pNode } from './node/libp2p-node.ts'
import type { NodeHooks, NodePort, PeerEvent } from './node/node-port.ts'
import type { Libp2pDeliveryOptions, LogLine } from './options.ts'
import { Reconnect } from './reconnect.ts'
import { Standing } from './standing.ts'

const RESYNC_MS = 15_000
const DIAL_TIMEOUT_MS = 10_000
const STOP_TIMEOUT_MS = 2000
const TOPIC_PREFIX = 'dmls/1/'

/** A Delivery, and what can be seen and done of the connections below it. */
export interface Libp2pDelivery extends Delivery {
  /** Our own peer name: the libp2p peer id. */
  readonly name: PeerName
  /** Where others can dial us, with our peer id. */
  multiaddrs(): readonly string[]
  /** Connected peers. */
  peers(): readonly PeerName[]
  /** Connected peers that take part in a topic. */
  topicPeers(topic: Topic): readonly PeerName[]
  /** Connects to an address; returns whom it reached. @throws DeliveryError `bad_address`, `unreachable` */
  dial(address: string): Promise<PeerName>
  /** Hangs up, and does not dial that peer again by itself. */
  disconnect(peer: PeerName): Promise<void>
  /**
   * From now on only peers that `allows` says yes to are connected, and others are hung up on: this is how a network is
   * cut for real. Undefined lets everybody in whom `allowConnection` lets in. Dials again at once whom it may.
   */
  admit(allows: ((peer: PeerName) => boolean) | undefined): Promise<void>
  /** Zero, or less for a peer that misbehaved; at -100 it is cut off for ten minutes. */
  peerScore(peer: PeerName): number
  /** Calls back when a connected peer takes part in a topic, ours or not; returns a function that stops. */
  onTopicPeer(listener: (event: { readonly topic: Topic; readonly peer: PeerName }) => void): () => void
  /** Calls back while messages are fetched from a peer; returns a function that stops. */
  onBackfill(listener: (progress: BackfillProgress) => void): () => void
  /** Calls back when a peer has come or gone; returns a function that stops. */
  onPeer(
    listener: (event: { readonly type: 'connected' | 'disconnected'; readonly peer: PeerName }) => void,
  ): () => void
}

export interface BackfillProgress {
  readonly topic: Topic
  readonly peer: PeerName
  /** Messages that came in this session, of those that the peer holds and we lacked. */
  readonly received: number
  readonly missing: number
}

/**
 * Starts a node.
 *
 * @throws DeliveryError `bad_address`, `delivery_failed`
 */
export async function createLibp2pDelivery(options: Libp2pDeliveryOptions = {}): Promise<Libp2pDelivery> {
  return createDeliveryOn(startLibp2pNode, options)
}

/**
 * The same on another node: another libp2p, another pubsub, or one that a test has put its hands on. The delivery stops
 * the node when it is closed.
 *
 * @throws DeliveryError `bad_address`, and what `startNode` throws
 */
export async function createDeliveryOn(
  startNode: (options: Libp2pDeliveryOptions, hooks: NodeHooks) => Promise<NodePort>,
  options: Libp2pDeliveryOptions,
): Promise<Libp2pDelivery> {
  for (const address of options.bootstrap ?? []) parseAddress(address)
  const limits: Limits = { ...DEFAULT_LIMITS, ...options.limits }
  const standing = new Standing(Date.now)
  const gate: Gate = { allows: undefined }
  const isAllowed = (peer: PeerName): boolean =>
    !standing.isBanned(peer) && (options.allowConnection?.(peer) ?? true) && (gate.allows?.(peer) ?? true)
  const node = await startNode(options, { isAllowed, score: (peer) => standing.score(peer), limits })
  const delivery = new DeliveryOnNode({ node, options, limits, standing, gate, isAllowed })
  await delivery.start()
  return delivery
}

/** Who may be connected, on top of what the options say. */
interface Gate {
  allows: ((peer: PeerName) => boolean) | undefined
}

interface Parts {
  readonly node: NodePort
  readonly options: Libp2pDeliveryOptions
  readonly limits: Limits
  readonly standing: Standing
  readonly gate: Gate
  readonly isAllowed: (peer: PeerName) => boolean
}

class DeliveryOnNode implements Libp2pDelivery {
  readonly name: PeerName
  readonly #parts: Parts
  readonly #backfill: Backfill
  readonly #reconnect: Reconnect
  readonly #watch: GossipWatch
  readonly #listeners = new Set<(event: { type: 'connected' | 'disconnected'; peer: PeerName }) => void>()
  readonly #topicListeners = new Set<(event: { topic: Topic; peer: PeerName }) => void>()
  readonly #progressListeners = new Set<(progress: BackfillProgress) => void>()
  #closing: Promise<void> | undefined

  constructor(parts: Parts) {
    const { node, options, limits, standing, isAllowed } = parts
    this.#parts = parts
    this.name = node.name
    this.#backfill = new Backfill({
      node,
      limits,
      standing,
      resyncMs: options.resyncMs ?? RESYNC_MS,
      log: (line) => this.#log(line),
      progress: (progress) => this.#tellProgress(progress),
      banish: (peer) => void this.#hangUp(peer),
    })
    this.#reconnect = new Reconnect(
      { node, isAllowed, waitMs: options.reconnectMs ?? { min: 500, max: 30_000 } },
      options.bootstrap ?? [],
    )
    this.#watch = new GossipWatch(node, options.resyncMs ?? RESYNC_MS)
    node.onPeer((event) => this.#tell(event))
    node.gossip.onJoined((peer, name) => {
      const topic = topicNamed(name)
      if (topic === undefined) return
      for (const listener of this.#topicListeners) listener({ topic, peer })
    })
  }

  async start(): Promise<void> {
    await this.#backfill.start()
    this.#reconnect.start()
    this.#watch.start()
  }

  async subscribe(topic: Topic, handler: TopicHandler): Promise<() => Promise<void>> {
    this.#requireOpen()
    const name = topicName(topic)
    if (this.#backfill.has(name)) throw new DeliveryError('topic_taken', 'The topic has a handler already.')
    this.#backfill.join(name, handler)
    let leaving: Promise<void> | undefined
    return () => {
      leaving ??= this.#backfill.leave(name)
      return leaving
    }
  }

  async publish(topic: Topic, message: Uint8Array): Promise<void> {
    this.#requireOpen()
    const { messageBytesMax } = this.#parts.limits
    if (message.length > messageBytesMax) {
      throw new DeliveryError('message_too_large', `A message has at most ${messageBytesMax} bytes.`, {
        sizeBytes: message.length,
      })
    }
    try {
      await this.#backfill.publish(topicName(topic), new Uint8Array(message))
    } catch (error) {
      // It is found by backfill.
      this.#log({ level: 'warning', event: 'gossip failed', detail: String(error) })
    }
  }

  async backfill(topic: Topic): Promise<void> {
    this.#requireOpen()
    await this.#backfill.compareNow(topicName(topic))
  }

  multiaddrs(): readonly string[] {
    return this.#parts.node.addresses()
  }

  peers(): readonly PeerName[] {
    return this.#parts.node.peers()
  }

  topicPeers(topic: Topic): readonly PeerName[] {
    return this.#parts.node.gossip.subscribers(topicName(topic))
  }

  async dial(address: string): Promise<PeerName> {
    this.#requireOpen()
    return this.#parts.node.dial([address], AbortSignal.timeout(DIAL_TIMEOUT_MS))
  }

  async disconnect(peer: PeerName): Promise<void> {
    this.#requireOpen()
    this.#reconnect.leave(peer)
    await this.#hangUp(peer)
  }

  async admit(allows: ((peer: PeerName) => boolean) | undefined): Promise<void> {
    this.#requireOpen()
    const { gate, node, isAllowed } = this.#parts
    gate.allows = allows
    const unwelcome = node.peers().filter((peer) => !isAllowed(peer))
    await Promise.all(unwelcome.map((peer) => this.#hangUp(peer)))
    this.#reconnect.hurry()
  }

  peerScore(peer: PeerName): number {
    return this.#parts.standing.score(peer)
  }

  onPeer(listener: (event: { type: 'connected' | 'disconnected'; peer: PeerName }) => void): () => void {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  onTopicPeer(listener: (event: { readonly topic: Topic; readonly peer: PeerName }) => void): () => void {
    this.#topicListeners.add(listener)
    return () => {
      this.#topicListeners.delete(listener)
    }
  }

  onBackfill(listener: (progress: BackfillProgress) => void): () => void {
    this.#progressListeners.add(listener)
    return () => {
      this.#progressListeners.delete(listener)
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#reconnect.close()
    this.#watch.close()
    let timer: NodeJS.Timeout | undefined
    const patience = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, STOP_TIMEOUT_MS)
    })
    // A handler that hangs must not keep the connections open.
    await Promise.race([this.#backfill.close(), patience])
    await Promise.race([this.#parts.node.stop().catch(() => undefined), patience])
    clearTimeout(timer)
  }

  async #hangUp(peer: PeerName): Promise<void> {
    await this.#parts.node.hangUp(peer).catch(() => undefined)
  }

  #tell(event: PeerEvent): void {
    if (event.type === 'addresses') return
    this.#log({ level: 'info', event: event.type, peer: event.peer })
    for (const listener of this.#listeners) listener({ type: event.type, peer: event.peer })
  }

  #tellProgress({ topic, ...rest }: SessionProgress): void {
    const bytes = topicNamed(topic)
    if (bytes === undefined) return
    for (const listener of this.#progressListeners) listener({ topic: bytes, ...rest })
  }

  #log(line: LogLine): void {
    this.#parts.options.log?.(line)
  }

  #requireOpen(): void {
    if (this.#closing !== undefined) throw new DeliveryError('delivery_closed', 'The delivery is closed.')
  }
}

/** Names on the wire tell our topics from others', and the format of what is said in them. */
function topicName(topic: Topic): string {
  return TOPIC_PREFIX + toHex(topic)
}

/** The topic that a name on the wire stands for, if it is one of ours. */
function topicNamed(name: string): Topic | undefined {
  const digits = name.startsWith(TOPIC_PREFIX) ? name.slice(TOPIC_PREFIX.length) : ''
  return /^(?:[0-9a-f]{2}){1,256}$/.test(digits) ? fromHex(digits) : undefined
}
