/**
 * What became of everybody before and after single epochs, each computed once, causes first: an ordinary commit adds to
 * what its parent settled, a merge commit to what its causes settle together. With a stack of its own, because histories
 * are long. What rests on resolved heads that were missing is kept with the DAG, everything else with the epoch.
 */
import type { Dag } from '../dag/dag.ts'
import type { DagNode } from '../dag/dag-node.ts'
import type { InstanceId } from '../dag/identifiers.ts'
import { PersistentMap } from '../dag/persistent-map.ts'
import { evaluateFates } from './evaluation.ts'
import type { Fates } from './fates.ts'
import { causesOf, type Region, regionBelow, resolvedNodes, wholePast } from './region.ts'

/** What is asked: the fates after an epoch, or before a merge commit. */
interface Task {
  readonly when: 'before' | 'after'
  readonly node: DagNode
  region?: Region
}

interface Settled {
  readonly before: Map<DagNode, Fates>
  readonly after: Map<DagNode, Fates>
}

const NOBODY: Fates = PersistentMap.empty()
const SETTLED = {}

function unstable(dag: Dag): Settled {
  return dag.memo(SETTLED, (): Settled => ({ before: new Map(), after: new Map() }))
}

function known(dag: Dag, when: Task['when'], node: DagNode): Fates | undefined {
  if (!node.isStable) return unstable(dag)[when].get(node)
  return when === 'before' ? node.fatesBefore : node.fatesAfter
}

function remember(dag: Dag, { when, node }: Task, fates: Fates): void {
  if (!node.isStable) unstable(dag)[when].set(node, fates)
  else if (when === 'before') node.fatesBefore = fates
  else node.fatesAfter = fates
}

function isMerge(dag: Dag, node: DagNode): boolean {
  return node.facts.resolves.length > 0 && resolvedNodes(dag, node).length > 0
}

/** Whether a removal can be a mere consequence, so that what was before it has to be known. */
function mayFollowPlan(dag: Dag, node: DagNode): boolean {
  return node.parent !== undefined && node.facts.removes.length > 0 && isMerge(dag, node)
}

/** The changes that a task evaluates, and what it adds them to. */
function changesOf(
  dag: Dag,
  task: Task,
): { readonly on: Omit<Task, 'region'> | undefined; readonly changes: readonly DagNode[] } {
  const { when, node } = task
  if (when === 'after') {
    const { parent } = node
    // a root that a handover led to: its past lies under another root
    if (parent === undefined) {
      task.region ??= isMerge(dag, node) ? wholePast(dag, [node]) : { base: undefined, changes: [node] }
      return { on: undefined, changes: task.region.changes }
    }
    if (isMerge(dag, node)) return { on: { when: 'before', node }, changes: [node] }
    return { on: { when: 'after', node: parent.lastChange }, changes: [node] }
  }
  task.region ??= regionBelow(dag, causesOf(dag, node))
  const { base, changes } = task.region
  return { on: base && { when: 'after', node: base.lastChange }, changes }
}

/** The first thing that has to be settled before a task can be. */
function missingFor(dag: Dag, task: Task): Task | undefined {
  const { on, changes } = changesOf(dag, task)
  if (on !== undefined && known(dag, on.when, on.node) === undefined) return { ...on }
  const open = changes.find((node) => mayFollowPlan(dag, node) && known(dag, 'before', node) === undefined)
  return open && { when: 'before', node: open }
}

function evaluate(dag: Dag, base: Fates, changes: readonly DagNode[]): Fates {
  return evaluateFates(dag, base, changes, (removal: DagNode, instance: InstanceId): boolean => {
    // a merge commit also removes those that are no members any more once its causes are taken together
    if (!mayFollowPlan(dag, removal)) return true
    return known(dag, 'before', removal)?.get(instance)?.fate === 'member'
  })
}

function settle(dag: Dag, task: Task): Fates {
  const waiting: Task[] = [task]
  for (let next = waiting.at(-1); next !== undefined; next = waiting.at(-1)) {
    if (known(dag, next.when, next.node) === undefined) {
      const missing = missingFor(dag, next)
      if (missing !== undefined) {
        waiting.push(missing)
        continue
      }
      const { on, changes } = changesOf(dag, next)
      const base = on === undefined ? NOBODY : (known(dag, on.when, on.node) as Fates)
      remember(dag, next, evaluate(dag, base, changes))
    }
    waiting.pop()
  }
  return known(dag, task.when, task.node) as Fates
}

/** What becomes of everybody once the causal past of some heads is taken together, and the region it was found in. */
export function settleHeads(dag: Dag, heads: readonly DagNode[]): { readonly fates: Fates; readonly region: Region } {
  const region = regionBelow(dag, heads)
  const base = region.base === undefined ? NOBODY : settle(dag, { when: 'after', node: region.base.lastChange })
  for (const node of region.changes) if (mayFollowPlan(dag, node)) settle(dag, { when: 'before', node })
  return { fates: evaluate(dag, base, region.changes), region }
}
