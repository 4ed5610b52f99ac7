/** One order of all epochs that everybody computes alike: causes first, ties by id. For listing, storing and drawing. */
import type { Dag } from './dag.ts'
import type { DagNode } from './dag-node.ts'
import type { EpochFacts } from './epoch-facts.ts'
import { compareText } from './identifiers.ts'

/** Known epochs that directly precede a node. */
function causes(dag: Dag, node: DagNode): Set<DagNode> {
  const before = new Set<DagNode>()
  if (node.parent !== undefined) before.add(node.parent)
  for (const { head } of node.facts.resolves) {
    const target = dag.findNode(head)
    if (target !== undefined && target !== node) before.add(target)
  }
  return before
}

/** Layer by layer: everything whose causes are all in earlier layers, each layer by id. O(n log n). */
export function topologicalOrder(dag: Dag, nodes: Iterable<DagNode>): readonly EpochFacts[] {
  const waitsFor = new Map<DagNode, number>()
  const effects = new Map<DagNode, DagNode[]>()
  let layer: DagNode[] = []
  for (const node of nodes) {
    const before = causes(dag, node)
    waitsFor.set(node, before.size)
    if (before.size === 0) layer.push(node)
    for (const cause of before) {
      const list = effects.get(cause)
      if (list === undefined) effects.set(cause, [node])
      else list.push(node)
    }
  }
  const order: EpochFacts[] = []
  while (layer.length > 0) {
    const next: DagNode[] = []
    for (const node of layer.sort((a, b) => compareText(a.id, b.id))) {
      order.push(node.facts)
      for (const effect of effects.get(node) ?? []) {
        const left = (waitsFor.get(effect) as number) - 1
        waitsFor.set(effect, left)
        if (left === 0) next.push(effect)
      }
    }
    layer = next
  }
  return order
}
