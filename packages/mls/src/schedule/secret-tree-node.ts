/**
 * The nodes of a secret tree, RFC 9420 §9, and how they are stored: all in one piece, or in records of a bounded size, so
 * that a message in a large group rewrites one or two of them, and reading a thousand open leaves takes some hundred.
 *
 * A record is the largest subtree that takes at most {@link RECORD_SIZE_MAX} bytes, so that the tree alone says which
 * records there are. Who is stored beside a sender is overwritten with it: a secret is gone with its old record.
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

/** Eight leaves whose senders skipped nothing, where KDF.Nh is 32. A single leaf may take more: it keeps skipped keys. */
const RECORD_SIZE_MAX = 768

/** A subtree that changed: what is to be stored under the index of its root (RFC 9420 App. C) from now on. It holds secrets. */
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
  const divided = before && dividedNode(before)
  const isReplaced = before !== undefined && divided === undefined
  const replacedSize = isReplaced ? nodeSize(before) : 0
  const stillDivided = dividedNode(after)
  if (stillDivided === undefined) {
    yield { node, record: encodeWhole(after, encodeNode, nodeSize(after)), replacedSize }
    if (divided !== undefined) yield* deletionsBelow(divided, height, place)
    return
  }
  if (isReplaced) yield { node, record: undefined, replacedSize }
  yield* nodeChanges(divided?.left, stillDivided.left, height - 1, 2 * place)
  yield* nodeChanges(divided?.right, stillDivided.right, height - 1, 2 * place + 1)
}

/** A subtree has become small enough for a record of its own: those below it go. */
function* deletionsBelow(before: SplitNode, height: number, place: number): Generator<SecretNodeChange> {
  for (const { node, subtree } of recordsIn(before, height, place)) {
    yield { node, record: undefined, replacedSize: nodeSize(subtree) }
  }
}

function* recordsIn(
  subtree: SecretNode,
  height: number,
  place: number,
): Generator<{ readonly node: number; readonly subtree: SecretNode }> {
  const divided = dividedNode(subtree)
  if (divided === undefined) {
    yield { node: nodeIndex(height, place), subtree }
    return
  }
  yield* recordsIn(divided.left, height - 1, 2 * place)
  yield* recordsIn(divided.right, height - 1, 2 * place + 1)
}

/** The nodes that have records. */
export function* recordedNodes(root: SecretNode, height: number): Generator<number> {
  for (const { node } of recordsIn(root, height, 0)) yield node
}

/** The node, if its subtree takes more than one record. */
function dividedNode(node: SecretNode): SplitNode | undefined {
  return node.kind === 'split' && roomBeside(node, RECORD_SIZE_MAX) < 0 ? node : undefined
}

/** What a subtree leaves of so many bytes; negative, as soon as that is clear, where it takes more. */
function roomBeside(node: SecretNode, room: number): number {
  if (node.kind !== 'split') return room - nodeSize(node)
  const beside = room > 0 ? roomBeside(node.left, room - 1) : -1
  return beside < 0 ? beside : roomBeside(node.right, beside)
}

/** How many bytes {@link encodeNode} writes. */
function nodeSize(node: SecretNode): number {
  switch (node.kind) {
    case 'secret':
      return 1 + node.secret.length
    case 'split':
      return 1 + nodeSize(node.left) + nodeSize(node.right)
    case 'leaf':
      return 1 + senderRatchetSize(node.handshake) + senderRatchetSize(node.application)
  }
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
    if (dividedNode(node) !== undefined) throw malformed('bad_secret_tree', 'a record holds more than one may')
    return node
  }
  if (height === 0) throw malformed('bad_secret_tree', 'the record of a node is not here')
  const left = nodeFromRecords(suite, records, height - 1, 2 * place)
  const node = joinNodes(left, nodeFromRecords(suite, records, height - 1, 2 * place + 1))
  if (dividedNode(node) === undefined) throw malformed('bad_secret_tree', 'the records of a subtree would fit into one')
  return node
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
