/**
 * A merge may exchange us for another instance of ourselves, because two sides had invited us. Nobody meant that we should
 * go, and a merge that knows more may find that we are the one who stays.
 */
import { isAncestorOrSelf } from '../dag/dag-node.ts'
import type { DmlsEpoch } from '../dag/identifiers.ts'
import type { DmlsGroupState, OvercomeRemoval, Removal } from './state.ts'
import type { StepBuilder } from './step.ts'

/** Removals that are kept in mind, the latest ones. */
const OVERCOME_MAX = 16

/** Entering again, or an exchange that was taken back, overcomes a removal; what follows from it we never see all the same. */
export function withOvercome(
  overcome: readonly OvercomeRemoval[],
  removal: OvercomeRemoval,
): readonly OvercomeRemoval[] {
  return [...overcome, removal].slice(-OVERCOME_MAX)
}

/** Notes that a commit removed us, unless that was an exchange which is taken back already. */
export function noteRemoval(builder: StepBuilder, removal: Removal): void {
  builder.set({ removal })
  takeBack(builder)
}

/** Lets go of a removal that was an exchange, once it is taken back. */
export function takeBack(builder: StepBuilder): void {
  const { removal, overcome, home: entered } = builder.state
  if (removal === undefined || !isTakenBack(builder.state, removal)) return
  builder.set({ removal: undefined, overcome: withOvercome(overcome, { ...removal, entered, takenBack: true }) })
}

/** The removals that were overcome by entering again, and by nothing else. */
export function overcomeByEntering({ overcome }: DmlsGroupState): readonly OvercomeRemoval[] {
  return overcome.filter(({ takenBack }) => !takenBack)
}

/**
 * Whether a commit that was made in an epoch exchanged us: the branch that it began never comes to us as what we are.
 * Whoever was removed by a decision need not know what is merged there.
 */
export function wasTurnedAwayAt({ removal, overcome }: DmlsGroupState, epoch: DmlsEpoch): boolean {
  return [removal, ...overcome].some((each) => each?.exchanged === true && each.parent === epoch)
}

/**
 * Whether our branch has merged, since the epoch where a commit exchanged us, what had parted there or before, and has
 * us among its members all the same. O(merges since).
 */
function isTakenBack({ dag, head }: DmlsGroupState, { parent, removes, exchanged }: Removal): boolean {
  const place = dag.findNode(parent)
  const node = dag.node(head)
  if (!exchanged || place === undefined || !isAncestorOrSelf(place, node)) return false
  if (!removes.some((instance) => node.roster.has(instance))) return false
  for (let merge = node.lastMerge; merge !== undefined && merge.depth > place.depth; merge = merge.parent?.lastMerge) {
    const points = merge.facts.resolves.flatMap(({ forkPoint }) => dag.findNode(forkPoint) ?? [])
    if (points.some((point) => isAncestorOrSelf(point, place))) return true
  }
  return false
}
