/** What every part of a client shares: its ports, its identity and its settings, all fixed when it is opened. */
import type { CipherSuite, RandomSource } from '@dmls/crypto'
import type { AdminRule } from '@dmls/dmls'
import type { Authenticate, Profile, Watch } from '@dmls/mls'
import type { CallOptions, Timing } from './api.ts'
import type { Identity } from './identity.ts'
import type { Authenticator, Clock, Delivery, Store } from './ports.ts'
import type { MessageDigest } from './topic-log.ts'

export interface ClientContext {
  readonly suite: CipherSuite
  readonly profile: Profile
  readonly store: Store
  readonly delivery: Delivery
  readonly identity: Identity
  readonly authenticator: Authenticator
  readonly clock: Clock
  readonly random: RandomSource
  readonly timing: Timing
  readonly digest: MessageDigest
  readonly limits: ClientLimits
  /** How joins are followed and ended. */
  readonly joining: Watch
  /** The same for the processing of what others send to a group. */
  readonly receiving: (groupId: Uint8Array) => Watch
  readonly adminRule?: AdminRule | undefined
}

/** Caps that keep a peer from filling our memory or disk. */
export interface ClientLimits {
  /** A larger message is refused. */
  readonly messageSizeMax: number
  /** Messages of a group that may wait for something that has not arrived. */
  readonly waitingMax: number
  /** Bytes that they may take together. */
  readonly waitingSizeMaxBytes: number
  /** Bytes of a request to be brought back. */
  readonly requestSizeMax: number
  /** Identifiers of refused messages that a group remembers. */
  readonly refusedMax: number
  /** Welcomes that may lie in our inbox. */
  readonly welcomesMax: number
}

export const DEFAULT_LIMITS: ClientLimits = {
  messageSizeMax: 16 * 1024 * 1024,
  waitingMax: 4096,
  waitingSizeMaxBytes: 32 * 1024 * 1024,
  requestSizeMax: 64 * 1024,
  refusedMax: 4096,
  welcomesMax: 256,
}

export const DEFAULT_TIMING: Timing = {
  mergeRankDelayMs: 400,
  mergeQuiescenceMs: 300,
  forkOpenTooLongMs: 60_000,
  retentionIntervalMs: 5_000,
  askPeersDelayMs: 500,
  cannotFollowAfterMs: 30_000,
  resumeSyncMs: 2_000,
  resumeQuietMs: 300,
}

/** What a caller asks for, as the steps take it. */
export function watchOf({ signal, onProgress }: CallOptions): Watch {
  return { signal, progress: onProgress && ((done, total) => onProgress({ done, total })) }
}

/** Tells both, one after the other; either ends it. */
export function watchedByBoth(one: Watch, other: Watch): Watch {
  const signals = [one.signal, other.signal].filter((signal) => signal !== undefined)
  return {
    signal: AbortSignal.any(signals),
    progress: async (done, total) => {
      await one.progress?.(done, total)
      await other.progress?.(done, total)
    },
  }
}

/** The Authentication Service as the group state machine asks for it. */
export function authenticateWith(authenticator: Authenticator): Authenticate {
  return (claim) => authenticator.authenticate(claim.credential, claim.signatureKey)
}
