/**
 * Groups that follow from a group (RFC 9420 §11.2, §11.3): what a joiner checks when the Welcome names a resumption PSK of
 * a reinitialisation or a branch. Making such groups: `reinit.ts`.
 */
import { equalBytes } from '@dmls/crypto'
import { invalid, missing } from '../errors.ts'
import type { RatchetTree } from '../tree/ratchet-tree.ts'
import type { Credential } from '../wire/credential.ts'
import type { GroupContext } from '../wire/group-context.ts'
import type { PreSharedKeyId, Psk } from '../wire/psk.ts'
import { askApplication } from './ask-application.ts'
import { policyOf } from './policy.ts'
import { sameExtensions } from './same-extensions.ts'
import type { Services } from './services.ts'
import type { GroupState } from './state.ts'

type ResumptionPsk = Extract<Psk, { pskType: 'resumption' }>

/** The first PSK that makes a group the successor or a branch of another, or undefined. */
export function successorPsk(psks: readonly PreSharedKeyId[]): ResumptionPsk | undefined {
  for (const { psk } of psks) if (psk.pskType === 'resumption' && psk.usage !== 'application') return psk
  return undefined
}

/** @throws MlsError `previous_group_needed` (missing), `not_the_successor`, `not_a_branch` */
export function checkJoinedSuccessor(
  psks: readonly PreSharedKeyId[],
  context: GroupContext,
  tree: RatchetTree,
  previous: GroupState | undefined,
  services: Services,
): void {
  const psk = successorPsk(psks)
  if (psk === undefined) return
  if (
    previous === undefined ||
    previous.context.epoch !== psk.pskEpoch ||
    !equalBytes(previous.context.groupId, psk.pskGroupId)
  ) {
    throw missing('previous_group_needed', 'the Welcome continues a group whose state was not given')
  }
  if (context.epoch !== 1n) {
    throw invalid('not_the_first_epoch', 'a group that continues another begins with epoch 1') // RFC 9420 §12.4.3.1, §11.2, §11.3
  }
  const { sameIdentity } = policyOf(services)
  const includes = (group: RatchetTree, part: RatchetTree): boolean =>
    askApplication(() => covers(group, part, sameIdentity))
  if (psk.usage === 'reinit') checkReinit(previous, context, () => includes(tree, previous.tree))
  else checkBranch(previous, context, () => includes(previous.tree, tree))
}

function checkReinit(previous: GroupState, context: GroupContext, membersRemain: () => boolean): void {
  const { reinit } = previous
  if (reinit === undefined) {
    // RFC 9420 §12.4.3.1: the last commit of the old group contains a ReInit
    throw invalid('not_the_successor', 'the old group was not reinitialised')
  }
  if (
    !equalBytes(context.groupId, reinit.groupId) ||
    context.version !== reinit.version ||
    context.cipherSuite !== reinit.cipherSuite ||
    !sameExtensions(context.extensions, reinit.extensions)
  ) {
    throw invalid('not_the_successor', 'the new group has other parameters than the ReInit') // RFC 9420 §12.4.3.1, §11.2
  }
  if (!membersRemain()) {
    throw invalid('not_the_successor', 'a member of the old group is not in the new one') // RFC 9420 §12.4.3.1
  }
}

function checkBranch(previous: GroupState, context: GroupContext, membersKnown: () => boolean): void {
  if (context.version !== previous.context.version || context.cipherSuite !== previous.context.cipherSuite) {
    throw invalid('not_a_branch', 'the new group has another version or cipher suite') // RFC 9420 §11.3, §12.4.3.1
  }
  if (!membersKnown()) {
    throw invalid('not_a_branch', 'the new group has a member who was not in the old one') // RFC 9420 §11.3, §12.4.3.1
  }
}

/** Whether every member of `part` has a counterpart in `group`, each of its own. */
export function covers(
  group: RatchetTree,
  part: RatchetTree,
  sameIdentity: (a: Credential, b: Credential) => boolean,
): boolean {
  const free = [...group.members()]
  for (const { leafNode } of part.members()) {
    const at = free.findIndex((member) => sameIdentity(member.leafNode.credential, leafNode.credential))
    if (at === -1) return false
    free.splice(at, 1)
  }
  return true
}
