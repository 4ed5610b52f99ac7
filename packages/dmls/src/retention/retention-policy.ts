/** How long an epoch's secrets are kept, as data (protocol §8). A setting of the group: see `message/group-policy.ts`. */

/** When an epoch is not needed any more. */
export type RetentionRule =
  /** Every member of the head has spoken in a descendant, likewise: the draft's rule. Blocked by whoever never speaks. */
  | { readonly kind: 'all-members' }
  /** Such a part of the head's members has, those not counted who were caught equivocating; the denominator at least 1. */
  | { readonly kind: 'quorum'; readonly numerator: number; readonly denominator: number }
  /** The head is so many commits beyond the epoch, or beyond where its branch left. */
  | { readonly kind: 'depth'; readonly epochs: number }
  /** So much time has passed since the epoch got a child or was resolved. */
  | { readonly kind: 'age'; readonly ageMs: number }
  | { readonly kind: 'any'; readonly rules: readonly RetentionRule[] }
  | { readonly kind: 'all'; readonly rules: readonly RetentionRule[] }

export interface RetentionPolicy {
  /** When an epoch stops processing late commits. */
  readonly retained: RetentionRule
  /** When, after that, it stops decrypting late application messages. */
  readonly readable: RetentionRule
  /** Most epochs with secrets, the head included; at least 1. */
  readonly epochsMax: number
  /** Most bytes that their stored states may take together, the head's not counted against it alone. */
  readonly sizeMaxBytes: number
}

const WEEK_MS = 7 * 24 * 60 * 60 * 1000

/** All members have spoken, or a week; 1024 epochs and 64 MiB at most (protocol §8). */
export const DEFAULT_RETENTION: RetentionPolicy = {
  retained: { kind: 'any', rules: [{ kind: 'all-members' }, { kind: 'age', ageMs: WEEK_MS }] },
  readable: { kind: 'age', ageMs: WEEK_MS },
  epochsMax: 1024,
  sizeMaxBytes: 64 * 1024 * 1024,
}
