/** The handovers that were said where we could hear them (protocol §7.6), bounded, because any member can say one. */
import type { DmlsEpoch } from '../dag/identifiers.ts'
import type { DmlsGroupState, Handover } from './state.ts'

const HANDOVERS_MAX = 256

/** One epoch may resolve several heads, and is then handed over to in each. */
export function handoverKey({ saidIn, resolvedBy }: Handover): string {
  return `${saidIn} ${resolvedBy}`
}

/** With one more; the oldest leaves when there are too many. */
export function withHandover(known: DmlsGroupState['handovers'], handover: Handover): DmlsGroupState['handovers'] {
  const handovers = new Map(known).set(handoverKey(handover), handover)
  const [oldest] = handovers.keys()
  if (handovers.size > HANDOVERS_MAX && oldest !== undefined) handovers.delete(oldest)
  return handovers
}

/** Whether we were a member where a handover says that the branches part: then we judge, and need nobody's word. */
export function wasAt({ dag, self }: DmlsGroupState, { forkPoint, saidIn }: Handover): boolean {
  if (dag.has(forkPoint)) return dag.roster(forkPoint).has(self)
  // nothing lies before the beginning of the group
  return dag.node(saidIn).root.facts.epoch === 0n
}

/**
 * The handovers by which we may follow a Welcome into an epoch. Only those that were said where we live now: one from a
 * branch that we left would lead us back. And none to an epoch that our head has resolved since: it lies behind us.
 */
export function handoversInto(state: DmlsGroupState, epoch: DmlsEpoch): readonly Handover[] {
  const { dag, home, head } = state
  return [...state.handovers.values()].filter(({ resolvedBy, entrances, saidIn }) => {
    const isAtHome = saidIn === home || dag.precedes(home, saidIn)
    const isBehindUs = dag.has(resolvedBy) && (resolvedBy === head || dag.precedes(resolvedBy, head))
    return isAtHome && !isBehindUs && (resolvedBy === epoch || entrances.includes(epoch))
  })
}

/** Whether an epoch lies on the branch that is chosen. */
export function isOnChosenBranch({ dag, head }: DmlsGroupState, epoch: DmlsEpoch): boolean {
  return epoch === head || dag.isAncestor(epoch, head)
}
