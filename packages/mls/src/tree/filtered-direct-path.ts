/** RFC 9420 §4.1.2 filtered direct path: the nodes that an UpdatePath gives new keys to. */
import type { RatchetTree } from './ratchet-tree.ts'
import { isLeaf, leafToNode, leftChild, rightChild } from './tree-math.ts'
import { ParentSlot, resolutionSize, type Slot } from './tree-slot.ts'

/** A node of a leaf's filtered direct path and its child beside the path. */
export interface PathNode {
  readonly nodeIndex: number
  readonly copathIndex: number
  readonly copathSlot: Slot | undefined
}

/** The filtered direct path of a leaf, which may be blank: lowest node first. */
export function filteredDirectPath(tree: RatchetTree, leafIndex: number): PathNode[] {
  const leaf = leafToNode(leafIndex)
  const path: PathNode[] = []
  let slot: Slot | undefined = tree.parts.root
  for (let index = tree.rootIndex; !isLeaf(index); ) {
    const parent: ParentSlot | undefined = slot instanceof ParentSlot ? slot : undefined
    const goesLeft = leaf < index
    const copathSlot = goesLeft ? parent?.right : parent?.left
    const copathIndex: number = goesLeft ? rightChild(index) : leftChild(index)
    if (resolutionSize(copathSlot) > 0) path.push({ nodeIndex: index, copathIndex, copathSlot })
    slot = goesLeft ? parent?.left : parent?.right
    index = goesLeft ? leftChild(index) : rightChild(index)
  }
  return path.reverse()
}
