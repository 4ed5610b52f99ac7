/**
 * Framing what a member sends (RFC 9420 §6): signs content under the epoch's context and protects it in the wire format
 * that was asked for.
 */
import type { RandomSource, Signer } from '@dmls/crypto'
import { equalBytes } from '@dmls/crypto'
import { usage } from '../errors.ts'
import { signContent } from '../framing/authenticated-content.ts'
import { type PaddingPolicy, protectPrivate } from '../framing/private-message.ts'
import { protectPublic } from '../framing/public-message.ts'
import type { AuthenticatedContent, Content, FramedContent, WireFormat } from '../wire/framing.ts'
import type { MlsMessage } from '../wire/mls-message.ts'
import type { Sent } from './results.ts'
import type { GroupState } from './state.ts'

/** Content of our own leaf in the state's epoch. */
export function framedContent(state: GroupState, content: Content, authenticatedData: Uint8Array): FramedContent {
  return {
    groupId: state.context.groupId,
    epoch: state.context.epoch,
    sender: { senderType: 'member', leafIndex: state.ownLeaf },
    authenticatedData,
    content,
  }
}

/** Signs it; a commit's confirmation tag is added by the caller, who knows it later. */
export async function signFramed(
  state: GroupState,
  content: FramedContent,
  wireFormat: WireFormat,
  signer: Signer,
): Promise<AuthenticatedContent> {
  checkSigner(state, signer)
  const signature = await signContent(signer, content, wireFormat, state.contextBytes)
  return { wireFormat, content, auth: { signature, confirmationTag: undefined } }
}

/** @throws MlsError `wrong_signer` unless the signer has the key of our leaf in this epoch */
export function checkSigner(state: GroupState, signer: Signer): void {
  const leaf = state.tree.leaf(state.ownLeaf)
  if (leaf === undefined || !equalBytes(leaf.signatureKey, signer.publicKey)) {
    throw usage('wrong_signer', 'the signer has another key than our leaf in this epoch')
  }
}

/** @throws MlsError `group_reinitialized` when the group must not be used to send any more */
export function checkMaySend(state: GroupState): void {
  if (state.reinit !== undefined) {
    throw usage('group_reinitialized', 'the group was reinitialised: nothing is sent in it any more') // RFC 9420 §12.4.2
  }
}

/** Protects signed content; a PrivateMessage uses up a generation of our ratchet in the returned state. */
export function protect(
  state: GroupState,
  authenticated: AuthenticatedContent,
  options: { readonly padding?: PaddingPolicy | undefined; readonly random: RandomSource },
): Sent {
  const { suite, secrets } = state
  if (authenticated.wireFormat === 'mls_public_message') {
    const publicMessage = protectPublic(suite, secrets.membershipKey, authenticated, state.contextBytes)
    return { state, message: { wireFormat: 'mls_public_message', publicMessage }, superseded: [], created: [] }
  }
  const { message, secretTree, superseded, created } = protectPrivate(suite, {
    senderDataSecret: secrets.senderDataSecret,
    secretTree: state.secretTree,
    authenticatedContent: authenticated,
    random: options.random,
    ...(options.padding === undefined ? {} : { padding: options.padding }),
  })
  const sent: MlsMessage = { wireFormat: 'mls_private_message', privateMessage: message }
  return { state: { ...state, secretTree }, message: sent, superseded, created }
}
