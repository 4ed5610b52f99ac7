/**
 * Valid trees with which `ts-mls` 1.6.4 goes wrong, so that a group of both can keep clear of them. Why they are valid,
 * and that the peer really fails: `peer-faults.test.ts`.
 */
import { nodeProvider } from '@dmls/crypto/node'
import { decodeRatchetTreeBytes, directPath, leafToNode, type RatchetTree } from '@dmls/mls'

/**
 * Who joins with the peer looks at each leaf that is unmerged anywhere and wants all non-blank nodes above it to have
 * the same unmerged leaves. RFC 9420 §12.4.3.1 asks less: between the leaf and a node that lists it, every node lists it.
 */
export function peerRefusesToJoin(cipherSuite: number, ratchetTree: Uint8Array): boolean {
  const tree = treeOf(cipherSuite, ratchetTree)
  for (const { leafIndex } of tree.members()) {
    const lists = directPath(leafToNode(leafIndex), tree.leafCount).flatMap((node) => {
      const parent = tree.parent(node)
      return parent === undefined ? [] : [parent.unmergedLeaves]
    })
    const isUnmerged = lists.some((list) => list.includes(leafIndex))
    if (isUnmerged && new Set(lists.map(String)).size > 1) return true
  }
  return false
}

/**
 * After a commit with a path the peer takes the secret of the root for the last one of the path. Where the left half of
 * the tree is empty the root is blank and not on the filtered direct path (RFC 9420 §4.1.2), so that is one derivation too
 * many. The right half is never empty: the tree would be smaller (§7.7).
 */
export function peerMiscountsPath(cipherSuite: number, ratchetTree: Uint8Array): boolean {
  const tree = treeOf(cipherSuite, ratchetTree)
  const [first] = [...tree.members()]
  return tree.memberCount > 1 && first !== undefined && first.leafIndex >= tree.leafCount / 2
}

function treeOf(cipherSuite: number, ratchetTree: Uint8Array): RatchetTree {
  return decodeRatchetTreeBytes(nodeProvider.cipherSuite(cipherSuite), ratchetTree)
}
