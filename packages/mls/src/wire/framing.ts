/** RFC 9420 §6 message framing: the structures and their encodings. What is signed, tagged and encrypted: `framing/`. */
import type { Reader } from '../codec/reader.ts'
import { opaqueSize, type Writer } from '../codec/writer.ts'
import { malformed } from '../errors.ts'
import { type Commit, commitSizeHint, decodeCommit, encodeCommit } from './commit.ts'
import { decodeProposal, encodeProposal, type Proposal } from './proposal.ts'

export type Sender =
  | { readonly senderType: 'member'; readonly leafIndex: number }
  | { readonly senderType: 'external'; readonly senderIndex: number }
  | { readonly senderType: 'new_member_proposal' }
  | { readonly senderType: 'new_member_commit' }

export type Content =
  | { readonly contentType: 'application'; readonly applicationData: Uint8Array }
  | { readonly contentType: 'proposal'; readonly proposal: Proposal }
  | { readonly contentType: 'commit'; readonly commit: Commit }
export type ContentType = Content['contentType']

/** `FramedContent` */
export interface FramedContent {
  readonly groupId: Uint8Array
  readonly epoch: bigint
  readonly sender: Sender
  readonly authenticatedData: Uint8Array
  readonly content: Content
}

/** `FramedContentAuthData`; `confirmationTag` exactly when the content is a commit. */
export interface FramedContentAuthData {
  readonly signature: Uint8Array
  readonly confirmationTag: Uint8Array | undefined
}

export type WireFormat = 'mls_public_message' | 'mls_private_message'

/** `AuthenticatedContent` */
export interface AuthenticatedContent {
  readonly wireFormat: WireFormat
  readonly content: FramedContent
  readonly auth: FramedContentAuthData
}

export interface PublicMessage {
  readonly content: FramedContent
  readonly auth: FramedContentAuthData
  /** Exactly when the sender is a member. */
  readonly membershipTag: Uint8Array | undefined
}

export interface PrivateMessage {
  readonly groupId: Uint8Array
  readonly epoch: bigint
  readonly contentType: ContentType
  readonly authenticatedData: Uint8Array
  readonly encryptedSenderData: Uint8Array
  readonly ciphertext: Uint8Array
}

const CONTENT_TYPES: readonly ContentType[] = ['application', 'proposal', 'commit']

export function encodeContentType(writer: Writer, contentType: ContentType): void {
  writer.uint8(CONTENT_TYPES.indexOf(contentType) + 1)
}

export function decodeContentType(reader: Reader): ContentType {
  const contentType = CONTENT_TYPES[reader.uint8() - 1]
  if (contentType === undefined) throw malformed('bad_content_type', 'unknown content type')
  return contentType
}

export function wireFormatValue(wireFormat: WireFormat): number {
  return wireFormat === 'mls_public_message' ? 1 : 2
}

export function encodeSender(writer: Writer, sender: Sender): void {
  switch (sender.senderType) {
    case 'member':
      writer.uint8(1).uint32(sender.leafIndex)
      return
    case 'external':
      writer.uint8(2).uint32(sender.senderIndex)
      return
    case 'new_member_proposal':
      writer.uint8(3)
      return
    case 'new_member_commit':
      writer.uint8(4)
  }
}

export function decodeSender(reader: Reader): Sender {
  const type = reader.uint8()
  switch (type) {
    case 1:
      return { senderType: 'member', leafIndex: reader.uint32() }
    case 2:
      return { senderType: 'external', senderIndex: reader.uint32() }
    case 3:
      return { senderType: 'new_member_proposal' }
    case 4:
      return { senderType: 'new_member_commit' }
    default:
      throw malformed('bad_sender_type', 'unknown sender type')
  }
}

/** The content without its type octet, as it stands in `PrivateMessageContent`. */
export function encodeContentBody(writer: Writer, content: Content): void {
  switch (content.contentType) {
    case 'application':
      writer.opaque(content.applicationData)
      return
    case 'proposal':
      encodeProposal(writer, content.proposal)
      return
    case 'commit':
      encodeCommit(writer, content.commit)
      return
  }
}

