/** Proposing as a member (RFC 9420 §12.1). */

import { toHex } from '@dmls/crypto'
import { encodeWhole } from '../../codec/writer.ts'
import { usage } from '../../errors.ts'
import { proposalRef, signWithLabel } from '../../schedule/labeled.ts'
import { type AuthenticatedContent, encodeAuthenticatedContent } from '../../wire/framing.ts'
import { type LeafNode, type LeafNodeContent, leafNodeTbs } from '../../wire/leaf-node.ts'
import type { Proposal } from '../../wire/proposal.ts'
import type { CommittedProposal } from '../changes.ts'
import { checkMaySend, framedContent, protect, signFramed } from '../frame.ts'
import type { FramingOptions, NewLeafOptions } from '../options.ts'
import { policyOf } from '../policy.ts'
import type { SentProposal } from '../results.ts'
import type { Services } from '../services.ts'
import type { CachedProposal, GroupState, PendingUpdate } from '../state.ts'
import { introduceProposal } from './introduce.ts'
import { checkProposal } from './single.ts'

const NOTHING = new Uint8Array(0)

/**
 * Sends a proposal to the group; it is cached in the returned state, like those of others. An Update needs a new key
 * pair: {@link sendUpdate}.
 * @throws MlsError if the proposal is invalid in this group, `group_reinitialized`, `wrong_signer`, `use_send_update`,
 * `already_leaving`
 */
export async function sendProposal(
  state: GroupState,
  proposal: Proposal,
  options: FramingOptions,
  services: Services,
): Promise<SentProposal> {
  if (proposal.proposalType === 'update') throw usage('use_send_update', 'an Update is sent with sendUpdate')
  if (proposal.proposalType === 'self_remove') checkSelfRemove(state, options)
  return send(state, proposal, options, services, undefined)
}

/** An Update of our own leaf: a fresh encryption key and whatever else is to change. */
export async function sendUpdate(
  state: GroupState,
  options: FramingOptions & { readonly leaf?: NewLeafOptions },
  services: Services,
): Promise<SentProposal> {
  const { leafNode, encryptionPrivateKey } = await updatedLeaf(state, options, services)
  const proposal = { proposalType: 'update', leafNode } as const
  try {
    return await send(state, proposal, options, services, encryptionPrivateKey)
  } catch (error) {
    encryptionPrivateKey.fill(0)
    throw error
  }
}

async function send(
  state: GroupState,
  proposal: Proposal,
  options: FramingOptions,
  services: Services,
  encryptionPrivateKey: Uint8Array | undefined,
): Promise<SentProposal> {
  checkMaySend(state)
  const policy = policyOf(services)
  const wireFormat = options.wireFormat ?? 'mls_private_message'
  const authenticatedData = (options.authenticatedData ?? NOTHING).slice()
  const content = framedContent(state, { contentType: 'proposal', proposal }, authenticatedData)
  const entry: CommittedProposal = { proposal, sender: content.sender, reference: NOTHING }
  checkProposal({ ...state, policy, resumption: 'application', sendingAt: services.now }, entry)
  await introduceProposal(state, entry, services, 'sent')
  const authenticated = await signFramed(state, content, wireFormat, options.signer)
  const sent = protect(state, authenticated, { padding: options.padding, random: services.random })
  const cached = cacheEntry(state, authenticated, proposal)
  const { reference } = cached
  const update: PendingUpdate[] =
    proposal.proposalType === 'update' && encryptionPrivateKey !== undefined
      ? [{ reference, leafNode: proposal.leafNode, encryptionPrivateKey }]
      : []
  const pendingUpdates = update.length === 0 ? state.pendingUpdates : [...state.pendingUpdates, ...update]
  return {
    ...sent,
    state: { ...sent.state, proposals: withProposal(state, cached), pendingUpdates },
    reference,
    created: [...sent.created, ...update.map((pending) => pending.encryptionPrivateKey)],
  }
}

/** How a proposal is kept until a commit refers to it. */
export function cacheEntry(state: GroupState, authenticated: AuthenticatedContent, proposal: Proposal): CachedProposal {
  const reference = proposalRef(state.suite, encodeWhole(authenticated, encodeAuthenticatedContent))
  const { wireFormat, content } = authenticated
  return { reference, proposal, sender: content.sender, wireFormat, authenticatedData: content.authenticatedData }
}

/** The cache with one proposal more. */
export function withProposal(state: GroupState, cached: CachedProposal): ReadonlyMap<string, CachedProposal> {
  return new Map(state.proposals).set(toHex(cached.reference), cached)
}

async function updatedLeaf(
  state: GroupState,
  options: { readonly signer: FramingOptions['signer']; readonly leaf?: NewLeafOptions },
  services: Services,
): Promise<{ readonly leafNode: LeafNode; readonly encryptionPrivateKey: Uint8Array }> {
  const { suite, context, tree, ownLeaf } = state
  const current = tree.leaf(ownLeaf) as LeafNode
  const signer = options.leaf?.signer ?? options.signer
  const encryption = await suite.generateHpkeKeyPair(services.random)
  const content: LeafNodeContent = {
    encryptionKey: encryption.publicKey,
    signatureKey: signer.publicKey.slice(),
    credential: options.leaf?.credential ?? current.credential,
    capabilities: options.leaf?.capabilities ?? current.capabilities,
    source: { leafNodeSource: 'update' },
    extensions: options.leaf?.extensions ?? current.extensions,
  }
  const tbs = leafNodeTbs(content, { groupId: context.groupId, leafIndex: ownLeaf })
  const signature = await signWithLabel(signer, 'LeafNodeTBS', tbs)
  return { leafNode: { ...content, signature }, encryptionPrivateKey: encryption.privateKey }
}

/** MLS extensions draft: a SelfRemove is a PublicMessage, and a client makes one an epoch. */
function checkSelfRemove(state: GroupState, options: FramingOptions): void {
  if (options.wireFormat !== 'mls_public_message') {
    throw usage('self_remove_private', 'a SelfRemove is sent as a PublicMessage')
  }
  for (const { proposal, sender } of state.proposals.values()) {
    const own = sender.senderType === 'member' && sender.leafIndex === state.ownLeaf
    if (own && proposal.proposalType === 'self_remove') throw usage('already_leaving', 'a SelfRemove was sent already')
  }
}
