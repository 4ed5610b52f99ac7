/**
 * Where the members stand: each one's latest authenticated message, narrowed down while a fork choice descends. A
 * member that was caught equivocating stands nowhere, nor does one that some commit removes: what it says late is heard
 * by some and refused by others, and must not part them.
 */
import type { Dag } from '../dag/dag.ts'
import { ancestorAtDepth, type DagNode, isAncestorOrSelf } from '../dag/dag-node.ts'
import type { InstanceId } from '../dag/identifiers.ts'
import type { Fork } from './walk.ts'

export interface Votes {
  /**
   * How many members of the fork point's roster spoke last at or below each child; children without any are absent.
   * Where whole trees part, those count who are in all their roots.
   */
  count(fork: Fork): ReadonlyMap<DagNode, number>
  /** Forgets everybody who is not at or below the child. */
  narrow(child: DagNode): void
}

interface Vote {
  readonly sender: InstanceId
  readonly node: DagNode
}

/** Which child of the fork the epoch is at or below, if any of its children, candidate or not. */
function childTowards(fork: Fork, node: DagNode): DagNode | undefined {
  if (fork.at === undefined) return node.root
  if (node.depth <= fork.at.depth) return undefined
  const child = ancestorAtDepth(node, fork.at.depth + 1)
  return child.parent === fork.at ? child : undefined
}

function mayVote(fork: Fork, sender: InstanceId): boolean {
  if (fork.at !== undefined) return fork.at.roster.has(sender)
  return fork.children.every((root) => root.roster.has(sender))
}

export function collectVotes(dag: Dag): Votes {
  let votes: Vote[] | undefined
  const all = (): Vote[] => {
    if (votes !== undefined) return votes
    votes = []
    for (const [sender, record] of dag.senders().entries()) {
      const isHonest = record.split === undefined && record.commitSplit === undefined
      if (isHonest && !dag.isRemoved(sender)) votes.push({ sender, node: record.node })
    }
    return votes
  }
  return {
    count(fork) {
      const counts = new Map<DagNode, number>()
      for (const { sender, node } of all()) {
        const child = childTowards(fork, node)
        if (child !== undefined && mayVote(fork, sender)) counts.set(child, (counts.get(child) ?? 0) + 1)
      }
      return counts
    },
    narrow(child) {
      votes = all().filter(({ node }) => isAncestorOrSelf(child, node))
    },
  }
}
