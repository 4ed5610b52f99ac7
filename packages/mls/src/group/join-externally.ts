/** Joining by an external commit (RFC 9420 §12.4.3.2): a newcomer, or a member that comes back, adds itself. */
import { type CipherSuite, CryptoError, equalBytes, type RandomSource, wipe } from '@dmls/crypto'
import { encodeWhole } from '../codec/writer.ts'
import { invalid, missing } from '../errors.ts'
import { checkSender, signContent, verifyContentSignature } from '../framing/authenticated-content.ts'
import { protectPublic } from '../framing/public-message.ts'
import { sendExternalInit } from '../schedule/external-init.ts'
import { proposalRef } from '../schedule/labeled.ts'
import { interimTranscriptHash } from '../schedule/transcript-hash.ts'
import { verifyGroupInfoSignature } from '../schedule/welcome-secrets.ts'
import { checkGroupRequirements } from '../tree/group-requirements.ts'
import { checkLeafNode } from '../tree/leaf-node-validation.ts'
import { memberDemands } from '../tree/required-capabilities.ts'
import {
  encryptUpdatePath,
  type StagedPath,
  stageUpdatePath,
  wipeStagedPath,
  wipeStagedSecrets,
} from '../tree/staged-path.ts'
import type { Commit } from '../wire/commit.ts'
import { credentialTypeOf } from '../wire/credential.ts'
import { type AuthenticatedContent, encodeAuthenticatedContent, type FramedContent } from '../wire/framing.ts'
import { groupContextBytes } from '../wire/group-context.ts'
import type { MlsMessage } from '../wire/mls-message.ts'
import type { Proposal, ProposalOrRef } from '../wire/proposal.ts'
import { withAdvertisedComponents } from './app-data.ts'
import { defaultCapabilities, withGrease } from './capabilities.ts'
import type { CommittedProposal } from './changes.ts'
import { changesOf } from './commit/changes-of.ts'
import { deriveNextEpoch, freshState, type NextEpoch, provisionalContext, wipeNextEpoch } from './epoch.ts'
import { externalPubOf } from './extensions.ts'
import { checkSupportsExtensions, type ExaminedGroupInfo, examineGroupInfo, signedGroupInfo } from './group-info.ts'
import { validateGroupTree } from './group-tree.ts'
import type { JoinExternallyOptions } from './options.ts'
import { policyOf } from './policy.ts'
import { type Applied, applyProposals } from './proposals/apply.ts'
import { checkProposalTypes } from './proposals/faults.ts'
import { checkProposalList, type ListScene } from './proposals/list-rules.ts'
import { pskSecretOf } from './psk.ts'
import type { JoinedExternally } from './results.ts'
import type { Services } from './services.ts'
import type { GroupState } from './state.ts'

const NOTHING = new Uint8Array(0)
const SENDER = { senderType: 'new_member_commit' } as const

/**
 * The state that the external commit leads to, and the commit. Nothing of the parent epoch is known to the joiner.
 * @throws MlsError `external_pub_needed` (missing), `bad_external_pub`, `ratchet_tree_needed` (missing), `psk_not_found`
 * (missing), and one code for each check of the GroupInfo and of the list of proposals
 */
export async function joinExternally(options: JoinExternallyOptions, services: Services): Promise<JoinedExternally> {
  const { suite, groupInfo } = options
  const examined = examineGroupInfo(suite, groupInfo, options.ratchetTree, options.isMemberOf)
  await Promise.all([
    verifyGroupInfoSignature(suite, examined.signer.leafNode.signatureKey, groupInfo),
    validateGroupTree(examined.tree, groupInfo.groupContext, services),
  ])
  const externalPub = externalPubOf(groupInfo.extensions)
  if (externalPub === undefined) throw missing('external_pub_needed', 'the GroupInfo has no key for external commits')
  const init = await externalInit(suite, externalPub, services.random)
  const { initSecret } = init
  try {
    const applied = await applyOwnProposals(options, examined, init.kemOutput, services)
    const staged = await stageOwnPath(options, applied, services)
    try {
      return await finishWithPsks({ options, services, examined, applied, staged, initSecret })
    } catch (error) {
      wipe(...staged.keys.values())
      throw error
    } finally {
      wipeStagedSecrets(staged) // RFC 9420 §9.2
    }
  } finally {
    wipe(initSecret)
  }
}

