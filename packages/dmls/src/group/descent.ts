/**
 * Whence a branch has come, and how many went with it: what the answer to a request to come back says, and what its reader
 * compares with its own side (protocol §8).
 */
import { precedesOrEquals } from '../dag/causality.ts'
import type { Dag } from '../dag/dag.ts'
import type { DagNode } from '../dag/dag-node.ts'
import type { DmlsEpoch } from '../dag/identifiers.ts'
import type { DmlsGroupState } from './state.ts'

/** The first epoch on the way to another that follows from an epoch; that epoch itself if it is the other one. */
export function branchAfter(dag: Dag, epoch: DmlsEpoch, end: DmlsEpoch): DmlsEpoch {
  const from = dag.node(epoch)
  let at: DagNode = dag.node(end)
  while (at !== from && at.parent !== undefined && at.parent !== from && precedesOrEquals(dag, from, at.parent)) {
    at = at.parent
  }
  return at.id
}

/** How many members of an epoch have spoken since, ourselves included. */
export function supportSince({ dag, self }: DmlsGroupState, epoch: DmlsEpoch): number {
  const from = dag.node(epoch)
  let support = from.roster.has(self) ? 1 : 0
  for (const instance of from.roster.keys()) {
    const record = dag.senders().get(instance)
    if (instance === self || record === undefined || record.node === from) continue
    if (precedesOrEquals(dag, from, record.node)) support += 1
  }
  return support
}
