/** RFC 9420 §6 `MLSMessage`: what travels. */
import { decodeWhole, type Reader } from '../codec/reader.ts'
import { encodeWhole, type Writer } from '../codec/writer.ts'
import { malformed } from '../errors.ts'
import {
  decodePrivateMessage,
  decodePublicMessage,
  encodePrivateMessage,
  encodePublicMessage,
  framedContentSizeHint,
  type PrivateMessage,
  type PublicMessage,
  privateMessageSize,
} from './framing.ts'
import { decodeGroupInfo, encodeGroupInfo, type GroupInfo, groupInfoSizeHint } from './group-info.ts'
import { decodeKeyPackage, encodeKeyPackage, KEY_PACKAGE_SIZE_HINT, type KeyPackage } from './key-package.ts'
import { MLS10 } from './registry.ts'
import { decodeWelcome, encodeWelcome, type Welcome, welcomeSizeHint } from './welcome.ts'

export type MlsMessage =
  | { readonly wireFormat: 'mls_public_message'; readonly publicMessage: PublicMessage }
  | { readonly wireFormat: 'mls_private_message'; readonly privateMessage: PrivateMessage }
  | { readonly wireFormat: 'mls_welcome'; readonly welcome: Welcome }
  | { readonly wireFormat: 'mls_group_info'; readonly groupInfo: GroupInfo }
  | { readonly wireFormat: 'mls_key_package'; readonly keyPackage: KeyPackage }

export function encodeMlsMessage(writer: Writer, message: MlsMessage): void {
  writer.uint16(MLS10)
  switch (message.wireFormat) {
    case 'mls_public_message':
      encodePublicMessage(writer.uint16(1), message.publicMessage)
      return
    case 'mls_private_message':
      encodePrivateMessage(writer.uint16(2), message.privateMessage)
      return
    case 'mls_welcome':
      encodeWelcome(writer.uint16(3), message.welcome)
      return
    case 'mls_group_info':
      encodeGroupInfo(writer.uint16(4), message.groupInfo)
      return
    case 'mls_key_package':
      encodeKeyPackage(writer.uint16(5), message.keyPackage)
      return
  }
}

/** @throws MlsError `unsupported_version`, `bad_wire_format`, `version_mismatch` and every fault of the parsers below. */
export function readMlsMessage(reader: Reader): MlsMessage {
  if (reader.uint16() !== MLS10) throw malformed('unsupported_version', 'the message is not of MLS 1.0')
  const wireFormat = reader.uint16()
  switch (wireFormat) {
    case 1:
      return { wireFormat: 'mls_public_message', publicMessage: decodePublicMessage(reader) }
    case 2:
      return { wireFormat: 'mls_private_message', privateMessage: decodePrivateMessage(reader) }
    case 3:
      return { wireFormat: 'mls_welcome', welcome: decodeWelcome(reader) }
    case 4:
      return { wireFormat: 'mls_group_info', groupInfo: decodeGroupInfo(reader) }
    case 5: {
      const keyPackage = decodeKeyPackage(reader)
      if (keyPackage.version !== MLS10) throw malformed('version_mismatch', 'a key package is of another version') // RFC 9420 §10
      return { wireFormat: 'mls_key_package', keyPackage }
    }
    default:
      throw malformed('bad_wire_format', 'unknown wire format')
  }
}

/** One whole MLSMessage; trailing bytes are refused. */
export function decodeMlsMessage(bytes: Uint8Array): MlsMessage {
  return decodeWhole(bytes, readMlsMessage)
}

export function mlsMessageBytes(message: MlsMessage): Uint8Array {
  return encodeWhole(message, encodeMlsMessage, 4 + sizeHintOf(message))
}

function sizeHintOf(message: MlsMessage): number {
  switch (message.wireFormat) {
    case 'mls_public_message':
      return framedContentSizeHint(message.publicMessage.content) + 160
    case 'mls_private_message':
      return privateMessageSize(message.privateMessage)
    case 'mls_welcome':
      return welcomeSizeHint(message.welcome)
    case 'mls_group_info':
      return groupInfoSizeHint(message.groupInfo)
    case 'mls_key_package':
      return KEY_PACKAGE_SIZE_HINT
  }
}
