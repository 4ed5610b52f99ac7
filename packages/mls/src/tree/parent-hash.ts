/** RFC 9420 §7.9 parent hashes: computing them along a path, and verifying all of a tree. */
import type { CipherSuite } from '@dmls/crypto'
import { equalBytes } from '@dmls/crypto'
import { invalid } from '../errors.ts'
import { contains, lowerBound } from './capability-summary.ts'
import type { PathNode } from './filtered-direct-path.ts'
import type { ParentNode } from './parent-node.ts'
import type { RatchetTree } from './ratchet-tree.ts'
import { TreeHasher } from './tree-hash.ts'
import { isLeaf, leftChild, nodeToLeaf, rightChild } from './tree-math.ts'
import { descend, LeafSlot, ParentSlot, resolutionOf, resolutionSize, type Slot } from './tree-slot.ts'

const NONE = new Uint8Array(0)
const NO_LEAVES: readonly number[] = []

/** The hash of `ParentHashInput`, KDF.Nh bytes. */
export function parentHash(
  suite: CipherSuite,
  encryptionKey: Uint8Array,
  parentHashAbove: Uint8Array,
  originalSiblingTreeHash: Uint8Array,
): Uint8Array {
  return new TreeHasher(suite).parentHash(encryptionKey, parentHashAbove, originalSiblingTreeHash)
}

/**
 * The parent nodes that an UpdatePath sets, by node index, and the parent hash that the committer's leaf carries
 * (empty for an empty path). `encryptionKeys` go with the nodes of the filtered direct path, lowest first.
 */
export function hashPath(
  tree: RatchetTree,
  path: readonly PathNode[],
  encryptionKeys: readonly Uint8Array[],
): { readonly parents: ReadonlyMap<number, ParentNode>; readonly leafParentHash: Uint8Array } {
  const { hasher } = tree.parts
  const parents = new Map<number, ParentNode>()
  let above: Uint8Array = NONE
  for (let i = path.length - 1; i >= 0; i--) {
    const { nodeIndex, copathIndex, copathSlot } = path[i] as PathNode
    const encryptionKey = encryptionKeys[i] as Uint8Array
    parents.set(nodeIndex, { encryptionKey, parentHash: above, unmergedLeaves: NO_LEAVES })
    above = hasher.parentHash(encryptionKey, above, hasher.hash(copathSlot, copathIndex))
  }
  return { parents, leafParentHash: above }
}

/**
 * Checks that each non-blank parent node was set together with exactly one node below it, so that each chains down to a
 * leaf that signed it. @throws MlsError `parent_hash_invalid`
 */
export function verifyParentHashes(tree: RatchetTree): void {
  const { hasher, root } = tree.parts
  const visit = (slot: Slot | undefined): void => {
    if (!(slot instanceof ParentSlot)) return
    visit(slot.left)
    visit(slot.right)
    if (slot.parent === undefined) return
    const chains =
      (continues(hasher, slot, slot.parent, 'left') ? 1 : 0) + (continues(hasher, slot, slot.parent, 'right') ? 1 : 0)
    // exactly one chain; a lower parent in it is verified by this same walk
    if (chains !== 1) {
      throw invalid('parent_hash_invalid', 'a parent node is not parent-hash valid', { nodeIndex: slot.index }) // RFC 9420 §7.9.2
    }
  }
  visit(root)
}

/** Whether a node D below one child C of P has a parent hash that is valid with respect to P. */
function continues(hasher: TreeHasher, slot: ParentSlot, parent: ParentNode, side: 'left' | 'right'): boolean {
  const child = side === 'left' ? slot.left : slot.right
  const sibling = side === 'left' ? slot.right : slot.left
  const siblingIndex = side === 'left' ? rightChild(slot.index) : leftChild(slot.index)
  const unmergedBelow = unmergedOn(side, slot, parent)
  // RFC 9420 §7.9.2: the resolution of C is D and the leaves of C that are unmerged at P
  if (resolutionSize(child) !== unmergedBelow.length + 1) return false
  const rest = without(resolutionOf(child), unmergedBelow)
  const candidate = rest[0]
  if (candidate === undefined || rest.length > 1) return false
  const claimed = claimedParentHash(descend(child, candidate))
  if (claimed === undefined) return false
  const expected = hasher.parentHash(
    parent.encryptionKey,
    parent.parentHash,
    hasher.hashWithout(sibling, siblingIndex, unmergedOn(side === 'left' ? 'right' : 'left', slot, parent)),
  )
  return equalBytes(claimed, expected)
}

/** The leaves below one child that are unmerged at the parent. */
function unmergedOn(side: 'left' | 'right', slot: ParentSlot, { unmergedLeaves }: ParentNode): readonly number[] {
  // most nodes have none, and then nothing is copied
  if (unmergedLeaves.length === 0) return NO_LEAVES
  const middle = lowerBound(unmergedLeaves, (slot.index + 1) / 2)
  return side === 'left' ? unmergedLeaves.slice(0, middle) : unmergedLeaves.slice(middle)
}

/** Node indices but for those of some leaves. */
function without(nodes: readonly number[], leaves: readonly number[]): readonly number[] {
  if (leaves.length === 0) return nodes
  return nodes.filter((index) => !isLeaf(index) || !contains(leaves, nodeToLeaf(index)))
}

function claimedParentHash(slot: Slot | undefined): Uint8Array | undefined {
  if (slot instanceof LeafSlot) {
    return slot.leaf.source.leafNodeSource === 'commit' ? slot.leaf.source.parentHash : undefined
  }
  return slot?.parent?.parentHash
}
