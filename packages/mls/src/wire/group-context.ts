/** RFC 9420 §8.1 `GroupContext`. */
import type { Reader } from '../codec/reader.ts'
import { encodeWhole, opaqueSize, type Writer } from '../codec/writer.ts'
import { decodeExtensions, type Extension, encodeExtensions, extensionsSize } from './extension.ts'

export interface GroupContext {
  readonly version: number
  readonly cipherSuite: number
  readonly groupId: Uint8Array
  readonly epoch: bigint
  readonly treeHash: Uint8Array
  readonly confirmedTranscriptHash: Uint8Array
  readonly extensions: readonly Extension[]
}

export function encodeGroupContext(writer: Writer, context: GroupContext): void {
  writer
    .uint16(context.version)
    .uint16(context.cipherSuite)
    .opaque(context.groupId)
    .uint64(context.epoch)
    .opaque(context.treeHash)
    .opaque(context.confirmedTranscriptHash)
  encodeExtensions(writer, context.extensions)
}

export function decodeGroupContext(reader: Reader): GroupContext {
  return {
    version: reader.uint16(),
    cipherSuite: reader.uint16(),
    groupId: reader.opaque(),
    epoch: reader.uint64(),
    treeHash: reader.opaque(),
    confirmedTranscriptHash: reader.opaque(),
    extensions: decodeExtensions(reader),
  }
}

/** How many bytes {@link encodeGroupContext} writes. */
function groupContextSize({ groupId, treeHash, confirmedTranscriptHash, extensions }: GroupContext): number {
  const fields = opaqueSize(groupId.length) + opaqueSize(treeHash.length) + opaqueSize(confirmedTranscriptHash.length)
  return 12 + fields + opaqueSize(extensionsSize(extensions))
}

export function groupContextBytes(context: GroupContext): Uint8Array {
  return encodeWhole(context, encodeGroupContext, groupContextSize(context))
}
