/** Merge commits as honest members make them, for histories that have branches. */
import {
  type Dag,
  type DmlsEpoch,
  dmlsEpoch,
  type EpochFacts,
  type InstanceId,
  plan,
  type RosterMember,
} from '@dmls/dmls'

/**
 * The commit on `base` that resolves `heads` and does what the plan says; undefined where nobody of the base remains.
 * `forget` leaves one change of the plan out, as a dishonest member would.
 */
export function mergeCommit(
  dag: Dag,
  base: DmlsEpoch,
  heads: readonly DmlsEpoch[],
  id: string,
  forget?: 'an addition' | 'a removal',
): EpochFacts | undefined {
  const wanted = plan(dag, base, heads)
  const members = dag.roster(base)
  const committer = wanted.members.find((instance) => members.has(instance))
  if (committer === undefined) return undefined
  const removes = forget === 'a removal' ? wanted.remove.slice(1) : wanted.remove
  const removed = new Set<InstanceId>(removes)
  const taken = new Set([...members.values()].filter((m) => !removed.has(m.instance)).map((m) => m.leafIndex))
  const adds = (forget === 'an addition' ? wanted.add.slice(1) : wanted.add).map(
    ({ instance, identity }): RosterMember => {
      let leafIndex = 0
      while (taken.has(leafIndex)) leafIndex++
      taken.add(leafIndex)
      return { instance, identity, leafIndex }
    },
  )
  return {
    id: dmlsEpoch(id),
    parent: base,
    epoch: (dag.get(base) as EpochFacts).epoch + 1n,
    committer,
    committerLeaf: (members.get(committer) as RosterMember).leafIndex,
    counter: (dag.latest(committer)?.counter ?? 0n) + 1n,
    resolves: wanted.resolves.map((head) => ({ head, forkPoint: dag.forkPoint(base, head) ?? head })),
    adds,
    removes,
    updates: [committer],
    settings: undefined,
    confirmationTag: id,
  }
}
