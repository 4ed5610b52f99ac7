/**
 * RFC 9420 §6.3: messages that are signed and encrypted, sender data included. The signature inside is made before and
 * verified after (`authenticated-content.ts`); the caller has matched group id and epoch.
 */
import { type CipherSuite, CryptoError, type RandomSource } from '@dmls/crypto'
import { Reader } from '../codec/reader.ts'
import { opaqueSize, Writer } from '../codec/writer.ts'
import { invalid, MlsError, usage } from '../errors.ts'
import { expandWithLabel } from '../schedule/labeled.ts'
import type { RatchetKind, SecretTree, SecretTreeLimits, SecretTreeStep } from '../schedule/secret-tree.ts'
import {
  type AuthenticatedContent,
  type ContentType,
  contentSizeHint,
  decodeContentBody,
  decodeFramedContentAuthData,
  encodeContentBody,
  encodeContentType,
  encodeFramedContentAuthData,
  type FramedContentAuthData,
  type PrivateMessage,
} from '../wire/framing.ts'
import { checkSender } from './authenticated-content.ts'
import { noPadding, type PaddingPolicy } from './padding.ts'
import { checkConfirmationTag } from './public-message.ts'

export type { PaddingPolicy } from './padding.ts'

export interface ProtectPrivateOptions {
  readonly senderDataSecret: Uint8Array
  readonly secretTree: SecretTree
  /** Signed for `mls_private_message` by a member: the sender's leaf picks the ratchet. */
  readonly authenticatedContent: AuthenticatedContent
  /** Default: none. */
  readonly padding?: PaddingPolicy
  readonly random: RandomSource
}

export interface ProtectedMessage {
  readonly message: PrivateMessage
  /** Store it before the message is published: its key must never be used twice. */
  readonly secretTree: SecretTree
  /** Buffers of the old tree to wipe once the new one is stored. */
  readonly superseded: readonly Uint8Array[]
  /** Buffers of the new tree to wipe if the message is not sent after all and the old tree stays. */
  readonly created: readonly Uint8Array[]
}

export interface UnprotectPrivateOptions {
  readonly senderDataSecret: Uint8Array
  readonly secretTree: SecretTree
  readonly message: PrivateMessage
  readonly limits: SecretTreeLimits
  /** Whether a leaf of the epoch's ratchet tree is not blank. */
  readonly leafExists: (leafIndex: number) => boolean
}

export interface UnprotectedMessage {
  /** Decrypted, its signature not verified yet. */
  readonly authenticatedContent: AuthenticatedContent
  readonly generation: number
  readonly secretTree: SecretTree
  /** Buffers of the old tree to wipe once the new one is stored. */
  readonly superseded: readonly Uint8Array[]
  /** Buffers of the new tree to wipe if the message is refused after all and the old tree stays. */
  readonly created: readonly Uint8Array[]
}

const REUSE_GUARD_SIZE = 4
/** `SenderData`: leaf index, generation, reuse guard. */
const SENDER_DATA_SIZE = 8 + REUSE_GUARD_SIZE

