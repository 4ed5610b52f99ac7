/**
 * The deeper branch, with a bounded bonus for a quorum of distinct members (protocol §6): for comparison with engines
 * that work so. Where those remember how far they rewound, this is a function of the DAG: the bonus can turn a fork
 * only as long as no branch has grown beyond the bound.
 */
import type { DagNode } from '../dag/dag-node.ts'
import type { DepthWitnessPolicy } from './fork-choice-policy.ts'
import { breakTie } from './tie-break.ts'
import { collectVotes } from './votes.ts'
import { createForkChoice, type Fork, type ForkChoice } from './walk.ts'

/** `depth-witness`. Costs what `support` costs. */
export function depthWitnessForkChoice(policy: DepthWitnessPolicy): ForkChoice {
  const { boost, quorum, rewindMax } = policy
  const isQuorum = (fork: Fork, votes: number): boolean =>
    fork.at !== undefined && votes * quorum.denominator >= fork.at.roster.size * quorum.numerator
  return createForkChoice('depth-witness', (dag, hash) => {
    const votes = collectVotes(dag)
    return {
      pick(fork) {
        const counts = votes.count(fork)
        const from = fork.at?.depth ?? -1
        const lengths = new Map(fork.children.map((child) => [child, fork.deepest(child) - from]))
        const longest = Math.max(...lengths.values())
        const score = (child: DagNode): number => {
          const length = lengths.get(child) as number
          return longest <= rewindMax && isQuorum(fork, counts.get(child) ?? 0) ? length + boost : length
        }
        const best = Math.max(...fork.children.map(score))
        return breakTie(
          fork,
          fork.children.filter((child) => score(child) === best),
          hash,
        )
      },
      descend: (_, picked) => votes.narrow(picked),
    }
  })
}
