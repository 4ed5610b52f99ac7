/**
 * From an MLSMessage to its content (RFC 9420 §6): epoch, membership tag or decryption, and the signature under the key
 * that belongs to the sender.
 */
import { equalBytes } from '@dmls/crypto'
import { invalid, MlsError, missing, usage } from '../errors.ts'
import { verifyContentSignature } from '../framing/authenticated-content.ts'
import { unprotectPrivate } from '../framing/private-message.ts'
import { unprotectPublic } from '../framing/public-message.ts'
import type { AuthenticatedContent, ContentType, FramedContent, PrivateMessage } from '../wire/framing.ts'
import type { MlsMessage } from '../wire/mls-message.ts'
import { externalSendersOf } from './extensions.ts'
import type { GroupPolicy } from './services.ts'
import type { GroupState } from './state.ts'

/** A message's content. Its signature is not verified yet. */
export interface Unprotected {
  readonly kind: 'content'
  readonly authenticated: AuthenticatedContent
  /** The state without the key that the message used up. */
  readonly state: GroupState
  /** Of a PrivateMessage. */
  readonly generation: number | undefined
  readonly superseded: readonly Uint8Array[]
  /** Buffers of the new state to wipe if the message is refused after all. */
  readonly created: readonly Uint8Array[]
}

/** A PrivateMessage of our own leaf, whose key we have used up ourselves. */
export interface OwnPrivate {
  readonly kind: 'own_private'
  readonly contentType: ContentType
  readonly authenticatedData: Uint8Array
}

/** @throws MlsError `wrong_group`, `past_epoch`, `future_epoch` (missing), and what framing throws */
export function unprotect(state: GroupState, message: MlsMessage, policy: GroupPolicy): Unprotected | OwnPrivate {
  switch (message.wireFormat) {
    case 'mls_public_message': {
      const { publicMessage } = message
      checkEpoch(state, publicMessage.content)
      const { suite, secrets, contextBytes } = state
      const authenticated = unprotectPublic(suite, secrets.membershipKey, publicMessage, contextBytes)
      return { kind: 'content', authenticated, state, generation: undefined, superseded: [], created: [] }
    }
    case 'mls_private_message':
      checkEpoch(state, message.privateMessage)
      return openPrivate(state, message.privateMessage, policy, 'others')
    case 'mls_welcome':
    case 'mls_group_info':
    case 'mls_key_package':
      throw usage('not_a_group_message', 'a message of this kind is not processed in a group')
  }
}

/** Decrypts a PrivateMessage of our own leaf, as a copy of the state can that has not used up the key. */
export function unprotectOwn(state: GroupState, message: PrivateMessage, policy: GroupPolicy): Unprotected {
  const opened = openPrivate(state, message, policy, 'own')
  if (opened.kind === 'content') return opened
  throw new MlsError('internal', 'unreachable', 'our own leaf was taken for a stranger')
}

function checkEpoch(
  state: GroupState,
  { groupId, epoch }: { readonly groupId: Uint8Array; readonly epoch: bigint },
): void {
  if (!equalBytes(groupId, state.context.groupId)) throw invalid('wrong_group', 'the message is of another group')
  const fields = { epoch: Number(epoch) }
  // RFC 9420 §12.4.2, §12.1: the epoch is the current one
  if (epoch < state.context.epoch) throw invalid('past_epoch', 'the message is of an earlier epoch', fields)
  if (epoch > state.context.epoch)
    throw missing('future_epoch', 'the message is of an epoch that is not here yet', fields)
}

function openPrivate(
  state: GroupState,
  message: PrivateMessage,
  policy: GroupPolicy,
  whose: 'own' | 'others',
): Unprotected | OwnPrivate {
  const { suite, secrets, secretTree, tree, ownLeaf } = state
  let sender: number | undefined
  const leafExists = (leafIndex: number): boolean => {
    sender = leafIndex
    return (whose === 'own' || leafIndex !== ownLeaf) && tree.leaf(leafIndex) !== undefined
  }
  try {
    const { senderDataSecret } = secrets
    const limits = policy.secretTreeLimits
    const opened = unprotectPrivate(suite, { senderDataSecret, secretTree, message, limits, leafExists })
    const { authenticatedContent, generation, superseded, created } = opened
    const next = { ...state, secretTree: opened.secretTree }
    return { kind: 'content', authenticated: authenticatedContent, state: next, generation, superseded, created }
  } catch (error) {
    // our own leaf is no sender that we could hear from: the refusal is how it is told apart before any key is derived
    if (whose === 'others' && sender === ownLeaf && error instanceof MlsError && error.code === 'blank_sender') {
      const { contentType, authenticatedData } = message
      return { kind: 'own_private', contentType, authenticatedData }
    }
    throw error
  }
}

/** @throws MlsError `bad_signature`, `blank_sender`, `unknown_external_sender` */
export async function verifySender(state: GroupState, authenticated: AuthenticatedContent): Promise<void> {
  // RFC 9420 §6.1: verify the signature with the key that depends on the sender
  const key = signatureKeyOf(state, authenticated.content)
  await verifyContentSignature(state.suite, key, authenticated, state.contextBytes)
}

function signatureKeyOf(state: GroupState, { sender, content }: FramedContent): Uint8Array {
  switch (sender.senderType) {
    case 'member': {
      const leaf = state.tree.leaf(sender.leafIndex)
      if (leaf === undefined) throw invalid('blank_sender', 'a message names a blank leaf')
      return leaf.signatureKey
    }
    case 'external': {
      const external = externalSendersOf(state.context.extensions)[sender.senderIndex]
      // RFC 9420 §6.1, §12.1.8: the sender is listed in external_senders
      if (external === undefined) throw invalid('unknown_external_sender', 'no external sender has this index')
      return external.signatureKey
    }
    case 'new_member_proposal':
      if (content.contentType === 'proposal' && content.proposal.proposalType === 'add') {
        return content.proposal.keyPackage.leafNode.signatureKey
      }
      break
    case 'new_member_commit':
      if (content.contentType === 'commit' && content.commit.path !== undefined) {
        return content.commit.path.leafNode.signatureKey // RFC 9420 §12.4.3.2: the key of the path's leaf
      }
  }
  throw new MlsError('internal', 'unreachable', 'framing let through what it must refuse')
}