/** @throws MlsError `bad_sender`, `bad_wire_format`, `bad_padding`, `generations_exhausted` */
export function protectPrivate(suite: CipherSuite, options: ProtectPrivateOptions): ProtectedMessage {
  const { senderDataSecret, secretTree, authenticatedContent, random } = options
  const { content, wireFormat } = authenticatedContent
  if (wireFormat !== 'mls_private_message')
    throw usage('bad_wire_format', 'the content is signed for another wire format')
  checkSender(content, wireFormat)
  checkConfirmationTag(authenticatedContent)
  if (content.sender.senderType !== 'member') throw usage('bad_sender', 'only members send private messages') // RFC 9420 §6.3.2
  const { leafIndex } = content.sender
  const { contentType } = content.content
  const aad = messageAad(content.groupId, content.epoch, contentType, content.authenticatedData)
  const plaintext = encodePrivateContent(authenticatedContent, options.padding ?? noPadding)

  const step = secretTree.nextSendKey(leafIndex, ratchetKind(contentType))
  const reuseGuard = random(REUSE_GUARD_SIZE) // RFC 9420 §6.3.1
  applyReuseGuard(step.nonce, reuseGuard)
  const ciphertext = suite.seal(step.key, step.nonce, aad.content, plaintext)
  for (const secret of [plaintext, step.key, step.nonce]) secret.fill(0)

  const senderData = new Writer(SENDER_DATA_SIZE).uint32(leafIndex).uint32(step.generation).fixed(reuseGuard).finish()
  const mask = deriveSenderDataKey(suite, senderDataSecret, ciphertext)
  const encryptedSenderData = suite.seal(mask.key, mask.nonce, aad.senderData, senderData)
  for (const secret of [mask.key, mask.nonce]) secret.fill(0)
  return {
    message: {
      groupId: content.groupId,
      epoch: content.epoch,
      contentType,
      authenticatedData: content.authenticatedData,
      encryptedSenderData,
      ciphertext,
    },
    secretTree: step.tree,
    superseded: step.superseded,
    created: step.created,
  }
}

/**
 * Decrypts a message. If this throws, nothing has changed.
 * @throws MlsError `sender_data_open_failed`, `bad_sender_data`, `blank_sender`, `generation_used`,
 * `generation_too_far`, `content_open_failed`, `malformed_content`, `nonzero_padding`
 */
export function unprotectPrivate(suite: CipherSuite, options: UnprotectPrivateOptions): UnprotectedMessage {
  const { message, secretTree, limits } = options
  const { groupId, epoch, contentType, authenticatedData } = message
  const aad = messageAad(groupId, epoch, contentType, authenticatedData)
  const senderData = openSenderData(suite, options.senderDataSecret, message, aad.senderData)
  const { leafIndex, generation } = senderData
  if (!options.leafExists(leafIndex)) throw invalid('blank_sender', 'a message names a blank leaf', { leafIndex }) // RFC 9420 §6.3.2

  const step = secretTree.receiveKey(leafIndex, ratchetKind(contentType), generation, limits)
  try {
    applyReuseGuard(step.nonce, senderData.reuseGuard)
    const { content, auth } = openContent(suite, step, message, aad.content)
    const sender = { senderType: 'member', leafIndex } as const
    return {
      authenticatedContent: {
        wireFormat: 'mls_private_message',
        content: { groupId, epoch, sender, authenticatedData, content },
        auth,
      },
      generation,
      secretTree: step.tree,
      superseded: step.superseded,
      created: step.created,
    }
  } catch (error) {
    for (const secret of step.created) secret.fill(0)
    throw error
  } finally {
    step.key.fill(0)
    step.nonce.fill(0)
  }
}

/** RFC 9420 §6.3.2: `sender_data_key` (AEAD.Nk bytes) and `sender_data_nonce` (AEAD.Nn bytes) for one ciphertext. */
export function deriveSenderDataKey(
  suite: CipherSuite,
  senderDataSecret: Uint8Array,
  ciphertext: Uint8Array,
): { readonly key: Uint8Array; readonly nonce: Uint8Array } {
  const sample = ciphertext.subarray(0, suite.hashSize)
  return {
    key: expandWithLabel(suite, senderDataSecret, 'key', sample, suite.keySize),
    nonce: expandWithLabel(suite, senderDataSecret, 'nonce', sample, suite.nonceSize),
  }
}

function ratchetKind(contentType: ContentType): RatchetKind {
  return contentType === 'application' ? 'application' : 'handshake'
}

/** `PrivateContentAAD` and `SenderDataAAD`: the latter is how the former begins. */
function messageAad(
  groupId: Uint8Array,
  epoch: bigint,
  contentType: ContentType,
  authenticatedData: Uint8Array,
): { readonly content: Uint8Array; readonly senderData: Uint8Array } {
  const prefixSize = opaqueSize(groupId.length) + 9
  const writer = new Writer(prefixSize + opaqueSize(authenticatedData.length)).opaque(groupId).uint64(epoch)
  encodeContentType(writer, contentType)
  const content = writer.opaque(authenticatedData).finish()
  return { content, senderData: content.subarray(0, prefixSize) }
}

