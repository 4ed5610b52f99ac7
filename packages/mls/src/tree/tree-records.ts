/**
 * A ratchet tree as content-addressed records: one for each non-blank node, and for each blank one above a non-blank
 * one, named by its tree hash (RFC 9420 §7.8). Trees of two epochs share the records of the subtrees that they share, so
 * storing another epoch writes O(log n) of them. A record is its node's TreeHashInput after one byte that says how high
 * the node stands and which of its children are all blank; what is loaded is checked against its name.
 */
import { type CipherSuite, concatBytes, equalBytes, toHex } from '@dmls/crypto'
import { decodeWhole, type Reader } from '../codec/reader.ts'
import { type MlsError, malformed, missing } from '../errors.ts'
import { decodeLeafNode, type LeafNode } from '../wire/leaf-node.ts'
import { decodeParentNode, type ParentNode } from './parent-node.ts'
import { RatchetTree } from './ratchet-tree.ts'
import { keysFrom, keysOf } from './tree-edit.ts'
import { TreeHasher } from './tree-hash.ts'
import { leafToNode, leftChild, nodeLevel, rightChild, rootIndex } from './tree-math.ts'
import { LeafSlot, ParentSlot, parentSlot, type Slot } from './tree-slot.ts'

const LEFT_BLANK = 0x40
const RIGHT_BLANK = 0x80
const LEVEL = 0x3f
const LEVEL_MAX = 30

export interface TreeRecord {
  /** The tree hash of the record's node: its name, KDF.Nh bytes. */
  readonly hash: Uint8Array
  readonly bytes: Uint8Array
}

/** The records of a tree, parents first; a subtree whose name is `known` is passed over whole. */
export function* treeRecords(tree: RatchetTree, known: (hash: Uint8Array) => boolean): Generator<TreeRecord> {
  const { hasher, root } = tree.parts
  const pending: (Slot | undefined)[] = [root]
  while (pending.length > 0) {
    const slot = pending.pop()
    if (slot === undefined) continue
    const hash = hasher.hash(slot, slot.index)
    if (known(hash)) continue
    yield { hash, bytes: recordBytes(hasher, slot) }
    if (slot instanceof ParentSlot) pending.push(slot.right, slot.left)
  }
}

function recordBytes(hasher: TreeHasher, slot: Slot): Uint8Array {
  let head = nodeLevel(slot.index)
  if (slot instanceof ParentSlot) {
    if (slot.left === undefined) head |= LEFT_BLANK
    if (slot.right === undefined) head |= RIGHT_BLANK
  }
  return concatBytes(Uint8Array.of(head), hasher.input(slot))
}

/** The level of the node that a record is of: 0 for a leaf. */
export function treeRecordLevel(bytes: Uint8Array): number {
  return (bytes[0] ?? 0) & LEVEL
}

/** The names of the records that a record refers to: none, one or two. For a store that collects garbage. */
export function treeRecordChildren(bytes: Uint8Array): Uint8Array[] {
  const record = readRecord(bytes)
  if (record.kind === 'leaf') return []
  return [record.left, record.right].filter((child) => !child.blank).map((child) => child.hash)
}

/**
 * Trees that were loaded together: subtrees of equal hash become one object, and keys are indexed once, then from tree
 * to tree by their differences. Belongs to one cipher suite.
 */
export class TreeCache {
  readonly hasher: TreeHasher
  readonly slots: Map<string, Slot> = new Map()
  /** The tree that was loaded last. */
  latest: RatchetTree | undefined = undefined

  constructor(suite: CipherSuite) {
    this.hasher = new TreeHasher(suite)
  }
}

/**
 * Loads the tree whose tree hash is `rootHash`; `get` gives the record of a name.
 * @throws MlsError `tree_record_missing`, `tree_record_corrupt` and the parsers' faults
 */
