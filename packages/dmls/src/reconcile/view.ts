/**
 * How much of a history somebody can judge. Whoever was there from the beginning sees all of it. Whoever entered later,
 * or twice, sees a part: where some branches parted it takes the members of that epoch as given, and judges what
 * happened since, if all of that is here.
 */
import { Dag } from '../dag/dag.ts'
import { type DagNode, isAncestorOrSelf } from '../dag/dag-node.ts'
import type { ResolvedHead } from '../dag/epoch-facts.ts'
import type { DmlsEpoch, InstanceId } from '../dag/identifiers.ts'
import { regionBelow, resolvedNodes } from './region.ts'

const VIEWS = {}

/**
 * The history in which a plan for these heads can be made: the whole one, or only what lies below the epoch where they
 * part. undefined where something that the plan depends on is not here. O(1), or O(epochs since they parted) for whoever
 * entered later; once per DAG and heads.
 */
export function viewOf(dag: Dag, heads: readonly DmlsEpoch[]): Dag | undefined {
  if (dag.roots().length === 1 && dag.unknownResolved().length === 0) return dag
  const views = dag.memo(VIEWS, () => new Map<string, Dag | undefined>())
  const key = [...heads].sort().join(' ')
  if (!views.has(key)) {
    views.set(
      key,
      partBelow(
        dag,
        heads.map((id) => dag.node(id)),
      ),
    )
  }
  return views.get(key)
}

/** Whom commits removed since some heads parted, merge commits left out: theirs may only follow from their plan. */
export function plainRemovals(dag: Dag, heads: readonly DmlsEpoch[]): ReadonlySet<InstanceId> {
  const region = regionBelow(
    dag,
    heads.map((id) => dag.node(id)),
  )
  return new Set(region.changes.flatMap(({ facts }) => (facts.resolves.length === 0 ? facts.removes : [])))
}

function partBelow(dag: Dag, heads: readonly DagNode[]): Dag | undefined {
  const { base } = regionBelow(dag, heads)
  if (base === undefined) return undefined
  const above = new Set<DagNode>()
  const waiting = [...heads]
  for (let line = waiting.pop(); line !== undefined; line = waiting.pop()) {
    for (let node = line; node !== base && !above.has(node); node = node.parent as DagNode) {
      // a side branch from before, or from another tree
      if (node.parent === undefined || !isAncestorOrSelf(base, node)) break
      if (!node.facts.resolves.every((resolved) => isAccountedFor(dag, node, resolved))) return undefined
      above.add(node)
      waiting.push(...resolvedNodes(dag, node))
    }
  }
  return [...above].sort((a, b) => a.depth - b.depth).reduce((part, { facts }) => part.insert(facts), rootedAt(base))
}

/**
 * Whether a head that is resolved on a branch is here, or could have been: when we know where it parted from that branch
 * and it never came, it is beyond our horizon or does not exist, and is judged as if it was not there. Otherwise it parted
 * before we came to the branch, perhaps where we were before as somebody else.
 */
export function isAccountedFor(dag: Dag, branch: DagNode, { head, forkPoint }: ResolvedHead): boolean {
  return dag.has(head) || dag.findNode(forkPoint)?.root === branch.root
}

/** A history that begins with an epoch, its members taken as given. */
function rootedAt({ facts, roster }: DagNode): Dag {
  return Dag.empty().insert({
    ...facts,
    parent: undefined,
    committer: undefined,
    resolves: [],
    adds: [],
    removes: [],
    updates: [],
    settings: undefined,
    roster: [...roster.values()],
  })
}
