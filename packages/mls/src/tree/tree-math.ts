/**
 * Index arithmetic of complete binary trees in their array order, RFC 9420 Appendix C: leaf `L` is node `2·L`, a parent
 * stands between its subtrees. Knows nothing about what the nodes hold. Indices are whole numbers below 2^31; a caller
 * checks an index from the wire against the tree's width before it comes here.
 */
import { usage } from '../errors.ts'

/** The widest tree: 2^30 leaves, so that node indices stay within 31 bits. */
export const LEAF_COUNT_MAX: number = 2 ** 30

/** Nodes of a tree with `leafCount` leaves. */
export function nodeWidth(leafCount: number): number {
  return leafCount === 0 ? 0 : 2 * leafCount - 1
}

/** The root of a tree with `leafCount` leaves; a count that is no power of two is rounded up. */
export function rootIndex(leafCount: number): number {
  if (leafCount <= 0) throw usage('empty_tree', 'an empty tree has no root')
  let width = 1
  while (width < leafCount) width *= 2
  return width - 1
}

/** Height of a node above the leaves: 0 for a leaf. */
export function nodeLevel(index: number): number {
  return 31 - Math.clz32((index + 1) & ~index)
}

export function isLeaf(index: number): boolean {
  return (index & 1) === 0
}

export function leafToNode(leafIndex: number): number {
  return 2 * leafIndex
}

/** @throws MlsError `not_a_leaf` for a parent node. */
export function nodeToLeaf(index: number): number {
  if (!isLeaf(index)) throw usage('not_a_leaf', 'the node is not a leaf')
  return index / 2
}

/** @throws MlsError `leaf_has_no_children` */
export function leftChild(index: number): number {
  return index ^ (1 << (parentLevel(index) - 1))
}

/** @throws MlsError `leaf_has_no_children` */
export function rightChild(index: number): number {
  return index ^ (3 << (parentLevel(index) - 1))
}

function parentLevel(index: number): number {
  if (isLeaf(index)) throw usage('leaf_has_no_children', 'a leaf has no children')
  return nodeLevel(index)
}

/** @throws MlsError `root_has_no_parent` */
export function parentIndex(index: number, leafCount: number): number {
  if (index === rootIndex(leafCount)) throw usage('root_has_no_parent', 'the root has no parent')
  const level = nodeLevel(index)
  return (index | (1 << level)) & ~(1 << (level + 1))
}

/** The other child of the node's parent. @throws MlsError `root_has_no_parent` */
export function siblingIndex(index: number, leafCount: number): number {
  const parent = parentIndex(index, leafCount)
  return index < parent ? rightChild(parent) : leftChild(parent)
}

/** Ancestors of a node, its parent first and the root last; empty for the root (RFC 9420 §4.1.2). */
export function directPath(index: number, leafCount: number): number[] {
  const root = rootIndex(leafCount)
  const path: number[] = []
  for (let at = index; at !== root; ) {
    at = parentIndex(at, leafCount)
    path.push(at)
  }
  return path
}

/** Siblings of the node and of its ancestors except the root, lowest first (RFC 9420 §4.1.2). */
export function copath(index: number, leafCount: number): number[] {
  const root = rootIndex(leafCount)
  const siblings: number[] = []
  for (let at = index; at !== root; at = parentIndex(at, leafCount)) siblings.push(siblingIndex(at, leafCount))
  return siblings
}

/** The leaf index of the leftmost leaf below a node, and how many leaves its subtree has room for. */
export function leafRange(index: number): { readonly first: number; readonly count: number } {
  const count = 2 ** nodeLevel(index)
  return { first: (index - (count - 1)) / 2, count }
}

/** Whether `node` is `ancestor` or stands below it. */
export function isWithin(node: number, ancestor: number): boolean {
  const reach = 2 ** nodeLevel(ancestor) - 1
  return node >= ancestor - reach && node <= ancestor + reach
}

/** The lowest node whose subtree holds both nodes; one of the two where it stands above the other. */
export function commonAncestor(x: number, y: number): number {
  if (isWithin(x, y)) return y
  if (isWithin(y, x)) return x
  let level = Math.max(nodeLevel(x), nodeLevel(y)) + 1
  while (x >> (level + 1) !== y >> (level + 1)) level++
  return ((x >> (level + 1)) << (level + 1)) + (1 << level) - 1
}
