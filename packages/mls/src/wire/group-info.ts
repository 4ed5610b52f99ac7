/** RFC 9420 §12.4.3 `GroupInfo`. */
import type { Reader } from '../codec/reader.ts'
import type { Structure, Writer } from '../codec/writer.ts'
import { decodeExtensions, type Extension, encodeExtensions, extensionsSize } from './extension.ts'
import { decodeGroupContext, encodeGroupContext, type GroupContext } from './group-context.ts'

export interface GroupInfoContent {
  readonly groupContext: GroupContext
  readonly extensions: readonly Extension[]
  readonly confirmationTag: Uint8Array
  /** Leaf index of the member that signs. */
  readonly signer: number
}

export interface GroupInfo extends GroupInfoContent {
  readonly signature: Uint8Array
}

function encodeContent(writer: Writer, info: GroupInfoContent): void {
  encodeGroupContext(writer, info.groupContext)
  encodeExtensions(writer, info.extensions)
  writer.opaque(info.confirmationTag).uint32(info.signer)
}

/** `GroupInfoTBS`, to be encoded where it is needed: it is as long as the tree in it. */
export function groupInfoTbs(info: GroupInfoContent): Structure {
  return { sizeHint: groupInfoSizeHint(info), encode: (writer) => encodeContent(writer, info) }
}

/** About as many bytes as {@link encodeGroupInfo} writes, rarely fewer. */
export function groupInfoSizeHint({ groupContext, extensions }: GroupInfoContent): number {
  return 512 + groupContext.groupId.length + extensionsSize(groupContext.extensions) + extensionsSize(extensions)
}

export function encodeGroupInfo(writer: Writer, info: GroupInfo): void {
  encodeContent(writer, info)
  writer.opaque(info.signature)
}

export function decodeGroupInfo(reader: Reader): GroupInfo {
  return {
    groupContext: decodeGroupContext(reader),
    extensions: decodeExtensions(reader),
    confirmationTag: reader.opaque(),
    signer: reader.uint32(),
    signature: reader.opaque(),
  }
}
