/**
 * The branch of a designated committer (protocol §6): at each fork, the child below which the first designated member,
 * in the order of the list, made its latest commit. Members that are not in the fork point's roster, have made no commit
 * below the fork or were caught equivocating are passed over; where nobody is left, `support` decides.
 */
import type { Dag } from '../dag/dag.ts'
import { ancestorAtDepth, type DagNode, isAncestorOrSelf } from '../dag/dag-node.ts'
import type { InstanceId } from '../dag/identifiers.ts'
import { pickBySupport } from './support.ts'
import { collectVotes } from './votes.ts'
import { createForkChoice, type Fork, type ForkChoice } from './walk.ts'

function designatedChild(dag: Dag, fork: Fork, instances: readonly InstanceId[]): DagNode | undefined {
  const { at } = fork
  if (at === undefined) return undefined
  for (const instance of instances) {
    const record = dag.senders().get(instance)
    if (record?.commit === undefined || !at.roster.has(instance)) continue
    if (record.split !== undefined || record.commitSplit !== undefined) continue
    if (record.commit === at || !isAncestorOrSelf(at, record.commit)) continue
    const child = ancestorAtDepth(record.commit, at.depth + 1)
    // a branch that is resolved already is no candidate
    if (fork.children.includes(child)) return child
  }
  return undefined
}

/** `designated`. Costs what `support` costs, plus the list at each fork. */
export function designatedForkChoice(instances: readonly InstanceId[]): ForkChoice {
  return createForkChoice('designated', (dag, hash) => {
    const votes = collectVotes(dag)
    return {
      pick: (fork) => designatedChild(dag, fork, instances) ?? pickBySupport(fork, votes, hash),
      descend: (_, picked) => votes.narrow(picked),
    }
  })
}
