/** What a dishonest client can make: valid signatures and tags around content that no honest client sends. */
import { type Signer, systemRandom } from '@dmls/crypto'
import { framedContentTbs } from '../../src/framing/authenticated-content.ts'
import {
  type Commit,
  type Content,
  type FramedContent,
  type GroupState,
  type LeafNode,
  leafNodeTbs,
  type MlsMessage,
  type Proposal,
  type ProposalOrRef,
  type PublicMessage,
  protectPrivate,
  protectPublic,
  type Sender,
  type WireFormat,
} from '../../src/index.ts'
import { signWithLabel } from '../../src/schedule/labeled.ts'

export interface Forgery {
  readonly signer: Signer
  readonly sender?: Sender
  readonly epoch?: bigint
  readonly groupId?: Uint8Array
  readonly authenticatedData?: Uint8Array
  readonly wireFormat?: WireFormat
  readonly confirmationTag?: Uint8Array
}

/** Signed and protected under the state's epoch, as its own leaf unless told otherwise; nothing is checked. */
export async function forge(state: GroupState, body: Content, forgery: Forgery): Promise<MlsMessage> {
  const wireFormat = forgery.wireFormat ?? 'mls_public_message'
  const content: FramedContent = {
    groupId: forgery.groupId ?? state.context.groupId,
    epoch: forgery.epoch ?? state.context.epoch,
    sender: forgery.sender ?? { senderType: 'member', leafIndex: state.ownLeaf },
    authenticatedData: forgery.authenticatedData ?? new Uint8Array(0),
    content: body,
  }
  const tbs = framedContentTbs(content, wireFormat, state.contextBytes)
  const signature = await signWithLabel(forgery.signer, 'FramedContentTBS', tbs)
  const tag = forgery.confirmationTag ?? new Uint8Array(state.suite.hashSize)
  const auth = { signature, confirmationTag: body.contentType === 'commit' ? tag : undefined }
  const authenticated = { wireFormat, content, auth }
  const { secrets, secretTree } = state
  if (wireFormat === 'mls_public_message') {
    const outsider = content.sender.senderType !== 'member'
    if (outsider) return { wireFormat, publicMessage: { content, auth, membershipTag: undefined } }
    const publicMessage = protectPublic(state.suite, secrets.membershipKey, authenticated, state.contextBytes)
    return { wireFormat, publicMessage }
  }
  const { senderDataSecret } = secrets
  const options = { senderDataSecret, secretTree, authenticatedContent: authenticated, random: systemRandom }
  return { wireFormat, privateMessage: protectPrivate(state.suite, options).message }
}

export function forgeProposal(state: GroupState, proposal: Proposal, forgery: Forgery): Promise<MlsMessage> {
  return forge(state, { contentType: 'proposal', proposal }, forgery)
}

/** A commit of these proposals by value, without a path. */
export function forgeCommit(
  state: GroupState,
  proposals: readonly (Proposal | Uint8Array)[],
  forgery: Forgery & { readonly path?: Commit['path'] },
): Promise<MlsMessage> {
  const entries = proposals.map(
    (each): ProposalOrRef =>
      each instanceof Uint8Array ? { type: 'reference', reference: each } : { type: 'proposal', proposal: each },
  )
  return forge(state, { contentType: 'commit', commit: { proposals: entries, path: forgery.path } }, forgery)
}

export function publicMessageOf(message: MlsMessage): PublicMessage {
  if (message.wireFormat !== 'mls_public_message') throw new Error('not a PublicMessage')
  return message.publicMessage
}

export function commitIn(message: MlsMessage): Commit {
  const { content } = publicMessageOf(message).content
  if (content.contentType !== 'commit') throw new Error('not a commit')
  return content.commit
}

/** The commit in a PublicMessage, changed, signed and tagged again by the same member; its confirmation tag stays. */
export function reforge(
  state: GroupState,
  message: MlsMessage,
  signer: Signer,
  change: (commit: Commit) => Commit,
): Promise<MlsMessage> {
  const { content, auth } = publicMessageOf(message)
  const tag = auth.confirmationTag === undefined ? {} : { confirmationTag: auth.confirmationTag }
  const { sender, authenticatedData } = content
  const body: Content = { contentType: 'commit', commit: change(commitIn(message)) }
  return forge(state, body, { signer, sender, authenticatedData, ...tag })
}

/** A leaf with a signature that fits whatever was changed in it. */
export async function resignLeaf(
  leaf: LeafNode,
  signer: Signer,
  position: { readonly groupId: Uint8Array; readonly leafIndex: number } | undefined,
): Promise<LeafNode> {
  return { ...leaf, signature: await signWithLabel(signer, 'LeafNodeTBS', leafNodeTbs(leaf, position)) }
}
