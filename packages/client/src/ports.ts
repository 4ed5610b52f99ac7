/**
 * What the client needs from its surroundings, as narrow interfaces: storage, delivery, time, randomness and the
 * Authentication Service. `store-level` and `delivery-libp2p` implement two of them; the simulator implements all.
 */
import type { Credential } from '@dmls/mls'

export { DeliveryError, type DeliveryErrorCode } from './delivery-error.ts'
export { StoreError, type StoreErrorCode } from './store-error.ts'

/** One change of a batch. Keys and values are byte strings; the client owns their layout. */
export type StoreOperation =
  | { readonly type: 'put'; readonly key: Uint8Array; readonly value: Uint8Array }
  | { readonly type: 'delete'; readonly key: Uint8Array }

export interface StoreRange {
  /** Only keys that start with these bytes. */
  readonly prefix: Uint8Array
}

/**
 * An ordered key-value store whose batches are atomic and, once acknowledged, survive the death of the process. Every
 * array that goes in or comes out is a copy. Keys may stay readable on the disk: no secret belongs in one. Methods
 * reject with a {@link StoreError} and nothing else.
 */
export interface Store {
  get(key: Uint8Array): Promise<Uint8Array | undefined>
  /**
   * Entries in ascending order of their keys, as they were when the first was asked for; one that is written or deleted
   * meanwhile may already show its new value or be left out.
   */
  entries(range: StoreRange): AsyncIterable<readonly [key: Uint8Array, value: Uint8Array]>
  /** The keys of the same range alone: much cheaper where reading a value means opening it. */
  keys(range: StoreRange): AsyncIterable<Uint8Array>
  /** Applies all operations, in their order, or none. Batches take effect in the order in which they were asked for. */
  write(operations: readonly StoreOperation[]): Promise<void>
  /**
   * Makes what was deleted or overwritten so far unrecoverable from the files. May be slow: the client calls it after
   * deletions of secrets, off the path of messages.
   */
  forget(): Promise<void>
  close(): Promise<void>
}

/** A name for a set of messages that all its subscribers end up having: a group, or somebody's inbox. */
export type Topic = Uint8Array

/** Opaque name of a peer in the transport, stable while it is connected. */
export type PeerName = string

/**
 * What a receiver says of a message, for the transport's scoring. `reject`: every honest peer would refuse these
 * bytes whatever its state; the relay is penalised. `ignore`: not useful to us, nobody's fault.
 */
export type Verdict = 'accept' | 'ignore' | 'reject'

/** What a peer must answer for a topic that it serves. */
export interface TopicHandler {
  /**
   * A message arrived from the network, by gossip or by backfill; the array is the handler's own. Never throws. Calls
   * may overlap. After `accept` the message should be held. After `ignore` nobody is blamed, and the same message is not
   * fetched again for a while, which grows with each time; {@link Delivery.backfill} asks for it at once.
   */
  receive(message: Uint8Array, from: PeerName): Promise<Verdict>
  /**
   * Identifiers (SHA-256 of the message bytes, 32 bytes) of every message held for the topic, oldest first: peers fetch
   * them in this order. Cheap: held in memory or an index.
   */
  held(): AsyncIterable<Uint8Array>
  /** The message with that identifier, or undefined if it is not held any more. */
  load(id: Uint8Array): Promise<Uint8Array | undefined>
}

/**
 * An eventually consistent delivery service (RFC 9750 §5.2.2): gossip for the present, backfill for the past. Methods
 * reject with a {@link DeliveryError} and nothing else.
 *
 * To reach somebody's inbox, whose owner may be away, subscribe to its topic with a handler that holds the message,
 * publish, and leave the topic when the message is no longer of use: while subscribed, a sender offers it to the owner
 * whenever they meet. Several may do so for one inbox; they see each other's messages and should ignore them.
 */
export interface Delivery {
  /**
   * Takes part in a topic: receives what is published, serves what the handler holds, and on contact with a peer of the
   * topic fetches what it holds and we do not. Returns a function that leaves the topic; after it resolves the handler
   * is not called again. A topic has one handler: a second subscription is refused (`topic_taken`).
   */
  subscribe(topic: Topic, handler: TopicHandler): Promise<() => Promise<void>>
  /**
   * Hands a message to the network, best effort. A message nobody receives now is found later by backfill, so the
   * caller must already hold it ({@link TopicHandler.held}) when it publishes. Works for topics not subscribed to, but
   * then only peers that are connected now get it. The publisher's own handler is not called.
   */
  publish(topic: Topic, message: Uint8Array): Promise<void>
  /**
   * Asks connected peers of the topic again for what we lack, also for messages that were ignored before. Resolves when
   * they have answered, given up or left.
   */
  backfill(topic: Topic): Promise<void>
  close(): Promise<void>
}

export interface Timer {
  cancel(): void
}

/** Time and timers. Milliseconds since the Unix epoch. */
export interface Clock {
  nowMs(): number
  schedule(delayMs: number, task: () => void): Timer
}

/** RFC 9750 §3 Authentication Service: whether a credential and a signature key belong together and are acceptable. */
export interface Authenticator {
  /** The identity that the credential speaks for, as bytes that are equal for two devices of one person. */
  identity(credential: Credential): Uint8Array
  /** @throws MlsError `invalid` if the credential does not certify the key. */
  authenticate(credential: Credential, signatureKey: Uint8Array): Promise<void>
}
