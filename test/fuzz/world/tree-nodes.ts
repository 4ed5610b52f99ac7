/** A ratchet tree as its list of nodes: what an insider who signs a GroupInfo can write there. */
import {
  decodeLeafNode,
  decodeParentNode,
  decodeWhole,
  encodeLeafNode,
  encodeParentNode,
  encodeWhole,
  type LeafNode,
  type ParentNode,
} from '@dmls/mls'
import type { Tape } from '../engine/tape.ts'
import { type Donors, mutateValue } from '../engine/value-mutation.ts'
import { resignedLeaf } from './resigning.ts'

export type TreeNode = { readonly leaf: LeafNode } | { readonly parent: ParentNode } | undefined

/** As they stand in a `ratchet_tree` extension. */
export function nodesOf(bytes: Uint8Array): readonly TreeNode[] {
  return decodeWhole(bytes, (reader) =>
    reader.vector((r) =>
      r.optional(
        (inner): TreeNode =>
          inner.uint8() === 1 ? { leaf: decodeLeafNode(inner) } : { parent: decodeParentNode(inner) },
      ),
    ),
  )
}

export function treeBytesOf(nodes: readonly TreeNode[]): Uint8Array {
  return encodeWhole(nodes, (writer, list) => {
    writer.vector(list, (w, node) => {
      w.optional(node, (inner, present) => {
        if ('leaf' in present) encodeLeafNode(inner.uint8(1), present.leaf)
        else encodeParentNode(inner.uint8(2), present.parent)
      })
    })
  })
}

interface Surroundings {
  readonly donors: Donors
  readonly groupId: Uint8Array
  /** Who signs for whom: leaves with other keys keep their signature. */
  readonly ownSigners: Parameters<typeof resignedLeaf>[0]['ownSigners']
}

/** One to three changes: of a node's content, or of the tree's shape. */
export async function mutateNodes(
  nodes: readonly TreeNode[],
  tape: Tape,
  surroundings: Surroundings,
): Promise<readonly TreeNode[]> {
  let result = [...nodes]
  for (let left = 1 + tape.below(3); left > 0; left--) result = await mutateOnce(result, tape, surroundings)
  return result
}

async function mutateOnce(nodes: readonly TreeNode[], tape: Tape, around: Surroundings): Promise<TreeNode[]> {
  const result = [...nodes]
  const at = tape.below(nodes.length)
  const node = nodes[at]
  const other = tape.below(nodes.length)
  switch (tape.below(9)) {
    case 0:
      result[at] = undefined
      return result
    case 1:
      result[at] = nodes[other]
      result[other] = node
      return result
    case 2:
      result[at] = nodes[other]
      return result
    case 3:
      return [...nodes.slice(0, at), ...nodes.slice(at + 1)]
    case 4:
      return [
        ...nodes,
        ...Array.from({ length: tape.once(8) ? 1 << tape.below(16) : tape.below(9) }, () => undefined),
        node,
      ]
    case 5:
    case 6:
      result[at] = withUnmerged(node, tape)
      return result
    default:
      result[at] = await changedNode(node, at, tape, around)
      return result
  }
}

function withUnmerged(node: TreeNode, tape: Tape): TreeNode {
  if (node === undefined || !('parent' in node)) return node
  const { parent } = node
  const leaves = new Set(parent.unmergedLeaves)
  const leaf = tape.once(16) ? tape.uint32() : tape.below(8)
  if (!leaves.delete(leaf)) leaves.add(leaf)
  const unmergedLeaves = [...leaves].sort((a, b) => a - b)
  return { parent: { ...parent, unmergedLeaves: tape.once(8) ? unmergedLeaves.reverse() : unmergedLeaves } }
}

async function changedNode(node: TreeNode, at: number, tape: Tape, around: Surroundings): Promise<TreeNode> {
  if (node === undefined) return node
  if ('parent' in node) return { parent: mutateValue(node.parent, tape, around.donors) }
  const leaf = mutateValue(node.leaf, tape, around.donors)
  const position = { groupId: around.groupId, leafIndex: at >> 1 }
  return { leaf: tape.once(4) ? leaf : await resignedLeaf(around, leaf, position) }
}
