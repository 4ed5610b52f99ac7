/**
 * `DMLSMessage` of the draft (protocol §4): a PublicMessage or PrivateMessage with the name of the epoch that it is
 * protected under, for a commit the parent. The name is not authenticated: a hint where to look, never more.
 */
import type { CipherSuite } from '@dmls/crypto'
import {
  decodeWhole,
  encodeMlsMessage,
  encodeWhole,
  type MlsMessage,
  malformed,
  readMlsMessage,
  usage,
  type Writer,
} from '@dmls/mls'

export type FramedMlsMessage = Extract<
  MlsMessage,
  { readonly wireFormat: 'mls_public_message' | 'mls_private_message' }
>

export interface DmlsMessage {
  readonly message: FramedMlsMessage
  /** KDF.Nh bytes of the group's cipher suite, by the sender's word. */
  readonly dmlsEpoch: Uint8Array
}

/** No registered cipher suite has a longer hash. */
const DMLS_EPOCH_SIZE_MAX = 64

function isFramed(message: MlsMessage): message is FramedMlsMessage {
  return message.wireFormat === 'mls_public_message' || message.wireFormat === 'mls_private_message'
}

function writeDmlsMessage(writer: Writer, { message, dmlsEpoch }: DmlsMessage): void {
  encodeMlsMessage(writer, message)
  writer.opaque(dmlsEpoch)
}

/** @throws MlsError `usage`/`not_wrapped` for a Welcome, GroupInfo or KeyPackage: they travel as they are. */
export function encodeDmlsMessage(value: { readonly message: MlsMessage; readonly dmlsEpoch: Uint8Array }): Uint8Array {
  const { message, dmlsEpoch } = value
  if (!isFramed(message)) throw usage('not_wrapped', 'only PublicMessage and PrivateMessage are wrapped')
  return encodeWhole({ message, dmlsEpoch }, writeDmlsMessage)
}

/**
 * Decodes one whole DMLSMessage; trailing bytes are refused.
 * @throws MlsError `malformed`: `not_wrapped`, `bad_dmls_epoch` and every fault of the message inside
 */
export function decodeDmlsMessage(bytes: Uint8Array): DmlsMessage {
  return decodeWhole(bytes, (reader) => {
    const message = readMlsMessage(reader)
    if (!isFramed(message)) throw malformed('not_wrapped', 'only PublicMessage and PrivateMessage are wrapped')
    const dmlsEpoch = reader.opaque()
    if (dmlsEpoch.length === 0 || dmlsEpoch.length > DMLS_EPOCH_SIZE_MAX) {
      throw malformed('bad_dmls_epoch', 'a dmls_epoch is 1 to 64 bytes')
    }
    return { message, dmlsEpoch }
  })
}

/** What messages are deduplicated by: the hash of the encoded MLSMessage inside, KDF.Nh bytes. The hint is left out. */
export function messageId(suite: CipherSuite, mlsMessage: Uint8Array): Uint8Array {
  return suite.hash(mlsMessage)
}
