/** The draft's example (draft-kohbrok-mls-dmls, "Server behaviour"): the higher confirmation tag at the first fork. */
import type { DagNode } from '../dag/dag-node.ts'
import { breakTie, compareByConfirmationTag } from './tie-break.ts'
import { createForkChoice, type ForkChoice } from './walk.ts'

/** `draft`. Simple, and won by whoever tries most commits: for comparison, and for groups ordered by servers. */
export const draftForkChoice: ForkChoice = createForkChoice('draft', (_, hash) => ({
  pick: (fork) =>
    fork.at === undefined
      ? breakTie(fork, fork.children, hash)
      : ([...fork.children].sort(compareByConfirmationTag)[0] as DagNode),
}))