/** `PrivateMessageContent`; it holds plaintext. */
function encodePrivateContent({ content, auth }: AuthenticatedContent, padding: PaddingPolicy): Uint8Array {
  const body = content.content
  const tagSize = auth.confirmationTag === undefined ? 0 : opaqueSize(auth.confirmationTag.length)
  const writer = new Writer(contentSizeHint(body) + opaqueSize(auth.signature.length) + tagSize)
  encodeContentBody(writer, body)
  encodeFramedContentAuthData(writer, auth)
  const count = padding(writer.size)
  if (!Number.isInteger(count) || count < 0) throw usage('bad_padding', 'padding is a number of bytes')
  return writer.zeros(count).finish() // RFC 9420 §6.3.1
}

/** RFC 9420 §6.3.1: the reuse guard goes over the first four bytes of the nonce. */
function applyReuseGuard(nonce: Uint8Array, reuseGuard: Uint8Array): void {
  for (let i = 0; i < REUSE_GUARD_SIZE; i++) nonce[i] = (nonce[i] as number) ^ (reuseGuard[i] as number)
}

function openSenderData(
  suite: CipherSuite,
  senderDataSecret: Uint8Array,
  message: PrivateMessage,
  aad: Uint8Array,
): { readonly leafIndex: number; readonly generation: number; readonly reuseGuard: Uint8Array } {
  const encrypted = message.encryptedSenderData
  if (encrypted.length !== SENDER_DATA_SIZE + suite.tagSize) {
    throw invalid('bad_sender_data', 'encrypted sender data has another size')
  }
  const mask = deriveSenderDataKey(suite, senderDataSecret, message.ciphertext)
  try {
    const opened = suite.open(mask.key, mask.nonce, aad, encrypted)
    const reader = new Reader(opened)
    const senderData = {
      leafIndex: reader.uint32(),
      generation: reader.uint32(),
      reuseGuard: reader.fixed(REUSE_GUARD_SIZE),
    }
    opened.fill(0)
    return senderData
  } catch (error) {
    if (error instanceof CryptoError) throw invalid('sender_data_open_failed', 'the sender data cannot be decrypted')
    throw error
  } finally {
    mask.key.fill(0)
    mask.nonce.fill(0)
  }
}

function openContent(
  suite: CipherSuite,
  step: SecretTreeStep,
  message: PrivateMessage,
  aad: Uint8Array,
): { readonly content: AuthenticatedContent['content']['content']; readonly auth: FramedContentAuthData } {
  let plaintext: Uint8Array
  try {
    plaintext = suite.open(step.key, step.nonce, aad, message.ciphertext)
  } catch (error) {
    if (error instanceof CryptoError) throw invalid('content_open_failed', 'the content cannot be decrypted')
    throw error
  }
  try {
    const reader = new Reader(plaintext)
    const content = decodeContentBody(reader, message.contentType)
    const auth = decodeFramedContentAuthData(reader, message.contentType)
    checkPadding(plaintext, reader.offset)
    return { content, auth }
  } catch (error) {
    // who relayed the message could not see inside, so these bytes are the sender's fault, never the relay's
    if (error instanceof MlsError && error.blame === 'malformed') {
      throw invalid('malformed_content', 'the decrypted content is malformed', { fault: error.code })
    }
    throw error
  } finally {
    plaintext.fill(0)
  }
}

/** The padding is what follows the auth data. */
function checkPadding(plaintext: Uint8Array, start: number): void {
  let bits = 0
  for (let i = start; i < plaintext.length; i++) bits |= plaintext[i] as number
  if (bits !== 0) throw invalid('nonzero_padding', 'the padding of a message is not all zeros') // RFC 9420 §6.3.1
}
