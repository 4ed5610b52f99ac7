/** The group's own policy, as its GroupContext carries it: fork choice, who may commit, retention. */
import { equalBytes } from '@dmls/crypto'
import { type Extension, findExtension, invalid, MlsError, missing } from '@dmls/mls'
import type { DmlsEpoch } from '../dag/identifiers.ts'
import { type ForkChoice, forkChoice } from '../fork-choice/fork-choice.ts'
import {
  DEFAULT_GROUP_POLICY,
  DMLS_POLICY_EXTENSION,
  decodeGroupPolicy,
  encodeGroupPolicy,
  type GroupPolicy,
} from '../message/group-policy.ts'
import { heldEpoch } from './lookup.ts'
import type { DmlsGroupState, DmlsServices } from './state.ts'

/** The policy in force in an epoch. */
export function policyAt(state: DmlsGroupState, epoch: DmlsEpoch): GroupPolicy {
  return policyIn(heldEpoch(state, epoch).group.context.extensions)
}

/** The policy that GroupContext extensions carry. @throws MlsError `invalid` `unsupported_policy`, `malformed` */
export function policyIn(extensions: readonly Extension[]): GroupPolicy {
  const data = findExtension(extensions, DMLS_POLICY_EXTENSION)
  return data === undefined ? DEFAULT_GROUP_POLICY : decodeGroupPolicy(data)
}

/**
 * Whether a commit may replace the settings of an epoch by these. A policy that nobody can follow would end the group:
 * rights are left to the application when a group is created, because later it may have members without a rule. And a
 * fork choice that changes on one branch is none: each side would follow its own.
 * @throws MlsError `invalid` `unsupported_policy`, `fork_choice_changed`
 */
export function checkSettings(state: DmlsGroupState, epoch: DmlsEpoch, extensions: readonly Extension[]): void {
  const { forkChoice: next, admin } = readPolicy(extensions)
  const before = policyAt(state, epoch)
  if (admin.kind === 'application' && before.admin.kind !== 'application') {
    throw invalid('unsupported_policy', 'the rules of the group would be those of another application')
  }
  if (!isSameForkChoice(next, before.forkChoice)) {
    // protocol §6: agreed by all, whatever branch they are on
    throw invalid('fork_choice_changed', 'the fork choice of a group is settled when it is created')
  }
}

/**
 * Refuses a group whose rights are left to an application that gives no rule: without one, nobody can tell which commits
 * are good. @throws MlsError `missing`/`no_admin_rule`, `invalid`/`unsupported_policy`
 */
export function checkRuleGiven(extensions: readonly Extension[], { adminRule }: Pick<DmlsServices, 'adminRule'>): void {
  if (readPolicy(extensions).admin.kind === 'application' && adminRule === undefined) {
    throw missing('no_admin_rule', 'the group leaves the rights to a rule of the application')
  }
}

function readPolicy(extensions: readonly Extension[]): GroupPolicy {
  try {
    return policyIn(extensions)
  } catch (error) {
    if (!(error instanceof MlsError)) throw error
    // scenario 29: what this version does not know is refused, never guessed at
    throw new MlsError('invalid', 'unsupported_policy', 'the policy of the group cannot be read', {}, { cause: error })
  }
}

function isSameForkChoice(a: GroupPolicy['forkChoice'], b: GroupPolicy['forkChoice']): boolean {
  const bytes = (forkChoice: GroupPolicy['forkChoice']): Uint8Array =>
    encodeGroupPolicy({ ...DEFAULT_GROUP_POLICY, forkChoice })
  return equalBytes(bytes(a), bytes(b))
}

/** The fork choice of the group: a setting of its creation that every member computes alike. */
export function forkChoiceOf(state: DmlsGroupState): ForkChoice {
  return forkChoice(policyAt(state, state.head).forkChoice)
}
