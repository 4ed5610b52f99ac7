/** Post-compromise security that a fork must not lose (protocol §7.4, scenario 14). */
import type { Dag } from '../dag/dag.ts'
import { type DagNode, isAncestorOrSelf } from '../dag/dag-node.ts'
import type { DmlsEpoch, InstanceId } from '../dag/identifiers.ts'

/** Whether an update on the branch is known to be later than one beside it. */
function isLater(update: DagNode, other: DagNode, instance: InstanceId): boolean {
  // a committer's counter orders its own commits; somebody else's commit of its update does not tell
  const comparable = update.facts.committer === instance && other.facts.committer === instance
  return !comparable || update.facts.counter > other.facts.counter
}

/**
 * Whether a member gave itself a fresh leaf key on another branch and has not done so on the branch of `head` since the
 * two parted: then its next commit there is due. False once it has updated on that branch after what it lost.
 *
 * O(the member's updates × log n). @throws MlsError `unknown_epoch`
 */
export function needsHealing(dag: Dag, head: DmlsEpoch, instance: InstanceId): boolean {
  const headNode = dag.node(head)
  const onBranch: DagNode[] = []
  const beside: DagNode[] = []
  for (const update of dag.updatesOf(instance)) (isAncestorOrSelf(update, headNode) ? onBranch : beside).push(update)
  return beside.some(
    (lost) => !onBranch.some((update) => !isAncestorOrSelf(update, lost) && isLater(update, lost, instance)),
  )
}