async function externalInit(
  suite: CipherSuite,
  externalPub: Uint8Array,
  random: RandomSource,
): ReturnType<typeof sendExternalInit> {
  try {
    return await sendExternalInit(suite, externalPub, random)
  } catch (error) {
    if (!(error instanceof CryptoError)) throw error
    throw invalid('bad_external_pub', 'the key of the GroupInfo for external commits is no public key')
  }
}

async function applyOwnProposals(
  options: JoinExternallyOptions,
  { tree }: ExaminedGroupInfo,
  kemOutput: Uint8Array,
  services: Services,
): Promise<Applied> {
  const { suite } = options
  const context = options.groupInfo.groupContext
  const policy = policyOf(services)
  const own: Proposal[] = [
    { proposalType: 'external_init', kemOutput },
    ...(options.resync === undefined ? [] : [{ proposalType: 'remove', removed: options.resync } as const]),
    ...(options.psks ?? []).map((psk) => ({ proposalType: 'psk', psk }) as const),
  ]
  const leaving = await Promise.all(
    (options.selfRemoves ?? []).map((message) => selfRemoveOf({ suite, context, tree }, message)),
  )
  const proposals = [
    ...own.map((proposal): CommittedProposal => ({ proposal, sender: SENDER, reference: undefined })),
    ...leaving,
  ]
  const scene: ListScene = {
    suite,
    context,
    tree,
    policy,
    committer: undefined,
    resumption: 'application',
    sendingAt: services.now,
  }
  checkProposalList(scene, proposals)
  const applied = applyProposals(scene, proposals, 'external_commit')
  checkProposalTypes(applied)
  return applied
}

/** MLS extensions draft: a joiner commits the SelfRemoves that it is given; it cannot check their membership tag. */
async function selfRemoveOf(
  { suite, context, tree }: Pick<GroupState, 'suite' | 'context' | 'tree'>,
  message: MlsMessage,
): Promise<CommittedProposal> {
  if (message.wireFormat !== 'mls_public_message')
    throw invalid('self_remove_private', 'a SelfRemove is a PublicMessage')
  const { content, auth } = message.publicMessage
  const { sender, content: body } = content
  const leaf = sender.senderType === 'member' ? tree.leaf(sender.leafIndex) : undefined
  const inEpoch = content.epoch === context.epoch && equalBytes(content.groupId, context.groupId)
  if (
    leaf === undefined ||
    !inEpoch ||
    body.contentType !== 'proposal' ||
    body.proposal.proposalType !== 'self_remove'
  ) {
    throw invalid('bad_self_remove', 'this is no SelfRemove of a member in this epoch')
  }
  const authenticated: AuthenticatedContent = { wireFormat: 'mls_public_message', content, auth }
  await verifyContentSignature(suite, leaf.signatureKey, authenticated, groupContextBytes(context))
  const reference = proposalRef(suite, encodeWhole(authenticated, encodeAuthenticatedContent))
  return { proposal: body.proposal, sender, reference }
}

async function stageOwnPath(options: JoinExternallyOptions, applied: Applied, services: Services): Promise<StagedPath> {
  const { suite, signer, credential, groupInfo, extensions = [] } = options
  const { random } = services
  const listed =
    options.capabilities ??
    withGrease(
      defaultCapabilities(suite.id, credentialTypeOf(credential), [
        ...extensions,
        ...groupInfo.groupContext.extensions,
      ]),
      random,
    )
  const advertised = withAdvertisedComponents(listed, extensions, [])
  const leaf = { signatureKey: signer.publicKey.slice(), credential, capabilities: listed, extensions: advertised }
  const { groupId } = groupInfo.groupContext
  const { tree } = applied
  const staged = await stageUpdatePath(suite, tree, tree.nextLeafIndex, { groupId, signer, random, leaf })
  try {
    checkSupportsExtensions(staged.leafNode, applied.extensions)
    checkLeafNode(suite, staged.leafNode, memberDemands(applied.extensions), {})
    checkGroupRequirements(staged.tree, applied.extensions) // RFC 9420 §12.2: the tree must be valid after the commit
    return staged
  } catch (error) {
    wipeStagedPath(staged)
    throw error
  }
}

