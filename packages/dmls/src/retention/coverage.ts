/**
 * Who has left an epoch behind: the members of the head whose latest message was made in a causal descendant. Such a
 * member starts no branch from the epoch any more. A member that was caught equivocating is left out of the count: nobody
 * knows where it stands, and nobody keeps secrets for its sake.
 */
import { precedesOrEquals } from '../dag/causality.ts'
import type { Dag } from '../dag/dag.ts'
import type { DagNode } from '../dag/dag-node.ts'
import type { InstanceId } from '../dag/identifiers.ts'
import { equivocationOf } from '../dag/sender-record.ts'

export interface Coverage {
  /** Members of the head that count. */
  readonly members: number
  /** How many of them have spoken in a descendant of the epoch, ourselves included. */
  spokenAfter(node: DagNode): number
}

/** O(members) once, then O(distinct epochs that members spoke for last × log n) for each epoch. */
export function coverageOf(dag: Dag, head: DagNode, own: InstanceId): Coverage {
  const spokenFor = new Map<DagNode, number>()
  let members = 0
  let self = 0
  for (const instance of head.roster.keys()) {
    const record = dag.senders().get(instance)
    if (instance === own) self = 1
    else if (record !== undefined && equivocationOf(instance, record) !== undefined) continue
    else if (record !== undefined) spokenFor.set(record.node, (spokenFor.get(record.node) ?? 0) + 1)
    members += 1
  }
  return {
    members,
    spokenAfter(node) {
      let spoken = self
      for (const [latest, count] of spokenFor) {
        if (latest !== node && precedesOrEquals(dag, node, latest)) spoken += count
      }
      return spoken
    },
  }
}
