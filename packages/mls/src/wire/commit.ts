/** RFC 9420 §12.4 `Commit` and §7.6 `UpdatePath`. */
import type { HpkeCiphertext } from '@dmls/crypto'
import type { Reader } from '../codec/reader.ts'
import type { Writer } from '../codec/writer.ts'
import { decodeLeafNode, encodeLeafNode, type LeafNode } from './leaf-node.ts'
import { decodeProposalOrRef, encodeProposalOrRef, type ProposalOrRef } from './proposal.ts'

export interface UpdatePathNode {
  readonly encryptionKey: Uint8Array
  readonly encryptedPathSecret: readonly HpkeCiphertext[]
}

export interface UpdatePath {
  readonly leafNode: LeafNode
  /** One node for each node of the committer's filtered direct path, from the leaf's side to the root. */
  readonly nodes: readonly UpdatePathNode[]
}

export interface Commit {
  readonly proposals: readonly ProposalOrRef[]
  readonly path: UpdatePath | undefined
}

export function encodeHpkeCiphertext(writer: Writer, value: HpkeCiphertext): void {
  writer.opaque(value.kemOutput).opaque(value.ciphertext)
}

export function decodeHpkeCiphertext(reader: Reader): HpkeCiphertext {
  return { kemOutput: reader.opaque(), ciphertext: reader.opaque() }
}

export function encodeUpdatePath(writer: Writer, path: UpdatePath): void {
  encodeLeafNode(writer, path.leafNode)
  writer.vector(path.nodes, (w, node) => {
    w.opaque(node.encryptionKey).vector(node.encryptedPathSecret, encodeHpkeCiphertext)
  })
}

export function decodeUpdatePath(reader: Reader): UpdatePath {
  return {
    leafNode: decodeLeafNode(reader),
    nodes: reader.vector((r) => ({
      encryptionKey: r.opaque(),
      encryptedPathSecret: r.vector(decodeHpkeCiphertext),
    })),
  }
}

export function encodeCommit(writer: Writer, commit: Commit): void {
  writer.vector(commit.proposals, encodeProposalOrRef).optional(commit.path, encodeUpdatePath)
}

export function decodeCommit(reader: Reader): Commit {
  return { proposals: reader.vector(decodeProposalOrRef), path: reader.optional(decodeUpdatePath) }
}
