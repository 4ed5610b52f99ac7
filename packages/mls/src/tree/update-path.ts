/**
 * The receivers' half of TreeKEM, RFC 9420 §7.5, §7.6, §12.4.2: merging an UpdatePath into the tree, and decrypting the
 * one path secret that is meant for us. The committer's new leaf itself is judged by `leaf-node-validation.ts`.
 */
import type { CipherSuite, HpkeCiphertext, KeyPair } from '@dmls/crypto'
import { CryptoError, equalBytes, wipe } from '@dmls/crypto'
import { invalid, MlsError, usage } from '../errors.ts'
import { decryptWithLabel } from '../schedule/labeled.ts'
import type { UpdatePath, UpdatePathNode } from '../wire/commit.ts'
import { filteredDirectPath, type PathNode } from './filtered-direct-path.ts'
import { checkEncryptionKey } from './leaf-node-validation.ts'
import { hashPath } from './parent-hash.ts'
import { type DerivedPath, deriveVerifiedPath, type PathKeys, retainPathKeysBelow } from './path-keys.ts'
import type { RatchetTree } from './ratchet-tree.ts'
import { isWithin, leafToNode } from './tree-math.ts'
import { resolutionEntry, resolutionSize } from './tree-slot.ts'

/**
 * The tree after an UpdatePath. `tree` has the commit's proposals applied; `excludedLeaves` are the leaf indices that
 * the commit added; `senderLeaf` is a member, or {@link RatchetTree.nextLeafIndex} for an external joiner. `leafBytes`: the
 * path's leaf encoded, where the caller has it already.
 * @throws MlsError `blank_leaf`, `path_length`, `ciphertext_count`, `bad_encryption_key`, `duplicate_encryption_key`,
 * `bad_leaf_node_source`, `parent_hash_mismatch`
 */
export function mergeUpdatePath(
  suite: CipherSuite,
  tree: RatchetTree,
  senderLeaf: number,
  path: UpdatePath,
  excludedLeaves: ReadonlySet<number>,
  leafBytes?: Uint8Array,
): RatchetTree {
  if (suite.id !== tree.suite.id) throw usage('suite_mismatch', 'the tree is of another cipher suite')
  if (tree.leaf(senderLeaf) === undefined && senderLeaf !== tree.nextLeafIndex) {
    throw invalid('blank_leaf', 'the committer has no leaf in the tree', { leafIndex: senderLeaf }) // RFC 9420 §12.4.2
  }
  const wide = tree.withRoomFor(senderLeaf)
  const nodes = filteredDirectPath(wide, senderLeaf)
  const { leafNode } = path
  if (path.nodes.length !== nodes.length) {
    throw invalid('path_length', 'an update path has not one node for each of the filtered direct path') // RFC 9420 §7.5
  }
  const excluded = [...excludedLeaves]
  for (let i = 0; i < nodes.length; i++) {
    checkCiphertextCount(nodes[i] as PathNode, path.nodes[i] as UpdatePathNode, excluded)
  }
  checkFreshKeys(suite, tree, path)
  const source = leafNode.source
  if (source.leafNodeSource !== 'commit') {
    throw invalid('bad_leaf_node_source', 'the leaf node of an update path is not from a commit') // RFC 9420 §12.4.2
  }
  const encryptionKeys = path.nodes.map((node) => node.encryptionKey)
  const { parents, leafParentHash } = hashPath(wide, nodes, encryptionKeys)
  if (!equalBytes(source.parentHash, leafParentHash)) {
    throw invalid('parent_hash_mismatch', "the committer's leaf has the wrong parent hash") // RFC 9420 §7.9.2
  }
  return wide.withPath(senderLeaf, leafNode, parents, leafBytes)
}

/** RFC 9420 §7.6: one ciphertext for each node of the resolution, new leaves excluded. */
function checkCiphertextCount(node: PathNode, sent: UpdatePathNode, excluded: readonly number[]): void {
  let expected = resolutionSize(node.copathSlot)
  // a leaf that was just added is unmerged everywhere above it, hence in every resolution
  for (const leafIndex of excluded) if (isWithin(leafToNode(leafIndex), node.copathIndex)) expected--
  if (sent.encryptedPathSecret.length !== expected) {
    const { nodeIndex } = node
    throw invalid('ciphertext_count', 'an update path node has the wrong number of ciphertexts', { nodeIndex }) // RFC 9420 §7.6
  }
}

/** RFC 9420 §12.4.2: no key of the path is anywhere in the tree, the committer's old leaf included, nor twice in the path. */
function checkFreshKeys(suite: CipherSuite, tree: RatchetTree, path: UpdatePath): void {
  const keys = [path.leafNode.encryptionKey, ...path.nodes.map((node) => node.encryptionKey)]
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] as Uint8Array
    checkEncryptionKey(suite, key)
    let earlier = 0
    while (earlier < i && !equalBytes(keys[earlier] as Uint8Array, key)) earlier++
    if (earlier < i || tree.hasEncryptionKey(key)) {
      throw invalid('duplicate_encryption_key', 'a public key of an update path is already in use') // RFC 9420 §12.4.2
    }
  }
}