interface Draft {
  readonly options: JoinExternallyOptions
  readonly services: Services
  readonly examined: ExaminedGroupInfo
  readonly applied: Applied
  readonly staged: StagedPath
  readonly pskSecret: Uint8Array
  readonly initSecret: Uint8Array
}

async function finishWithPsks(draft: Omit<Draft, 'pskSecret'>): Promise<JoinedExternally> {
  const { options, services, applied } = draft
  const lookup = { held: [], context: options.groupInfo.groupContext, services }
  const pskSecret = await pskSecretOf(options.suite, applied.psks, lookup)
  try {
    return await finish({ ...draft, pskSecret })
  } finally {
    wipe(pskSecret)
  }
}

async function finish(draft: Draft): Promise<JoinedExternally> {
  const { options, applied, staged, examined } = draft
  const { suite, profile, groupInfo, signer } = options
  const { groupContext: context, confirmationTag } = groupInfo
  const commit = await commitOf(draft)
  const content: FramedContent = {
    groupId: context.groupId,
    epoch: context.epoch,
    sender: SENDER, // RFC 9420 §12.4.3.2: the sender type MUST be new_member_commit
    authenticatedData: (options.authenticatedData ?? NOTHING).slice(),
    content: { contentType: 'commit', commit },
  }
  const parentContext = groupContextBytes(context)
  checkSender(content, 'mls_public_message')
  const signature = await signContent(signer, content, 'mls_public_message', parentContext)
  const next = deriveNextEpoch({
    suite,
    profile,
    context,
    interimTranscriptHash: interimTranscriptHash(suite, context.confirmedTranscriptHash, confirmationTag),
    treeHash: staged.tree.treeHash(),
    leafCount: staged.tree.leafCount,
    extensions: applied.extensions,
    scratch: staged.tree.parts.hasher.scratch,
    commit: { wireFormat: 'mls_public_message', content, auth: { signature } },
    commitSecret: staged.commitSecret,
    lastPathSecret: staged.lastPathSecret,
    pskSecret: draft.pskSecret,
    init: { from: 'external', secret: draft.initSecret },
  })
  next.joinerSecret.fill(0)
  try {
    const auth = { signature, confirmationTag: next.confirmationTag }
    const authenticated: AuthenticatedContent = { wireFormat: 'mls_public_message', content, auth }
    const publicMessage = protectPublic(suite, undefined, authenticated, parentContext)
    const state = stateOf(draft, next)
    const { leafIndex, leafNode } = staged
    return {
      state,
      message: { wireFormat: 'mls_public_message', publicMessage },
      commit,
      changes: changesOf(applied, { leafIndex, previous: undefined, leafNode }),
      signer: examined.signer,
      groupInfo: await groupInfoOf(draft, state),
    }
  } catch (error) {
    wipeNextEpoch(next)
    throw error
  }
}

async function commitOf({ options, services, applied, staged }: Draft): Promise<Commit> {
  const { suite, groupInfo } = options
  const proposals = applied.proposals.map(
    ({ proposal, reference }): ProposalOrRef =>
      reference === undefined ? { type: 'proposal', proposal } : { type: 'reference', reference },
  )
  const provisional = provisionalContext(groupInfo.groupContext, staged.tree.treeHash(), applied.extensions)
  const groupContext = groupContextBytes(provisional)
  const excludedLeaves = new Set<number>()
  const path = await encryptUpdatePath(suite, staged, { groupContext, excludedLeaves, random: services.random })
  return { proposals, path }
}

function stateOf({ options, staged }: Draft, next: NextEpoch): GroupState {
  const { suite, profile } = options
  const { context, contextBytes, confirmationTag, interimTranscriptHash: interim } = next
  const { tree, keys, leafIndex: ownLeaf } = staged
  const parts = { profile, suite, context, contextBytes, tree, ownLeaf, keys, confirmationTag, reinit: undefined }
  return freshState({ ...parts, interimTranscriptHash: interim }, next.opened)
}

async function groupInfoOf({ options, services }: Draft, state: GroupState): Promise<MlsMessage | undefined> {
  if (options.childGroupInfo === undefined) return undefined
  const groupInfo = await signedGroupInfo(state, options.signer, options.childGroupInfo, services.random)
  return { wireFormat: 'mls_group_info', groupInfo }
}
