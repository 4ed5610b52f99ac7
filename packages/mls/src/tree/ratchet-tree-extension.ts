/**
 * The content of the `ratchet_tree` extension, RFC 9420 §12.4.3.3: all nodes in array order, trailing blanks left out.
 * Reading it checks the shape only: whether the tree is acceptable is `tree-validation.ts`.
 */
import type { CipherSuite } from '@dmls/crypto'
import { decodeWhole, type Reader } from '../codec/reader.ts'
import { encodeWhole, Writer } from '../codec/writer.ts'
import { malformed, usage } from '../errors.ts'
import { decodeLeafNode } from '../wire/leaf-node.ts'
import { decodeParentNode, encodeParentNode, type ParentNode } from './parent-node.ts'
import { RatchetTree } from './ratchet-tree.ts'
import { keysOf } from './tree-edit.ts'
import { TreeHasher } from './tree-hash.ts'
import { isLeaf, nodeWidth, rootIndex } from './tree-math.ts'
import { buildSubtree, LeafSlot, type Slot } from './tree-slot.ts'

const LEAF = 1
const PARENT = 2

/** `optional<Node> ratchet_tree<V>`. @throws MlsError `empty_tree` */
export function encodeRatchetTree(writer: Writer, tree: RatchetTree): void {
  const { root } = tree.parts
  const nodes = new Writer()
  if (root === undefined) throw usage('empty_tree', 'an empty tree has no encoding')
  let end = 0
  // blanks are written only once a non-blank node follows them: RFC 9420 §12.4.3.3
  const blankUpTo = (index: number): void => {
    for (; end < index; end++) nodes.uint8(0)
    end++
  }
  const visit = (slot: Slot | undefined): void => {
    if (slot === undefined) return
    if (slot instanceof LeafSlot) {
      blankUpTo(slot.index)
      nodes.uint8(1).uint8(LEAF).fixed(slot.bytes)
      return
    }
    visit(slot.left)
    if (slot.parent !== undefined) {
      blankUpTo(slot.index)
      encodeParentNode(nodes.uint8(1).uint8(PARENT), slot.parent)
    }
    visit(slot.right)
  }
  visit(root)
  writer.opaque(nodes.finish())
}

/**
 * Reads the nodes and indexes their keys.
 * @throws MlsError `empty_tree`, `trailing_blank_nodes`, `bad_node_type`, `unsorted_unmerged_leaves`, `not_truncated`,
 * `key_too_long` and every fault of the parsers below
 */
export function decodeRatchetTree(suite: CipherSuite, reader: Reader): RatchetTree {
  const leaves = new Map<number, LeafSlot>()
  const parents = new Map<number, ParentNode>()
  let index = -1
  const present = reader.vector((r) => {
    index++
    return r.optional(() => readNode(r, index, leaves, parents)) !== undefined
  })
  const last = present.length - 1
  if (last < 0) throw malformed('empty_tree', 'a ratchet tree has no nodes')
  if (present[last] !== true) {
    throw malformed('trailing_blank_nodes', 'a ratchet tree ends with a blank node') // RFC 9420 §12.4.3.3
  }
  if (!isLeaf(last)) {
    throw malformed('not_truncated', 'a ratchet tree has nodes above blank leaves only') // RFC 9420 §7.7
  }
  let leafCount = 1
  while (nodeWidth(leafCount) < present.length) leafCount *= 2
  const root = buildSubtree(
    rootIndex(leafCount),
    (at) => leaves.get(at),
    (at) => parents.get(at),
    present.length,
  )
  return new RatchetTree({ hasher: new TreeHasher(suite), leafCount, root, keys: keysOf(root) })
}

/** The content of a `ratchet_tree` extension. @throws MlsError `empty_tree` */
export function ratchetTreeBytes(tree: RatchetTree): Uint8Array {
  return encodeWhole(tree, encodeRatchetTree)
}

/** One whole `ratchet_tree` content; trailing bytes are refused. @throws as {@link decodeRatchetTree} */
export function decodeRatchetTreeBytes(suite: CipherSuite, bytes: Uint8Array): RatchetTree {
  return decodeWhole(bytes, (reader) => decodeRatchetTree(suite, reader))
}

/** `Node`; true, so that it differs from an absent one. */
function readNode(
  reader: Reader,
  index: number,
  leaves: Map<number, LeafSlot>,
  parents: Map<number, ParentNode>,
): true {
  const nodeType = reader.uint8()
  if (nodeType !== (isLeaf(index) ? LEAF : PARENT)) {
    throw malformed('bad_node_type', 'a ratchet tree has a node of the wrong type at its place') // RFC 9420 §12.4.3.3
  }
  if (nodeType === LEAF) {
    const start = reader.offset
    const leaf = decodeLeafNode(reader)
    leaves.set(index, new LeafSlot(index, leaf, reader.since(start)))
  } else {
    parents.set(index, decodeParentNode(reader))
  }
  return true
}
