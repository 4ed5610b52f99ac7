/**
 * The private half of TreeKEM, RFC 9420 §7.4–§7.5: the HPKE private keys that one member holds for its own leaf and for
 * nodes above it. Every function returns a new map with buffers of its own: the maps of two epochs are wiped separately.
 */
import type { CipherSuite, KeyPair } from '@dmls/crypto'
import { equalBytes, wipe } from '@dmls/crypto'
import { invalid, usage } from '../errors.ts'
import { deriveSecret } from '../schedule/labeled.ts'
import { filteredDirectPath, type PathNode } from './filtered-direct-path.ts'
import type { RatchetTree } from './ratchet-tree.ts'
import { commonAncestor, isWithin, leafToNode } from './tree-math.ts'

/** HPKE private keys by node index: the own leaf's and those of nodes above it. */
export type PathKeys = ReadonlyMap<number, Uint8Array>

/** What a path secret leads to, from its own node up to the top of the filtered direct path. */
export interface DerivedPath {
  /** `path_secret[i]` for each node, KDF.Nh bytes each. */
  readonly pathSecrets: readonly Uint8Array[]
  readonly keyPairs: readonly KeyPair[]
  /** `path_secret[n + 1]`, KDF.Nh bytes; a copy of the start where there are no nodes. */
  readonly commitSecret: Uint8Array
}

/** Derives `count` path secrets and node key pairs, starting from a copy of `start` (RFC 9420 §7.4). */
export async function derivePath(suite: CipherSuite, start: Uint8Array, count: number): Promise<DerivedPath> {
  const pathSecrets: Uint8Array[] = []
  let next: Uint8Array = start.slice()
  for (let i = 0; i < count; i++) {
    pathSecrets.push(next)
    next = deriveSecret(suite, next, 'path')
  }
  const nodeSecrets = pathSecrets.map((pathSecret) => deriveSecret(suite, pathSecret, 'node'))
  try {
    const keyPairs = await Promise.all(nodeSecrets.map((nodeSecret) => suite.deriveHpkeKeyPair(nodeSecret)))
    return { pathSecrets, keyPairs, commitSecret: next }
  } catch (error) {
    wipe(next, ...pathSecrets)
    throw error
  } finally {
    wipe(...nodeSecrets) // RFC 9420 §7.5: node secrets are deleted
  }
}

/**
 * Derives from `start` the keys of consecutive filtered-direct-path nodes and compares them with the tree.
 * @throws MlsError `path_key_mismatch`, `bad_path_secret`
 */
export async function deriveVerifiedPath(
  tree: RatchetTree,
  nodes: readonly PathNode[],
  start: Uint8Array,
): Promise<DerivedPath> {
  const { suite } = tree
  if (start.length !== suite.hashSize) throw invalid('bad_path_secret', 'a path secret has the wrong size') // RFC 9420 §7.4
  const derived = await derivePath(suite, start, nodes.length)
  for (const [i, { nodeIndex }] of nodes.entries()) {
    const expected = tree.parent(nodeIndex)?.encryptionKey
    const publicKey = derived.keyPairs[i]?.publicKey
    if (expected === undefined || publicKey === undefined || !equalBytes(expected, publicKey)) {
      wipeDerivedPath(derived)
      throw invalid('path_key_mismatch', 'a path secret does not lead to the public key of its node', { nodeIndex }) // RFC 9420 §7.5
    }
  }
  return derived
}

/** Overwrites everything secret in a derived path. */
export function wipeDerivedPath(derived: DerivedPath): void {
  wipe(derived.commitSecret, ...derived.pathSecrets, ...derived.keyPairs.map((pair) => pair.privateKey))
}

/**
 * Copies of the keys that a tree still has a use for: the own leaf's, and those of non-blank nodes above it. For commits
 * without a path; where nodes got new keys, {@link decryptUpdatePath} is the function.
 */
export function retainPathKeys(tree: RatchetTree, ownLeaf: number, keys: PathKeys): PathKeys {
  return copyKeys(tree, ownLeaf, keys, () => true)
}

/** The same, below a node only: what a path from elsewhere leaves untouched. */
export function retainPathKeysBelow(tree: RatchetTree, ownLeaf: number, keys: PathKeys, top: number): PathKeys {
  return copyKeys(tree, ownLeaf, keys, (nodeIndex) => nodeIndex !== top && isWithin(nodeIndex, top))
}

function copyKeys(
  tree: RatchetTree,
  ownLeaf: number,
  keys: PathKeys,
  keep: (nodeIndex: number) => boolean,
): Map<number, Uint8Array> {
  const own = leafToNode(ownLeaf)
  const kept = new Map<number, Uint8Array>()
  for (const [nodeIndex, privateKey] of keys) {
    if (!keep(nodeIndex) || !isWithin(own, nodeIndex)) continue
    // RFC 9420 §7.5: keys of nodes that no longer have them are deleted
    if (tree.encryptionKey(nodeIndex) !== undefined) kept.set(nodeIndex, privateKey.slice())
  }
  return kept
}

/**
 * The keys of a member that joins through a Welcome: its leaf's, and, where the Welcome has a path secret, those of the
 * nodes that it shares with the signer's path (RFC 9420 §12.4.3.1).
 * @throws MlsError `blank_leaf`, `signer_is_joiner`, `path_key_mismatch`, `bad_path_secret`
 */
export async function pathKeysFromWelcome(
  suite: CipherSuite,
  tree: RatchetTree,
  signerLeaf: number,
  ownLeaf: number,
  leafPrivateKey: Uint8Array,
  pathSecret: Uint8Array | undefined,
): Promise<PathKeys> {
  if (suite.id !== tree.suite.id) throw usage('suite_mismatch', 'the tree is of another cipher suite')
  if (tree.leaf(signerLeaf) === undefined || tree.leaf(ownLeaf) === undefined) {
    throw invalid('blank_leaf', 'the signer or the joiner is not in the tree') // RFC 9420 §12.4.3.1
  }
  const keys = new Map<number, Uint8Array>([[leafToNode(ownLeaf), leafPrivateKey.slice()]])
  if (pathSecret === undefined) return keys
  if (signerLeaf === ownLeaf) throw invalid('signer_is_joiner', 'the joiner is named as the signer of its own Welcome')
  const shared = commonAncestor(leafToNode(signerLeaf), leafToNode(ownLeaf))
  const nodes = filteredDirectPath(tree, signerLeaf).filter(({ nodeIndex }) => isWithin(shared, nodeIndex))
  const derived = await deriveVerifiedPath(tree, nodes, pathSecret) // RFC 9420 §12.4.3.1
  for (const [i, { nodeIndex }] of nodes.entries()) keys.set(nodeIndex, (derived.keyPairs[i] as KeyPair).privateKey)
  wipe(derived.commitSecret, ...derived.pathSecrets)
  return keys
}
