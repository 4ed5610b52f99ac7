/** The handovers that were said where we could hear them (protocol §7.6), bounded, because any member can say one. */
import type { DmlsEpoch, InstanceId } from '../dag/identifiers.ts'
import type { DmlsGroupState, Handover } from './state.ts'

const HANDOVERS_MAX = 256

/** One epoch may resolve several heads, and is then handed over to in each; nobody changes what another said. */
export function handoverKey({ by, saidIn, resolvedBy }: Handover): string {
  return [by, saidIn, resolvedBy].join(' ')
}

/** With one more; when there are too many, whoever said most of them loses its oldest: a liar pushes out its own. */
export function withHandover(known: DmlsGroupState['handovers'], handover: Handover): DmlsGroupState['handovers'] {
  const handovers = new Map(known).set(handoverKey(handover), handover)
  if (handovers.size > HANDOVERS_MAX) {
    const said = new Map<InstanceId, number>()
    for (const { by } of handovers.values()) said.set(by, (said.get(by) ?? 0) + 1)
    const most = Math.max(...said.values())
    const [oldest] = [...handovers].find(([, { by }]) => said.get(by) === most) as [string, Handover]
    handovers.delete(oldest)
  }
  return handovers
}

/**
 * Whether we were a member where a handover says that the branches part: then we judge, and need nobody's word. Where
 * that is not known here, we came later.
 */
export function wasAt({ dag, self }: DmlsGroupState, { forkPoint }: Handover): boolean {
  return dag.has(forkPoint) && dag.roster(forkPoint).has(self)
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
