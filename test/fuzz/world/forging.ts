/**
 * Framing without scruples: any content, from any sender, in either wire format, with a signature by whatever key and
 * tags that fit. Like `framing/` of the library, with every check left out.
 */
import type { RandomSource, Signer } from '@dmls/crypto'
import {
  type AuthenticatedContent,
  type Content,
  type ContentType,
  encodeContentBody,
  encodeFramedContent,
  encodeFramedContentAuthData,
  encodeWhole,
  type FramedContent,
  type FramedContentAuthData,
  type GroupState,
  MlsError,
  type MlsMessage,
  type Sender,
  signWithLabel,
  type WireFormat,
  Writer,
} from '@dmls/mls'
import { deriveSenderDataKey } from '../../../packages/mls/src/framing/private-message.ts'

const MLS10 = 1

export interface Envelope {
  readonly wireFormat: WireFormat
  readonly sender: Sender
  readonly groupId: Uint8Array
  readonly epoch: bigint
  readonly authenticatedData: Uint8Array
  readonly signer: Signer
}

/** What a member of the state's epoch would use. */
export function ordinaryEnvelope(state: GroupState, signer: Signer, wireFormat: WireFormat): Envelope {
  return {
    wireFormat,
    sender: { senderType: 'member', leafIndex: state.ownLeaf },
    groupId: state.context.groupId,
    epoch: state.context.epoch,
    authenticatedData: new Uint8Array(0),
    signer,
  }
}

function tbsOf(state: GroupState, content: FramedContent, wireFormat: WireFormat): Uint8Array {
  const writer = new Writer(512).uint16(MLS10).uint16(wireFormat === 'mls_public_message' ? 1 : 2)
  encodeFramedContent(writer, content)
  const { senderType } = content.sender
  if (senderType === 'member' || senderType === 'new_member_commit') writer.fixed(state.contextBytes)
  return writer.finish()
}

/** Signed content; the confirmation tag of a commit comes later. */
export async function signed(state: GroupState, body: Content, envelope: Envelope): Promise<AuthenticatedContent> {
  const { groupId, epoch, sender, authenticatedData, wireFormat, signer } = envelope
  const content: FramedContent = { groupId, epoch, sender, authenticatedData, content: body }
  const signature = await signWithLabel(signer, 'FramedContentTBS', tbsOf(state, content, wireFormat))
  return { wireFormat, content, auth: { signature, confirmationTag: undefined } }
}

/** How a PrivateMessage may deviate. */
export interface Disguise {
  readonly leafIndex: number
  /** Undefined: the next of the ratchet. */
  readonly generation: number | undefined
  readonly contentType: ContentType
  /** What follows the auth data. */
  readonly padding: Uint8Array
  /** Replaces the whole plaintext. */
  readonly plaintext: Uint8Array | undefined
  readonly random: RandomSource
}

export function honestDisguise(content: FramedContent, random: RandomSource): Disguise {
  const leafIndex = content.sender.senderType === 'member' ? content.sender.leafIndex : 0
  const padding = new Uint8Array(0)
  const { contentType } = content.content
  return { leafIndex, generation: undefined, contentType, padding, plaintext: undefined, random }
}

/** The message around signed content. */
export function protectedAnyhow(
  state: GroupState,
  authenticated: AuthenticatedContent,
  disguise: Disguise,
): MlsMessage {
  const { content, auth, wireFormat } = authenticated
  if (wireFormat === 'mls_private_message') return privateMessage(state, content, auth, disguise)
  const member = content.sender.senderType === 'member'
  const membershipTag = member ? membershipTagOf(state, content, auth) : undefined
  return { wireFormat, publicMessage: { content, auth, membershipTag } }
}

export function membershipTagOf(state: GroupState, content: FramedContent, auth: FramedContentAuthData): Uint8Array {
  const authData = encodeWhole(auth, encodeFramedContentAuthData)
  const tbm = new Writer()
    .fixed(tbsOf(state, content, 'mls_public_message'))
    .fixed(authData)
    .finish()
  return state.suite.mac(state.secrets.membershipKey, tbm)
}

interface MessageKey {
  readonly generation: number
  readonly key: Uint8Array
  readonly nonce: Uint8Array
}

/** The key of a generation where the tree still has it, else any key. */
function messageKey(state: GroupState, disguise: Disguise): MessageKey {
  const { leafIndex, generation, contentType, random } = disguise
  const kind = contentType === 'application' ? 'application' : 'handshake'
  try {
    if (generation === undefined) return state.secretTree.nextSendKey(leafIndex, kind)
    const limits = { forwardMax: 64, keptMax: 64 }
    return state.secretTree.receiveKey(leafIndex, kind, generation, limits)
  } catch (error) {
    if (!(error instanceof MlsError)) throw error
    const { keySize, nonceSize } = state.suite
    return { generation: generation ?? 0, key: random(keySize), nonce: random(nonceSize) }
  }
}

function privateMessage(
  state: GroupState,
  content: FramedContent,
  auth: FramedContentAuthData,
  disguise: Disguise,
): MlsMessage {
  const { suite } = state
  const { groupId, epoch, authenticatedData } = content
  const { contentType, random } = disguise
  const { generation, key, nonce } = messageKey(state, disguise)
  const guard = random(4)
  for (let i = 0; i < 4; i++) nonce[i] = (nonce[i] as number) ^ (guard[i] as number)
  const prefix = new Writer().opaque(groupId).uint64(epoch).uint8(CONTENT_TYPES[contentType]).finish()
  const aad = new Writer().fixed(prefix).opaque(authenticatedData).finish()
  const plaintext = disguise.plaintext ?? plaintextOf(content, auth, disguise.padding)
  const ciphertext = suite.seal(key, nonce, aad, plaintext)
  const senderData = new Writer().uint32(disguise.leafIndex).uint32(generation).fixed(guard).finish()
  const mask = deriveSenderDataKey(suite, state.secrets.senderDataSecret, ciphertext)
  const encryptedSenderData = suite.seal(mask.key, mask.nonce, prefix, senderData)
  const message = { groupId, epoch, contentType, authenticatedData, encryptedSenderData, ciphertext }
  return { wireFormat: 'mls_private_message', privateMessage: message }
}

const CONTENT_TYPES: Readonly<Record<ContentType, number>> = { application: 1, proposal: 2, commit: 3 }

function plaintextOf(content: FramedContent, auth: FramedContentAuthData, padding: Uint8Array): Uint8Array {
  const writer = new Writer()
  encodeContentBody(writer, content.content)
  encodeFramedContentAuthData(writer, auth)
  return writer.fixed(padding).finish()
}
