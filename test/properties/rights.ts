/**
 * Whether everybody had the right to do what it did (protocol §10), by the specification's plans: in a group with a named
 * admin, what others add or remove must be what the heads that they list demand, or the exchange of somebody who asked.
 */
import type { DmlsEpoch, EpochFacts } from '@dmls/dmls'
import { lacksMerged, type SimNode, type UnionHistory, type World } from '@dmls/sim'
import { type History, resolvedBy } from '../spec/history.ts'
import { plan, type SpecPlan } from '../spec/membership.ts'

/**
 * What each member took for right, as far as it could judge: it came before whoever did it, never came anew, and lacks
 * nothing of what was merged.
 */
export function checkRights(world: World, history: UnionHistory): string[] {
  const known: History = { epochs: history.facts, messages: [] }
  const violations: string[] = []
  for (const facts of history.facts) {
    const wrong = wrongIn(world, known, history, facts)
    if (wrong.length === 0) continue
    const fooled = world.nodes.filter((node) => accepted(node, facts) && !lacksMerged(node, history))
    if (fooled.length > 0) {
      const names = fooled.map(({ name }) => name).join(', ')
      violations.push(`${names} accepted of ${facts.id.slice(0, 8)}: ${wrong.join(', ')}`)
    }
  }
  return violations
}

function wrongIn(world: World, known: History, history: UnionHistory, facts: EpochFacts): string[] {
  const { committer, parent } = facts
  const admin = world.nodes.find(({ group }) => group !== undefined)?.group?.policy().admin
  if (committer === undefined || parent === undefined || admin?.kind !== 'named') return []
  const identity = history.roster(parent).get(committer)
  if (identity === undefined || admin.identities.includes(identity)) return []
  const heads: DmlsEpoch[] = resolvedBy(known, facts.id)
  const demanded: Pick<SpecPlan, 'add' | 'remove'> =
    heads.length === 0 ? { add: [], remove: [] } : plan(known, parent, heads)
  const exchanged = new Set(facts.adds.flatMap(({ continues }) => continues ?? []))
  const removes = facts.removes.filter((instance) => !demanded.remove.includes(instance) && !exchanged.has(instance))
  const adds = facts.adds.filter(
    ({ instance, continues }) => !demanded.add.includes(instance) && continues === undefined,
  )
  return [
    ...removes.map((instance) => `the removal of ${instance.slice(0, 8)}`),
    ...(admin.invitations === 'anyone' ? [] : adds.map(({ instance }) => `the addition of ${instance.slice(0, 8)}`)),
  ]
}

/** Whether a node has an epoch in its history, and was in the group before its author. */
function accepted(node: SimNode, { id, committer }: EpochFacts): boolean {
  const dag = node.group?.dag()
  const roots = dag?.roots() ?? []
  const [root] = roots
  if (dag === undefined || root === undefined || roots.length > 1 || !dag.has(id)) return false
  return committer !== undefined && !dag.roster(root).has(committer)
}
