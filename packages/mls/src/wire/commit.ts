/** RFC 9420 §12.4 `Commit` and §7.6 `UpdatePath`. */
import type { HpkeCiphertext } from '@dmls/crypto'
import type { Reader } from '../codec/reader.ts'
import type { Writer } from '../codec/writer.ts'
import { decodeLeafNode, encodeLeafNode, LEAF_NODE_SIZE_HINT, type LeafNode } from './leaf-node.ts'
import { decodeProposalOrRef, encodeProposalOrRef, type ProposalOrRef, proposalSizeHint } from './proposal.ts'

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

/** About as many bytes as {@link encodeCommit} writes, rarely fewer; exact to some hundred bytes in suites 1 to 3. */
export function commitSizeHint({ proposals, path }: Commit): number {
  let size = 16
  for (const each of proposals) size += each.type === 'reference' ? 72 : proposalSizeHint(each.proposal)
  if (path === undefined) return size
  size += LEAF_NODE_SIZE_HINT
  for (const { encryptionKey, encryptedPathSecret } of path.nodes) {
    const one = encryptedPathSecret[0]
    const each = one === undefined ? 0 : 4 + one.kemOutput.length + one.ciphertext.length
    size += 6 + encryptionKey.length + encryptedPathSecret.length * each
  }
  return size
}

export function encodeCommit(writer: Writer, commit: Commit): void {
  writer.vector(commit.proposals, encodeProposalOrRef).optional(commit.path, encodeUpdatePath)
}

export function decodeCommit(reader: Reader): Commit {
  return { proposals: reader.vector(decodeProposalOrRef), path: reader.optional(decodeUpdatePath) }
}
