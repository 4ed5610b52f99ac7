/**
 * RFC 9420 §9: the step from a node of a tree of secrets to one of its children. The secret tree, the safe exporter's
 * tree and the puncturable PRF of the decentralized profile all take it.
 */
import { type CipherSuite, utf8 } from '@dmls/crypto'
import { kdfLabel } from './labeled.ts'

export type Side = 'left' | 'right'

/** The expansion inputs for every KDF.Nh of RFC 9420 §17.1: nothing in them varies, so they are constants. */
function childInfo(side: Side): ReadonlyMap<number, Uint8Array> {
  return new Map([32, 48, 64].map((hashSize) => [hashSize, kdfLabel('tree', utf8(side), hashSize)]))
}
const LEFT = childInfo('left')
const RIGHT = childInfo('right')

/** `tree_node_[left(N)]_secret` or `tree_node_[right(N)]_secret`: KDF.Nh bytes, the caller owns them. */
export function deriveTreeChild(suite: CipherSuite, node: Uint8Array, side: Side): Uint8Array {
  const size = suite.hashSize
  const info = (side === 'left' ? LEFT : RIGHT).get(size) ?? kdfLabel('tree', utf8(side), size)
  return suite.expand(node, info, size)
}
