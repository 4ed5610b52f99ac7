/**
 * The transport as the rest of the adapter sees it: connections, streams and gossip, with peers and addresses as text.
 * One implementation stands on libp2p 3 (libp2p-node.ts); another pubsub or libp2p fits below the same interface.
 */
import type { PeerName, Verdict } from '@dmls/client/ports'
import type { ByteChannel } from '../backfill/byte-channel.ts'
import type { Limits } from '../limits.ts'

/** The part of gossipsub that is used: `@libp2p/gossipsub` and its predecessor `@chainsafe/libp2p-gossipsub` share it. */
export interface Gossip {
  /** Joins a topic; the validator hears every message of it but our own, and decides what becomes of it. */
  join(topic: string, validate: (message: Uint8Array, from: PeerName) => Promise<Verdict>): void
  leave(topic: string): void
  /**
   * Best effort; never throws because nobody listens. Returns whom it was sent to, which is no proof that they get it.
   */
  publish(topic: string, message: Uint8Array): Promise<readonly PeerName[]>
  /** Peers that gossip with us. */
  peers(): readonly PeerName[]
  /** Connected peers that take part in a topic. */
  subscribers(topic: string): readonly PeerName[]
  /** Calls back when a connected peer joins a topic. */
  onJoined(listener: (peer: PeerName, topic: string) => void): void
}

export type PeerEvent =
  | { readonly type: 'connected' | 'disconnected'; readonly peer: PeerName }
  /** The peer has told where it can be dialled. */
  | { readonly type: 'addresses'; readonly peer: PeerName; readonly addresses: readonly string[] }

export interface NodePort {
  /** Our own name. */
  readonly name: PeerName
  readonly gossip: Gossip
  /** Where we can be dialled. */
  addresses(): readonly string[]
  peers(): readonly PeerName[]
  /** Answers streams of a protocol. */
  handle(protocol: string, answer: (channel: ByteChannel) => void): Promise<void>
  /** Opens a stream to a connected peer. */
  open(peer: PeerName, protocol: string, signal: AbortSignal): Promise<ByteChannel>
  /** Connects to an address, or to one of several addresses of one peer; returns whom it reached. */
  dial(addresses: readonly string[], signal: AbortSignal): Promise<PeerName>
  /** Ends all connections to a peer. */
  hangUp(peer: PeerName): Promise<void>
  onPeer(listener: (event: PeerEvent) => void): void
  stop(): Promise<void>
}

/** What a node asks of the delivery above it. */
export interface NodeHooks {
  /** Whether a peer may be connected; asked again at every step of a connection. */
  readonly isAllowed: (peer: PeerName) => boolean
  /** The application's part of a peer's score in gossip: zero, or less for one that misbehaved. */
  readonly score: (peer: PeerName) => number
  readonly limits: Limits
}
