/**
 * Who is a member after several branches are taken together (protocol §7): a function of the operations in their causal
 * past, not of the branches or of who won. The rule is in `evaluation.ts`.
 *
 * Costs what happened since the branches parted: O(changes there × log n), plus once per epoch what it changed.
 */
import type { Dag } from '../dag/dag.ts'
import type { RosterMember } from '../dag/epoch-facts.ts'
import { compareText, type DmlsEpoch, type InstanceId } from '../dag/identifiers.ts'
import type { Fate } from './fates.ts'
import { settleHeads } from './settle.ts'

/** The settled past of some heads, computed once per DAG. @throws MlsError `missing`/`unknown_epoch` */
export function settledPast(dag: Dag, heads: readonly DmlsEpoch[]): ReturnType<typeof settleHeads> {
  const cache = dag.memo(settledPast, () => new Map<string, ReturnType<typeof settleHeads>>())
  const distinct = [...new Set(heads)].sort(compareText)
  const key = distinct.join(' ')
  let settled = cache.get(key)
  if (settled === undefined) {
    settled = settleHeads(
      dag,
      distinct.map((id) => dag.node(id)),
    )
    cache.set(key, settled)
  }
  return settled
}

/** The fate of every instance that the causal past of the heads knows. @throws MlsError `unknown_epoch` */
export function instanceFates(dag: Dag, heads: readonly DmlsEpoch[]): ReadonlyMap<InstanceId, Fate> {
  const fates = new Map<InstanceId, Fate>()
  for (const [instance, { fate }] of settledPast(dag, heads).fates.entries()) fates.set(instance, fate)
  return fates
}

/**
 * The members after the causal past of the heads is taken together, ascending by instance. Their leaf index is that of
 * the branch that added them, and says nothing about other branches. @throws MlsError `unknown_epoch`
 */
export function membership(dag: Dag, heads: readonly DmlsEpoch[]): ReadonlyMap<InstanceId, RosterMember> {
  const members = new Map<InstanceId, RosterMember>()
  for (const [instance, { fate, member }] of settledPast(dag, heads).fates.entries()) {
    if (fate === 'member') members.set(instance, member)
  }
  return members
}
