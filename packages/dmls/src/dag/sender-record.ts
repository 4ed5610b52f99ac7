/**
 * What the DAG keeps of each sender: its latest authenticated message, its latest commit, and proof if it spoke with
 * two tongues. A function of the set of messages, not of their order:
 * - two *commits* with one counter on two branches mark their sender for good, because the DAG keeps every commit;
 * - two other messages do so as long as their counter is the sender's latest, since older messages are not kept.
 */
import { type DagNode, isAncestorOrSelf } from './dag-node.ts'
import type { Equivocation } from './epoch-facts.ts'
import { compareText, type DmlsEpoch, type InstanceId } from './identifiers.ts'

export interface SenderRecord {
  /** The latest message: its counter, and the deepest epoch it was seen to speak for. */
  readonly counter: bigint
  readonly node: DagNode
  /** Two epochs of the latest counter on two branches. */
  readonly split: readonly [DmlsEpoch, DmlsEpoch] | undefined
  /** The latest commit; undefined while only other messages are known. */
  readonly commit: DagNode | undefined
  readonly commitSplit: Equivocation | undefined
}

function ordered(a: DmlsEpoch, b: DmlsEpoch): readonly [DmlsEpoch, DmlsEpoch] {
  return compareText(a, b) < 0 ? [a, b] : [b, a]
}

/** Whether neither epoch is an ancestor of the other. */
export function onTwoBranches(a: DagNode, b: DagNode): boolean {
  return !isAncestorOrSelf(a, b) && !isAncestorOrSelf(b, a)
}

/** The record after one more message. */
export function recordMessage(record: SenderRecord | undefined, counter: bigint, node: DagNode): SenderRecord {
  if (record === undefined) return { counter, node, split: undefined, commit: undefined, commitSplit: undefined }
  if (counter < record.counter) return record
  if (counter > record.counter) return { ...record, counter, node, split: undefined }
  if (record.split !== undefined || isAncestorOrSelf(node, record.node)) return record
  if (isAncestorOrSelf(record.node, node)) return { ...record, node }
  return { ...record, split: ordered(record.node.id, node.id) }
}

/**
 * The record after one more commit; `sameCounter` are the sender's other commits with that counter. The message that
 * the commit also is has been recorded already.
 */
export function recordCommit(record: SenderRecord, node: DagNode, sameCounter: readonly DagNode[]): SenderRecord {
  const newer = record.commit === undefined || node.facts.counter > record.commit.facts.counter
  const next: SenderRecord = newer ? { ...record, commit: node } : record
  if (next.commitSplit !== undefined) return next
  const other = sameCounter.find((earlier) => onTwoBranches(earlier, node))
  if (other === undefined) return next
  const { counter } = node.facts
  return {
    ...next,
    commitSplit: { sender: node.facts.committer as InstanceId, counter, epochs: ordered(other.id, node.id) },
  }
}

/** The proof against a sender, if there is one. */
export function equivocationOf(sender: InstanceId, record: SenderRecord): Equivocation | undefined {
  if (record.commitSplit !== undefined) return record.commitSplit
  return record.split === undefined ? undefined : { sender, counter: record.counter, epochs: record.split }
}
