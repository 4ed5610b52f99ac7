/**
 * To whom a merge says where the group goes on (protocol §7.6): members of a losing head who were not there when it
 * parted from the base cannot judge the fork. They enter by a Welcome: into the merge itself, or into an epoch of the
 * base's branch that welcomed them before, perhaps as another instance and before the fork. Those whose invitation fell
 * with the branch are told that they are out.
 */
import type { Dag } from '../dag/dag.ts'
import type { DmlsEpoch, InstanceId } from '../dag/identifiers.ts'
import type { Plan } from './plan.ts'

export interface PlannedHandover {
  /** The losing head whose newcomers are told. */
  readonly head: DmlsEpoch
  /** Where it parted from the base. */
  readonly forkPoint: DmlsEpoch
  /** Epochs of the base's branch that welcomed one of them, nearest first. */
  readonly entrances: readonly DmlsEpoch[]
}

/** The handovers that a merge by this plan owes. O(epochs of the branches) where there are newcomers. */
export function handoversFor(dag: Dag, plan: Plan): readonly PlannedHandover[] {
  return plan.resolves.flatMap((head) => handoverTo(dag, plan, head) ?? [])
}

function handoverTo(dag: Dag, plan: Plan, head: DmlsEpoch): PlannedHandover | undefined {
  const forkPoint = dag.forkPoint(plan.base, head)
  if (forkPoint === undefined) return undefined
  const present = dag.roster(forkPoint)
  const newcomers = new Set<string>()
  for (const { instance, identity } of dag.roster(head).values()) if (!present.has(instance)) newcomers.add(identity)
  if (newcomers.size === 0) return undefined

  const welcomed = new Set<InstanceId>()
  const stays = new Set(plan.members)
  for (const { instance, identity } of dag.roster(plan.base).values()) {
    if (newcomers.has(identity) && stays.has(instance)) welcomed.add(instance)
  }
  return { head, forkPoint, entrances: additionsOf(dag, plan.base, forkPoint, welcomed) }
}

/** Instances that came to a losing head after the fork and whose owners are not among the members of the merge. */
export function goneFrom(dag: Dag, { head, forkPoint }: PlannedHandover, merge: DmlsEpoch): readonly InstanceId[] {
  const remaining = new Set([...dag.roster(merge).values()].map(({ identity }) => identity))
  const present = dag.roster(forkPoint)
  return [...dag.roster(head).values()]
    .filter(({ instance, identity }) => !present.has(instance) && !remaining.has(identity))
    .map(({ instance }) => instance)
}

/** How many epochs before the fork an invitation is looked for that somebody may have followed only now. */
const REACH_BEFORE_FORK = 64

/** Where a branch added instances, nearest first: since the fork, and before it those that were not added since. */
function additionsOf(
  dag: Dag,
  base: DmlsEpoch,
  forkPoint: DmlsEpoch,
  instances: ReadonlySet<InstanceId>,
): readonly DmlsEpoch[] {
  const found: DmlsEpoch[] = []
  const missing = new Set(instances)
  const fork = dag.depth(forkPoint)
  for (let id: DmlsEpoch | undefined = base; id !== undefined; id = dag.parent(id)) {
    const before = fork - dag.depth(id)
    if (before >= (missing.size > 0 ? REACH_BEFORE_FORK : 0)) break
    const added = dag.get(id)?.adds.filter(({ instance }) => instances.has(instance)) ?? []
    for (const { instance } of added) missing.delete(instance)
    if (added.length > 0) found.push(id)
  }
  return found
}
