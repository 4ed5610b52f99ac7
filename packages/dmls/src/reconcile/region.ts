/**
 * The operations that can be concurrent with one another among those before some heads (protocol §7). Everything else
 * lies before one epoch, the *bottleneck*: it precedes every operation of the region and follows every other. So what the
 * bottleneck settled stays settled, and reconciling costs what happened since the branches parted.
 */
import { precedesOrEquals } from '../dag/causality.ts'
import type { Dag } from '../dag/dag.ts'
import { type DagNode, forkPointOf, isAncestorOrSelf } from '../dag/dag-node.ts'

export interface Region {
  /** The bottleneck; undefined when the heads lie under several roots: then the region is their whole past. */
  readonly base: DagNode | undefined
  /** Epochs after the bottleneck that changed members or settings, or resolve heads; roots among them. Unordered. */
  readonly changes: readonly DagNode[]
}

/** What an epoch resolves, as far as it is known and not its own history. */
export function resolvedNodes(dag: Dag, node: DagNode): readonly DagNode[] {
  const targets: DagNode[] = []
  for (const { head } of node.facts.resolves) {
    const target = dag.findNode(head)
    if (target !== undefined && !isAncestorOrSelf(target, node)) targets.push(target)
  }
  return targets
}

/** The direct causes of an epoch. */
export function causesOf(dag: Dag, node: DagNode): readonly DagNode[] {
  const resolved = resolvedNodes(dag, node)
  return node.parent === undefined ? resolved : [node.parent, ...resolved]
}

/** The region below some heads, the heads included. O(changes in it × log n), and again for each older branch it meets. */
export function regionBelow(dag: Dag, heads: readonly DagNode[]): Region {
  let base: DagNode | undefined = heads[0]
  for (const head of heads) base = base && forkPointOf(base, head)
  while (true) {
    const region = collect(dag, heads, base)
    if (region.base === base) return region
    base = region.base
  }
}

/** The whole past of some heads. */
export function wholePast(dag: Dag, heads: readonly DagNode[]): Region {
  return collect(dag, heads, undefined)
}

/** The region above a bottleneck; if an older branch changed something beside it, only the lower one that this needs. */
function collect(dag: Dag, heads: readonly DagNode[], base: DagNode | undefined): Region {
  const seen = new Set<DagNode>()
  const waiting = [...heads]
  for (let line = waiting.pop(); line !== undefined; line = waiting.pop()) {
    for (let node: DagNode | undefined = line.lastChange; node !== undefined; node = node.parent?.lastChange) {
      if (seen.has(node) || (base !== undefined && isAncestorOrSelf(node, base))) break
      seen.add(node)
      for (const target of resolvedNodes(dag, node)) {
        if (base === undefined || isAncestorOrSelf(base, target)) waiting.push(target)
        else if (!precedesOrEquals(dag, target.lastChange, base))
          return { base: forkPointOf(base, target), changes: [] }
      }
    }
  }
  return { base, changes: [...seen] }
}