export function loadTree(
  suite: CipherSuite,
  rootHash: Uint8Array,
  get: (hash: Uint8Array) => Uint8Array | undefined,
  cache: TreeCache = new TreeCache(suite),
): RatchetTree {
  const root = loadSlot(rootHash, undefined, get, cache)
  const { latest } = cache
  const keys = latest === undefined ? keysOf(root) : keysFrom(latest.parts.keys, latest.parts.root, root)
  const tree = new RatchetTree({ hasher: cache.hasher, leafCount: root.index + 1, root, keys })
  cache.latest = tree
  return tree
}

type GetRecord = (hash: Uint8Array) => Uint8Array | undefined

/** `index`: where the node must be; undefined for a root, which says it itself. */
function loadSlot(hash: Uint8Array, index: number | undefined, get: GetRecord, cache: TreeCache): Slot {
  const name = toHex(hash)
  const shared = cache.slots.get(name)
  if (shared !== undefined && (index ?? shared.index) === shared.index) return shared
  const bytes = get(hash)
  if (bytes === undefined) throw missing('tree_record_missing', 'a record of the ratchet tree is not stored')
  if (!equalBytes(hash, cache.hasher.suite.hash(bytes.subarray(1)))) throw corrupt()
  const slot = loadRecord(readRecord(bytes), index, get, cache)
  slot.hash = hash.slice()
  cache.slots.set(name, slot)
  return slot
}

function loadRecord(record: StoredRecord, index: number | undefined, get: GetRecord, cache: TreeCache): Slot {
  const at = index ?? rootIndex(2 ** record.level)
  if (nodeLevel(at) !== record.level) throw corrupt()
  if (record.kind === 'leaf') {
    if (leafToNode(record.leafIndex) !== at) throw corrupt()
    return new LeafSlot(at, record.leaf, record.bytes)
  }
  if (record.left.blank && record.right.blank) throw corrupt()
  const load = (child: ChildRecord, place: number): Slot | undefined =>
    child.blank ? undefined : loadSlot(child.hash, place, get, cache)
  const left = load(record.left, leftChild(at))
  const right = load(record.right, rightChild(at))
  // hashing a blank subtree costs its size: only once the node beside it has shown that the height is not made up
  checkBlank(record.left, leftChild(at), cache)
  checkBlank(record.right, rightChild(at), cache)
  const slot = parentSlot(at, record.parent, left, right)
  if (slot === undefined) throw corrupt()
  return slot
}

function checkBlank(child: ChildRecord, place: number, cache: TreeCache): void {
  if (child.blank && !equalBytes(child.hash, cache.hasher.blankHash(place))) throw corrupt()
}

interface ChildRecord {
  readonly hash: Uint8Array
  readonly blank: boolean
}

type StoredRecord =
  | {
      readonly kind: 'leaf'
      readonly level: 0
      readonly leafIndex: number
      readonly leaf: LeafNode
      readonly bytes: Uint8Array
    }
  | {
      readonly kind: 'parent'
      readonly level: number
      readonly parent: ParentNode | undefined
      readonly left: ChildRecord
      readonly right: ChildRecord
    }

function readRecord(bytes: Uint8Array): StoredRecord {
  return decodeWhole(bytes, (reader): StoredRecord => {
    const head = reader.uint8()
    const level = head & LEVEL
    const nodeType = reader.uint8()
    if (level > LEVEL_MAX || nodeType !== (level === 0 ? 1 : 2)) throw corrupt()
    if (level > 0) {
      const parent = reader.optional(decodeParentNode)
      const left = { hash: reader.opaque(), blank: (head & LEFT_BLANK) !== 0 }
      const right = { hash: reader.opaque(), blank: (head & RIGHT_BLANK) !== 0 }
      return { kind: 'parent', level, parent, left, right }
    }
    const leafIndex = reader.uint32()
    const leaf = reader.optional(readLeaf)
    if (leaf === undefined || head !== 0) throw corrupt()
    return { kind: 'leaf', level: 0, leafIndex, ...leaf }
  })
}

function readLeaf(reader: Reader): { readonly leaf: LeafNode; readonly bytes: Uint8Array } {
  const start = reader.offset
  return { leaf: decodeLeafNode(reader), bytes: reader.since(start) }
}

function corrupt(): MlsError {
  return malformed('tree_record_corrupt', 'a record of the ratchet tree is not what its name says')
}
