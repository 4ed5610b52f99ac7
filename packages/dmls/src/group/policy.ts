/** The group's own policy, as its GroupContext carries it: fork choice, who may commit, retention. */
import { findExtension } from '@dmls/mls'
import type { DmlsEpoch } from '../dag/identifiers.ts'
import { type ForkChoice, forkChoice } from '../fork-choice/fork-choice.ts'
import {
  DEFAULT_GROUP_POLICY,
  DMLS_POLICY_EXTENSION,
  decodeGroupPolicy,
  type GroupPolicy,
} from '../message/group-policy.ts'
import { heldEpoch } from './lookup.ts'
import type { DmlsGroupState } from './state.ts'

/** The policy in force in an epoch. */
export function policyAt(state: DmlsGroupState, epoch: DmlsEpoch): GroupPolicy {
  const data = findExtension(heldEpoch(state, epoch).group.context.extensions, DMLS_POLICY_EXTENSION)
  return data === undefined ? DEFAULT_GROUP_POLICY : decodeGroupPolicy(data)
}

/** The fork choice of the group: a setting of its creation that every member computes alike. */
export function forkChoiceOf(state: DmlsGroupState): ForkChoice {
  return forkChoice(policyAt(state, state.head).forkChoice)
}
