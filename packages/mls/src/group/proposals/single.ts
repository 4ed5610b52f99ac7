/**
 * What makes one proposal invalid by itself (RFC 9420 §12.1), as far as it follows from the group's state alone: no
 * signature, no Authentication Service. Those: `introduce.ts`.
 */
import { type CipherSuite, equalBytes } from '@dmls/crypto'
import { invalid } from '../../errors.ts'
import type { RatchetTree } from '../../tree/ratchet-tree.ts'
import { checkExtensionsDistinct, isDefaultProposal, requiredCapabilitiesOf } from '../../tree/required-capabilities.ts'
import { type Extension, findExtension } from '../../wire/extension.ts'
import type { Sender } from '../../wire/framing.ts'
import type { GroupContext } from '../../wire/group-context.ts'
import type { LeafNode } from '../../wire/leaf-node.ts'
import type { Proposal } from '../../wire/proposal.ts'
import type { PreSharedKeyId, ResumptionPskUsage } from '../../wire/psk.ts'
import { DraftProposalType } from '../../wire/registry.ts'
import { APP_DATA_DICTIONARY, appDataDictionaryOf, componentDataOf } from '../app-data.ts'
import { askApplication } from '../ask-application.ts'
import type { CommittedProposal } from '../changes.ts'
import { externalSendersOf } from '../extensions.ts'
import type { GroupPolicy } from '../services.ts'

export interface ProposalScene {
  readonly suite: CipherSuite
  readonly context: GroupContext
  readonly tree: RatchetTree
  readonly policy: GroupPolicy
  /** Which resumption PSKs may stand here: `reinit` and `branch` only in the first commit of the group they begin. */
  readonly resumption: ResumptionPskUsage
  /** The time, for the committer: what it sends must be valid at that moment. A receiver has checked on arrival. */
  readonly sendingAt: bigint | undefined
}

/** @throws MlsError if the proposal is invalid in this group, whatever stands beside it. */
export function checkProposal(scene: ProposalScene, entry: CommittedProposal): void {
  const { proposal, sender } = entry
  checkSender(scene, proposal, sender)
  switch (proposal.proposalType) {
    case 'add':
      // everything else about a key package is checked when it enters the group: `introduce.ts`
      if (scene.sendingAt !== undefined) checkLifetime(proposal.keyPackage.leafNode, scene.sendingAt)
      return
    case 'update':
      return
    case 'remove':
      if (scene.tree.leaf(proposal.removed) === undefined) {
        throw invalid('leaf_blank', 'a proposal removes a leaf that is blank') // RFC 9420 §12.1.3: it must be a non-blank leaf
      }
      return
    case 'psk':
      checkPskId(scene, proposal.psk)
      return
    case 'reinit':
      checkExtensionsDistinct(proposal.extensions) // RFC 9420 §13.4: no type twice
      if (proposal.version < scene.context.version) {
        throw invalid('reinit_downgrade', 'a ReInit lowers the version') // RFC 9420 §12.1.5: version not below the group's
      }
      return
    case 'group_context_extensions':
      checkExtensionsDistinct(proposal.extensions) // RFC 9420 §13.4: no type twice
      requiredCapabilitiesOf(proposal.extensions)
      externalSendersOf(proposal.extensions)
      checkAppDataUntouched(scene.context, proposal.extensions)
      return
    case 'external_init':
      return
    case 'self_remove':
      if (entry.reference === undefined) {
        throw invalid('self_remove_by_value', 'a SelfRemove is committed by value') // MLS extensions draft: by reference only
      }
      return
    case 'app_data_update':
      checkAppDataUpdate(scene, proposal)
      return
    case 'app_ephemeral':
      checkEphemeral(scene, proposal)
      return
    case 'custom':
      checkCustom(scene, proposal, sender)
  }
}

/** RFC 9420 §12.1.8 and registry column "Ext": who may propose what. @throws MlsError `bad_proposal_sender` */
export function checkSender(scene: Pick<ProposalScene, 'tree' | 'policy'>, proposal: Proposal, sender: Sender): void {
  const allowed = maySend(scene, proposal, sender)
  // RFC 9420 §12.1.8: other proposal types of external senders MUST be rejected
  if (!allowed)
    throw invalid('bad_proposal_sender', 'this sender may not make this proposal', { type: proposal.proposalType })
}

function maySend(scene: Pick<ProposalScene, 'tree' | 'policy'>, proposal: Proposal, sender: Sender): boolean {
  const type = proposal.proposalType
  switch (sender.senderType) {
    case 'member':
      // RFC 9420 §12.1.6, §12.2: an ExternalInit stands in external commits only
      return type !== 'external_init' && scene.tree.leaf(sender.leafIndex) !== undefined
    case 'new_member_commit':
      return type !== 'self_remove' && type !== 'update'
    case 'new_member_proposal':
      return type === 'add' // RFC 9420 §6.1: a new member may only propose to add itself
    case 'external':
      if (type === 'custom') return scene.policy.customProposals.get(proposal.type)?.externalSenders === true
      return EXTERNAL_SENDER_TYPES.includes(type)
  }
}

