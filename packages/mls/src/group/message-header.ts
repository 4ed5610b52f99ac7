/**
 * Reads where a message belongs without decrypting it and without copying its body: group, epoch, content type and
 * authenticated data. Nothing here is verified.
 */
import { Reader } from '../codec/reader.ts'
import { malformed } from '../errors.ts'
import { type ContentType, decodeContentType, decodeSender, type Sender, type WireFormat } from '../wire/framing.ts'
import type { MlsMessage } from '../wire/mls-message.ts'
import { MLS10 } from '../wire/registry.ts'

export interface MessageHeader {
  readonly wireFormat: WireFormat
  readonly groupId: Uint8Array
  readonly epoch: bigint
  readonly contentType: ContentType
  readonly authenticatedData: Uint8Array
  /** Undefined for a PrivateMessage, whose sender is encrypted. */
  readonly sender: Sender | undefined
}

/**
 * The header of an encoded MLSMessage; undefined if it is a Welcome, a GroupInfo or a KeyPackage. The rest of the
 * message is not looked at. @throws MlsError if the header is malformed.
 */
export function readMessageHeader(bytes: Uint8Array): MessageHeader | undefined {
  const reader = new Reader(bytes)
  if (reader.uint16() !== MLS10) throw malformed('unsupported_version', 'the message is not of MLS 1.0')
  const wireFormat = reader.uint16()
  if (wireFormat === 1) {
    const groupId = reader.opaque()
    const epoch = reader.uint64()
    const sender = decodeSender(reader)
    const authenticatedData = reader.opaque()
    const contentType = decodeContentType(reader)
    return { wireFormat: 'mls_public_message', groupId, epoch, contentType, authenticatedData, sender }
  }
  if (wireFormat === 2) {
    const groupId = reader.opaque()
    const epoch = reader.uint64()
    const contentType = decodeContentType(reader)
    const authenticatedData = reader.opaque()
    return { wireFormat: 'mls_private_message', groupId, epoch, contentType, authenticatedData, sender: undefined }
  }
  if (wireFormat >= 3 && wireFormat <= 5) return undefined
  throw malformed('bad_wire_format', 'unknown wire format')
}

/** The same of a decoded message. */
export function messageHeader(message: MlsMessage): MessageHeader | undefined {
  switch (message.wireFormat) {
    case 'mls_public_message': {
      const { groupId, epoch, authenticatedData, sender, content } = message.publicMessage.content
      const contentType = content.contentType
      return { wireFormat: message.wireFormat, groupId, epoch, contentType, authenticatedData, sender }
    }
    case 'mls_private_message': {
      const { groupId, epoch, contentType, authenticatedData } = message.privateMessage
      return { wireFormat: message.wireFormat, groupId, epoch, contentType, authenticatedData, sender: undefined }
    }
    case 'mls_welcome':
    case 'mls_group_info':
    case 'mls_key_package':
      return undefined
  }
}
