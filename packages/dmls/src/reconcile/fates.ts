/** What became of every instance that a causal past knows; see `evaluation.ts` for the rule. */
import type { DagNode } from '../dag/dag-node.ts'
import type { RosterMember } from '../dag/epoch-facts.ts'
import type { InstanceId } from '../dag/identifiers.ts'
import type { PersistentMap } from '../dag/persistent-map.ts'

/** Why an instance that was in the group once is, or is not, a member. */
export type Fate =
  | 'member'
  /** Somebody decided to remove it. */
  | 'removed'
  /** Whoever added it was being removed on another branch, or was not a member either. */
  | 'void'
  /** Its identity was invited on both sides, and the other instance keeps the place. */
  | 'duplicate'

export interface FateRecord {
  readonly fate: Fate
  /** As its first addition says, of several the one with the lowest epoch; for a founder as its root says. */
  readonly member: RosterMember
  /** Epochs whose commits added it, first or again; none for a founder. */
  readonly additions: readonly DagNode[]
}

export type Fates = PersistentMap<InstanceId, FateRecord>