const EXTERNAL_SENDER_TYPES: readonly Proposal['proposalType'][] = [
  'add',
  'remove',
  'psk',
  'reinit',
  'group_context_extensions',
  'app_data_update',
  'app_ephemeral',
]

function checkLifetime(leaf: LeafNode, now: bigint): void {
  if (leaf.source.leafNodeSource !== 'key_package') return
  const { notBefore, notAfter } = leaf.source.lifetime
  // RFC 9420 §7.3: a client MUST verify that what it sends is within its lifetime
  if (now < notBefore || now > notAfter) throw invalid('expired', 'a key package to commit is not valid at this time')
}

/** RFC 9420 §12.1.4 */
function checkPskId(scene: ProposalScene, id: PreSharedKeyId): void {
  if (id.pskNonce.length !== scene.suite.hashSize) {
    throw invalid('bad_psk_nonce', 'the nonce of a pre-shared key is not KDF.Nh bytes') // RFC 9420 §12.1.4: length KDF.Nh
  }
  if (id.psk.pskType === 'resumption' && id.psk.usage !== 'application' && id.psk.usage !== scene.resumption) {
    // RFC 9420 §12.1.4: reinit and branch keys MUST NOT be used elsewhere
    throw invalid('bad_psk_usage', 'a pre-shared key of a reinitialisation or a branch is used elsewhere')
  }
}

/**
 * MLS extensions draft, "Updating Application Data in the GroupContext": where everybody has to support AppDataUpdate, the
 * dictionary changes by that alone.
 */
function checkAppDataUntouched({ extensions: current }: GroupContext, next: readonly Extension[]): void {
  appDataDictionaryOf(next)
  if (requiredCapabilitiesOf(current)?.proposalTypes.includes(DraftProposalType.appDataUpdate) !== true) return
  const [before, after] = [current, next].map((extensions) => findExtension(extensions, APP_DATA_DICTIONARY))
  const isSame = before === undefined || after === undefined ? before === after : equalBytes(before, after)
  if (!isSame) throw invalid('app_data_replaced', 'a GroupContextExtensions changes data that AppDataUpdates govern')
}

function checkAppDataUpdate(scene: ProposalScene, proposal: Proposal & { proposalType: 'app_data_update' }): void {
  const component = scene.policy.appComponents.get(proposal.componentId)
  if (component?.update === undefined)
    throw invalid('unknown_component', 'an AppDataUpdate is for an unknown component')
  const current = componentDataOf(scene.context.extensions, proposal.componentId)
  if (proposal.update === undefined && current === undefined) {
    throw invalid('no_component_data', 'an AppDataUpdate removes data that are not there')
  }
}

function checkEphemeral(scene: ProposalScene, proposal: Proposal & { proposalType: 'app_ephemeral' }): void {
  const component = scene.policy.appComponents.get(proposal.componentId)
  if (component?.checkEphemeral === undefined) {
    throw invalid('unknown_component', 'an AppEphemeral is for an unknown component')
  }
  const { checkEphemeral } = component
  askApplication(() => checkEphemeral(proposal.data))
}

function checkCustom(scene: ProposalScene, proposal: Proposal & { proposalType: 'custom' }, sender: Sender): void {
  const rule = scene.policy.customProposals.get(proposal.type)
  if (rule === undefined || isDefaultProposal(proposal.type)) {
    throw invalid('unsupported_proposal_type', 'a proposal is of a type that is not registered here', {
      type: proposal.type,
    })
  }
  askApplication(() => rule.validate?.(proposal.body, sender, scene.context))
}

/** Whether a commit with these proposals must carry an update path (RFC 9420 §12.4). */
export function pathRequired(proposals: readonly CommittedProposal[], policy: GroupPolicy): boolean {
  return proposals.length === 0 || proposals.some(({ proposal }) => requiresPath(proposal, policy))
}

function requiresPath(proposal: Proposal, policy: GroupPolicy): boolean {
  switch (proposal.proposalType) {
    case 'update':
    case 'remove':
    case 'external_init':
    case 'group_context_extensions':
    case 'self_remove':
      return true
    case 'add':
    case 'psk':
    case 'reinit':
    case 'app_data_update':
    case 'app_ephemeral':
      return false
    case 'custom':
      return policy.customProposals.get(proposal.type)?.pathRequired !== false
  }
}
