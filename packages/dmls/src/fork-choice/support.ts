/** The default fork choice (protocol §6): follow the child below which most members of the fork point spoke last. */
import type { DagNode } from '../dag/dag-node.ts'
import { breakTie } from './tie-break.ts'
import { collectVotes, type Votes } from './votes.ts'
import { createForkChoice, type Fork, type ForkChoice, type HashFunction } from './walk.ts'

/** The child with the most support, ties broken. */
export function pickBySupport(fork: Fork, votes: Votes, hash: HashFunction): DagNode {
  const counts = votes.count(fork)
  let most = 0
  for (const child of fork.children) most = Math.max(most, counts.get(child) ?? 0)
  return breakTie(
    fork,
    fork.children.filter((child) => (counts.get(child) ?? 0) === most),
    hash,
  )
}

/**
 * `support`. O(epochs between the heads and where they part + forks on the way × members × log n), and only when
 * there is more than one head.
 */
export const supportForkChoice: ForkChoice = createForkChoice('support', (dag, hash) => {
  const votes = collectVotes(dag)
  return { pick: (fork) => pickBySupport(fork, votes, hash), descend: (_, picked) => votes.narrow(picked) }
})
