/** RFC 9420 §7.1 `ParentNode`: its type and encoding. Blank nodes are `undefined` everywhere in this folder. */
import type { Reader } from '../codec/reader.ts'
import { opaqueSize, type Writer } from '../codec/writer.ts'
import { malformed } from '../errors.ts'

export interface ParentNode {
  readonly encryptionKey: Uint8Array
  /** Hash of the next non-blank node above as of the last change, RFC 9420 §7.9; KDF.Nh bytes or none. */
  readonly parentHash: Uint8Array
  /** Leaf indices, strictly increasing. */
  readonly unmergedLeaves: readonly number[]
}

export function encodeParentNode(writer: Writer, node: ParentNode): void {
  writer
    .opaque(node.encryptionKey)
    .opaque(node.parentHash)
    .length(4 * node.unmergedLeaves.length)
  for (const leafIndex of node.unmergedLeaves) writer.uint32(leafIndex)
}

/** How many bytes {@link encodeParentNode} writes. */
export function parentNodeSize(node: ParentNode): number {
  const { encryptionKey, parentHash, unmergedLeaves } = node
  return opaqueSize(encryptionKey.length) + opaqueSize(parentHash.length) + opaqueSize(4 * unmergedLeaves.length)
}

/** @throws MlsError `unsorted_unmerged_leaves` */
export function decodeParentNode(reader: Reader): ParentNode {
  const encryptionKey = reader.opaque()
  const parentHash = reader.opaque()
  let previous = -1
  const unmergedLeaves = reader.vector((r) => {
    const leafIndex = r.uint32()
    if (leafIndex <= previous) {
      throw malformed('unsorted_unmerged_leaves', 'unmerged leaves are not in increasing order') // RFC 9420 §7.1
    }
    previous = leafIndex
    return leafIndex
  })
  return { encryptionKey, parentHash, unmergedLeaves }
}
