/** Which fork choice a group agreed on, as data (protocol §6). It is a setting of the group: see `message/group-policy.ts`. */
import type { InstanceId } from '../dag/identifiers.ts'

export type ForkChoicePolicy =
  | { readonly kind: 'support' }
  | { readonly kind: 'draft' }
  | DepthWitnessPolicy
  | { readonly kind: 'designated'; readonly instances: readonly InstanceId[] }

export interface DepthWitnessPolicy {
  readonly kind: 'depth-witness'
  /** How many commits of depth a quorum is worth. */
  readonly boost: number
  /** The part of the fork point's roster that makes a quorum, and is exceeded or reached. */
  readonly quorum: { readonly numerator: number; readonly denominator: number }
  /** A branch that is more commits deep than this is not given up for a quorum any more. */
  readonly rewindMax: number
}
