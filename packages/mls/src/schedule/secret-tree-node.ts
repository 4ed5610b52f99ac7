/**
 * The nodes of a secret tree, RFC 9420 §9, and how they are stored: all in one piece, or one record for each node, so
 * that a message in a large group rewrites a few of them only.
 */
import type { CipherSuite } from '@dmls/crypto'
import { decodeWhole, type Reader } from '../codec/reader.ts'
import { encodeWhole, type Writer } from '../codec/writer.ts'
import { malformed } from '../errors.ts'
import {
  decodeSenderRatchet,
  encodeSenderRatchet,
  type SenderRatchet,
  senderRatchetSize,
  wipeSenderRatchet,
} from './sender-ratchet.ts'

/** Expanded: its secret is gone. */
export interface SplitNode {
  readonly kind: 'split'
  readonly left: SecretNode
  readonly right: SecretNode
}

/** A leaf whose secret has become two ratchets. */
export interface OpenLeaf {
  readonly kind: 'leaf'
  readonly handshake: SenderRatchet
  readonly application: SenderRatchet
}

/** A subtree that nobody has needed yet. */
export interface UnopenedNode {
  readonly kind: 'secret'
  readonly secret: Uint8Array
}

export type SecretNode = SplitNode | OpenLeaf | UnopenedNode

/** One node that changed: what is to be stored under its index (RFC 9420 App. C) from now on. It holds secrets. */
export interface SecretNodeChange {
  readonly node: number
  /** Undefined: delete what is stored. */
  readonly record: Uint8Array | undefined
  /** Bytes of the record that stands there until then; 0 for none. */
  readonly replacedSize: number
}

/** A node in preorder with everything below it. */
export function encodeNode(writer: Writer, node: SecretNode): void {
  switch (node.kind) {
    case 'secret':
      writer.uint8(0).fixed(node.secret)
      return
    case 'split':
      encodeNode(writer.uint8(1), node.left)
      encodeNode(writer, node.right)
      return
    case 'leaf':
      encodeSenderRatchet(writer.uint8(2), node.handshake)
      encodeSenderRatchet(writer, node.application)
  }
}

/** Reads a subtree of `height` levels. A split node always has an open leaf below: nothing else splits it. */
export function decodeNode(suite: CipherSuite, reader: Reader, height: number): SecretNode {
  const kind = reader.uint8()
  if (kind === 0) return { kind: 'secret', secret: reader.fixed(suite.hashSize) }
  if (kind === 1 && height > 0) {
    const left = decodeNode(suite, reader, height - 1)
    return joinNodes(left, decodeNode(suite, reader, height - 1))
  }
  if (kind === 2 && height === 0) {
    const handshake = decodeSenderRatchet(suite, reader)
    return { kind: 'leaf', handshake, application: decodeSenderRatchet(suite, reader) }
  }
  throw malformed('bad_secret_tree', 'a node is of no kind that may stand here')
}

function joinNodes(left: SecretNode, right: SecretNode): SplitNode {
  if (left.kind === 'secret' && right.kind === 'secret') {
    throw malformed('bad_secret_tree', 'a node is split and nobody below it is open')
  }
  return { kind: 'split', left, right }
}

/** The first node of a subtree of `height` levels that lies `place` such subtrees to the right, by its index. */
function nodeIndex(height: number, place: number): number {
  return place * 2 ** (height + 1) + 2 ** height - 1
}

/** What has changed from one tree to a later one; walks only where they differ. */
export function* nodeChanges(
  before: SecretNode | undefined,
  after: SecretNode,
  height: number,
  place: number,
): Generator<SecretNodeChange> {
  if (before === after) return
  const node = nodeIndex(height, place)
  const replacedSize = before === undefined || before.kind === 'split' ? 0 : recordSize(before)
  if (after.kind !== 'split') {
    yield { node, record: encodeWhole(after, encodeNode, 128), replacedSize }
    return
  }
  if (before?.kind === 'secret') yield { node, record: undefined, replacedSize }
  const split = before?.kind === 'split' ? before : undefined
  yield* nodeChanges(split?.left, after.left, height - 1, 2 * place)
  yield* nodeChanges(split?.right, after.right, height - 1, 2 * place + 1)
}

function recordSize(node: OpenLeaf | UnopenedNode): number {
  if (node.kind === 'secret') return 1 + node.secret.length
  return 1 + senderRatchetSize(node.handshake) + senderRatchetSize(node.application)
}

/** The nodes of a subtree that have records. */
export function* recordedNodes(node: SecretNode, height: number, place: number): Generator<number> {
  if (node.kind !== 'split') {
    yield nodeIndex(height, place)
    return
  }
  yield* recordedNodes(node.left, height - 1, 2 * place)
  yield* recordedNodes(node.right, height - 1, 2 * place + 1)
}

/** The subtree of `height` levels at `place`, from its records. A node without one is split. */
export function nodeFromRecords(
  suite: CipherSuite,
  records: ReadonlyMap<number, Uint8Array>,
  height: number,
  place: number,
): SecretNode {
  const record = records.get(nodeIndex(height, place))
  if (record !== undefined) {
    const node = decodeWhole(record, (reader) => decodeNode(suite, reader, height))
    if (node.kind === 'split') throw malformed('bad_secret_tree', 'a split node has no record of its own')
    return node
  }
  if (height === 0) throw malformed('bad_secret_tree', 'the record of a node is not here')
  const left = nodeFromRecords(suite, records, height - 1, 2 * place)
  return joinNodes(left, nodeFromRecords(suite, records, height - 1, 2 * place + 1))
}

export function wipeNode(node: SecretNode): void {
  switch (node.kind) {
    case 'secret':
      node.secret.fill(0)
      return
    case 'split':
      wipeNode(node.left)
      wipeNode(node.right)
      return
    case 'leaf':
      wipeSenderRatchet(node.handshake)
      wipeSenderRatchet(node.application)
  }
}
