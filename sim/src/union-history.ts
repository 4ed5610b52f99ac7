/**
 * What nobody in a group knows: the facts of all commits that any member made or processed, put together. The
 * invariants of a whole world are stated over this.
 */
import { Dag, type DmlsEpoch, type EpochFacts, type InstanceId } from '@dmls/dmls'
import type { World } from './world.ts'

export class UnionHistory {
  readonly facts: readonly EpochFacts[]
  readonly dag: Dag

  constructor(world: World) {
    const facts = new Map<DmlsEpoch, EpochFacts>()
    for (const node of world.nodes) {
      for (const epoch of node.group?.dag().epochs() ?? []) {
        // a newcomer knows the epoch that it joined as a root; others know its commit
        if (facts.get(epoch.id)?.parent === undefined) facts.set(epoch.id, epoch)
      }
    }
    this.facts = parentsFirst(facts)
    this.dag = this.facts.reduce((dag, epoch) => dag.insert(epoch), Dag.empty())
  }

  /** Heads that nobody resolved. */
  get heads(): readonly DmlsEpoch[] {
    return this.dag.unresolvedHeads()
  }

  /** Identities in an epoch, hexadecimal, by instance. Empty for an epoch that nobody knows. */
  readonly roster = (epoch: string): ReadonlyMap<InstanceId, string> => {
    if (!this.dag.has(epoch as DmlsEpoch)) return new Map()
    return new Map([...this.dag.roster(epoch as DmlsEpoch).values()].map((m) => [m.instance, m.identity]))
  }
}

function parentsFirst(facts: ReadonlyMap<DmlsEpoch, EpochFacts>): EpochFacts[] {
  const ordered: EpochFacts[] = []
  const seen = new Set<DmlsEpoch>()
  for (const first of facts.values()) {
    const line: EpochFacts[] = []
    for (let next: EpochFacts | undefined = first; next !== undefined && !seen.has(next.id); ) {
      seen.add(next.id)
      line.push(next)
      next = next.parent === undefined ? undefined : facts.get(next.parent)
    }
    ordered.push(...line.reverse())
  }
  return ordered
}