/** What a receiver needs to open its part of an UpdatePath. */
export interface DecryptPathOptions {
  /** The tree that {@link mergeUpdatePath} returned. */
  readonly tree: RatchetTree
  readonly senderLeaf: number
  readonly ownLeaf: number
  /** The receiver's private keys after the commit's proposals, its own Update included. */
  readonly keys: PathKeys
  readonly path: UpdatePath
  /** The encoded provisional GroupContext of the new epoch (RFC 9420 §12.4.2). */
  readonly groupContext: Uint8Array
  readonly excludedLeaves: ReadonlySet<number>
}

/** What a receiver learns from an UpdatePath; all of it the caller's to wipe. */
export interface DecryptedPath {
  /** The receiver's private keys in the new tree, every buffer a fresh one. */
  readonly keys: PathKeys
  /** KDF.Nh bytes. */
  readonly commitSecret: Uint8Array
  /** `path_secret[n]` of the topmost node, KDF.Nh bytes. */
  readonly lastPathSecret: Uint8Array | undefined
}

/**
 * Decrypts the path secret of the lowest node that sender and receiver share, derives the ones above and compares their
 * public keys (RFC 9420 §7.5).
 * @throws MlsError `own_path`, `blank_leaf`, `no_private_key`, `path_secret_undecryptable`, `bad_path_secret`,
 * `path_key_mismatch`
 */
export async function decryptUpdatePath(suite: CipherSuite, options: DecryptPathOptions): Promise<DecryptedPath> {
  const { tree, senderLeaf, ownLeaf, keys, path, groupContext } = options
  if (senderLeaf === ownLeaf) throw usage('own_path', 'a member does not decrypt its own update path')
  if (tree.leaf(ownLeaf) === undefined) throw usage('blank_leaf', 'the receiver has no leaf in the tree')
  const own = leafToNode(ownLeaf)
  const nodes = filteredDirectPath(tree, senderLeaf)
  const at = nodes.findIndex((node) => isWithin(own, node.copathIndex))
  const shared = nodes[at]
  const sent = path.nodes[at]
  if (shared === undefined || sent === undefined) throw invalid('path_length', 'an update path has too few nodes')

  const { privateKey, ciphertext } = ownCiphertext(shared, sent, own, keys, options.excludedLeaves)
  const start = await openPathSecret(suite, privateKey, groupContext, ciphertext)
  const above = nodes.slice(at)
  const derived = await deriveFrom(tree, above, start)

  const next = new Map(retainPathKeysBelow(tree, ownLeaf, keys, shared.nodeIndex))
  for (const [i, { nodeIndex }] of above.entries()) next.set(nodeIndex, (derived.keyPairs[i] as KeyPair).privateKey)
  const lastPathSecret = derived.pathSecrets.at(-1)
  wipe(...derived.pathSecrets.slice(0, -1)) // RFC 9420 §7.5: path secrets are deleted
  return { keys: next, commitSecret: derived.commitSecret, lastPathSecret }
}

/** {@link deriveVerifiedPath}; the path secret that it starts from is overwritten. */
async function deriveFrom(tree: RatchetTree, nodes: readonly PathNode[], start: Uint8Array): Promise<DerivedPath> {
  try {
    return await deriveVerifiedPath(tree, nodes, start)
  } finally {
    wipe(start)
  }
}

/** The ciphertext that is encrypted to the receiver, and the private key that opens it. */
function ownCiphertext(
  shared: PathNode,
  sent: UpdatePathNode,
  own: number,
  keys: PathKeys,
  excludedLeaves: ReadonlySet<number>,
): { readonly privateKey: Uint8Array; readonly ciphertext: HpkeCiphertext } {
  const entry = resolutionEntry(shared.copathSlot, own)
  const privateKey = entry && keys.get(entry.index)
  if (entry === undefined || privateKey === undefined || excludedLeaves.has(own / 2)) {
    throw invalid('no_private_key', 'the receiver has no private key for its part of the update path')
  }
  let position = entry.rank
  for (const leafIndex of excludedLeaves) {
    if (!isWithin(leafToNode(leafIndex), shared.copathIndex)) continue
    const rank = resolutionEntry(shared.copathSlot, leafToNode(leafIndex))?.rank
    if (rank !== undefined && rank < entry.rank) position--
  }
  const ciphertext = sent.encryptedPathSecret[position]
  if (ciphertext === undefined) throw invalid('ciphertext_count', 'an update path has no ciphertext for the receiver')
  return { privateKey, ciphertext }
}

async function openPathSecret(
  suite: CipherSuite,
  privateKey: Uint8Array,
  groupContext: Uint8Array,
  ciphertext: HpkeCiphertext,
): Promise<Uint8Array> {
  try {
    return await decryptWithLabel(suite, privateKey, 'UpdatePathNode', groupContext, ciphertext)
  } catch (error) {
    if (!(error instanceof CryptoError)) throw error
    throw new MlsError(
      'invalid',
      'path_secret_undecryptable',
      'a path secret cannot be decrypted',
      {},
      { cause: error },
    )
  }
}
