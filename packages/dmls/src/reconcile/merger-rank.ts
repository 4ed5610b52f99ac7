/** Who makes the merge commit (protocol §7.3): whoever can judge the fork, in an order that nobody chooses. */
import { concatBytes, toHex } from '@dmls/crypto'
import type { Dag } from '../dag/dag.ts'
import { compareText, type DmlsEpoch, type InstanceId, identifierBytes } from '../dag/identifiers.ts'
import type { HashFunction } from '../fork-choice/walk.ts'
import type { Plan } from './plan.ts'

/**
 * Whether a member can judge the fork between epochs: it was there where they part, so it can read every side. False
 * when they share no epoch that is known here.
 */
export function canJudge(dag: Dag, instance: InstanceId, heads: readonly DmlsEpoch[]): boolean {
  const forkPoint = dag.forkPoint(...heads)
  return forkPoint !== undefined && dag.roster(forkPoint).has(instance)
}

/**
 * Members of the base that can judge the fork and remain members, in the order in which they merge: rank r waits r·Δ.
 * Ordered by `Hash(base ‖ resolved heads ‖ instance)`, so that the order changes from fork to fork.
 */
export function rankMergers(dag: Dag, plan: Plan, hash: HashFunction): readonly InstanceId[] {
  const forkPoint = dag.forkPoint(plan.base, ...plan.resolves)
  if (forkPoint === undefined) return []
  const present = dag.roster(forkPoint)
  const inBase = dag.roster(plan.base)
  const key = concatBytes(...[plan.base, ...plan.resolves].map(identifierBytes))
  return plan.members
    .filter((instance) => present.has(instance) && inBase.has(instance))
    .map((instance) => ({ instance, rank: toHex(hash(concatBytes(key, identifierBytes(instance)))) }))
    .sort((a, b) => compareText(a.rank, b.rank) || compareText(a.instance, b.instance))
    .map(({ instance }) => instance)
}
