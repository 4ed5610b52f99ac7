/** The fork choices by their policies. */
import { depthWitnessForkChoice } from './depth-witness.ts'
import { designatedForkChoice } from './designated.ts'
import { draftForkChoice } from './draft.ts'
import type { ForkChoicePolicy } from './fork-choice-policy.ts'
import { supportForkChoice } from './support.ts'
import type { ForkChoice } from './walk.ts'

/** The fork choice that a group agreed on. */
export function forkChoice(policy: ForkChoicePolicy): ForkChoice {
  switch (policy.kind) {
    case 'support':
      return supportForkChoice
    case 'draft':
      return draftForkChoice
    case 'depth-witness':
      return depthWitnessForkChoice(policy)
    case 'designated':
      return designatedForkChoice(policy.instances)
  }
}

export type { Fork, ForkChoice, HashFunction } from './walk.ts'
export { rankHeads } from './walk.ts'