export function decodeContentBody(reader: Reader, contentType: ContentType): Content {
  switch (contentType) {
    case 'application':
      return { contentType, applicationData: reader.opaque() }
    case 'proposal':
      return { contentType, proposal: decodeProposal(reader) }
    case 'commit':
      return { contentType, commit: decodeCommit(reader) }
  }
}

/** About as many bytes as {@link encodeFramedContent} writes, rarely fewer. */
export function framedContentSizeHint({ groupId, authenticatedData, content }: FramedContent): number {
  return 32 + groupId.length + authenticatedData.length + contentSizeHint(content)
}

/** The same of {@link encodeContentBody}. */
export function contentSizeHint(content: Content): number {
  switch (content.contentType) {
    case 'application':
      return opaqueSize(content.applicationData.length)
    case 'proposal':
      return 512
    case 'commit':
      return commitSizeHint(content.commit)
  }
}

export function encodeFramedContent(writer: Writer, framed: FramedContent): void {
  writer.opaque(framed.groupId).uint64(framed.epoch)
  encodeSender(writer, framed.sender)
  writer.opaque(framed.authenticatedData)
  encodeContentType(writer, framed.content.contentType)
  encodeContentBody(writer, framed.content)
}

export function decodeFramedContent(reader: Reader): FramedContent {
  return {
    groupId: reader.opaque(),
    epoch: reader.uint64(),
    sender: decodeSender(reader),
    authenticatedData: reader.opaque(),
    content: decodeContentBody(reader, decodeContentType(reader)),
  }
}

export function encodeFramedContentAuthData(writer: Writer, auth: FramedContentAuthData): void {
  writer.opaque(auth.signature)
  if (auth.confirmationTag !== undefined) writer.opaque(auth.confirmationTag)
}

export function decodeFramedContentAuthData(reader: Reader, contentType: ContentType): FramedContentAuthData {
  const signature = reader.opaque()
  return { signature, confirmationTag: contentType === 'commit' ? reader.opaque() : undefined }
}

export function encodeAuthenticatedContent(writer: Writer, value: AuthenticatedContent): void {
  writer.uint16(wireFormatValue(value.wireFormat))
  encodeFramedContent(writer, value.content)
  encodeFramedContentAuthData(writer, value.auth)
}

export function decodeAuthenticatedContent(reader: Reader): AuthenticatedContent {
  const value = reader.uint16()
  if (value !== 1 && value !== 2) throw malformed('bad_wire_format', 'authenticated content has another wire format')
  const content = decodeFramedContent(reader)
  return {
    wireFormat: value === 1 ? 'mls_public_message' : 'mls_private_message',
    content,
    auth: decodeFramedContentAuthData(reader, content.content.contentType),
  }
}

export function encodePublicMessage(writer: Writer, message: PublicMessage): void {
  encodeFramedContent(writer, message.content)
  encodeFramedContentAuthData(writer, message.auth)
  if (message.membershipTag !== undefined) writer.opaque(message.membershipTag)
}

export function decodePublicMessage(reader: Reader): PublicMessage {
  const content = decodeFramedContent(reader)
  const auth = decodeFramedContentAuthData(reader, content.content.contentType)
  return { content, auth, membershipTag: content.sender.senderType === 'member' ? reader.opaque() : undefined }
}

/** How many bytes {@link encodePrivateMessage} writes. */
export function privateMessageSize(message: PrivateMessage): number {
  const { groupId, authenticatedData, encryptedSenderData, ciphertext } = message
  const fields = [groupId, authenticatedData, encryptedSenderData, ciphertext]
  return fields.reduce((size, field) => size + opaqueSize(field.length), 9)
}

export function encodePrivateMessage(writer: Writer, message: PrivateMessage): void {
  writer.opaque(message.groupId).uint64(message.epoch)
  encodeContentType(writer, message.contentType)
  writer.opaque(message.authenticatedData).opaque(message.encryptedSenderData).opaque(message.ciphertext)
}

export function decodePrivateMessage(reader: Reader): PrivateMessage {
  return {
    groupId: reader.opaque(),
    epoch: reader.uint64(),
    contentType: decodeContentType(reader),
    authenticatedData: reader.opaque(),
    encryptedSenderData: reader.opaque(),
    ciphertext: reader.opaque(),
  }
}
