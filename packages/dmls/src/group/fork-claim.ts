/**
 * Where a branch parted, as whoever resolves it says (protocol §7.2, §7.6). Nobody resolves a head without having
 * processed it, and all that leads on from where it parted to where the word is given: so an honest author was a member
 * in every epoch between. Whoever entered later cannot see the place, and believes only those who can have been there.
 */
import { isAncestorOrSelf } from '../dag/dag-node.ts'
import type { DmlsEpoch, InstanceId } from '../dag/identifiers.ts'
import type { DmlsGroupState } from './state.ts'

export interface ForkClaim {
  readonly forkPoint: DmlsEpoch
  /** The epoch in which it is said, or committed: it follows from the fork point. */
  readonly saidIn: DmlsEpoch
  readonly by: InstanceId
}

/** Whether a claim can be true by all that is known here; every honest one can. O(log epochs). */
export function canBeTrue({ dag, epochs }: DmlsGroupState, { forkPoint, saidIn, by }: ForkClaim): boolean {
  const node = dag.node(saidIn)
  const { root } = node
  const fork = dag.findNode(forkPoint)
  if (fork !== undefined && !fork.roster.has(by)) return false
  if (fork?.root === root) return isAncestorOrSelf(fork, node)
  // so it would have parted before we came to this branch; protocol §8: once we have forgotten where, it is beyond the horizon
  if (!epochs.has(root.id)) return false
  // who was there before, and is there still, was a member when we came, and did not come with us
  return root.roster.has(by) && root.facts.newcomers?.includes(by) !== true
}
