/**
 * Which epoch happened before which, along parents *and* resolved heads (protocol §7). Answered without walking
 * history: a line of parents is one ancestor question, and only the epochs that list resolved heads lead off it. The
 * search stops at merges that already precede the epoch asked for, so what lies before a fork is never visited.
 */
import type { Dag } from './dag.ts'
import { type DagNode, isAncestorOrSelf } from './dag-node.ts'

/** Whether `earlier` is `later` or in its causal past. O((1 + merges beside the path) log n). */
export function precedesOrEquals(dag: Dag, earlier: DagNode, later: DagNode): boolean {
  const seen = new Set<DagNode>()
  const waiting: DagNode[] = [later]
  for (let line = waiting.pop(); line !== undefined; line = waiting.pop()) {
    if (isAncestorOrSelf(earlier, line)) return true
    for (let merge = line.lastMerge; merge !== undefined; merge = merge.parent?.lastMerge) {
      // what precedes an ancestor of `earlier` cannot be `earlier`; what follows a merge seen before has been queued
      if (seen.has(merge) || isAncestorOrSelf(merge, earlier)) break
      seen.add(merge)
      for (const { head } of merge.facts.resolves) {
        const target = dag.findNode(head)
        if (target !== undefined) waiting.push(target)
      }
    }
  }
  return false
}

/** Whether neither epoch is in the causal past of the other, and they are not one. */
export function areConcurrent(dag: Dag, a: DagNode, b: DagNode): boolean {
  return !precedesOrEquals(dag, a, b) && !precedesOrEquals(dag, b, a)
}
