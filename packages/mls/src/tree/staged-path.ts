/**
 * The committer's half of TreeKEM, RFC 9420 §7.4–§7.6: fresh keys for its leaf and filtered direct path, then their path
 * secrets encrypted to everybody else. Two steps, because the encryption's context needs the new tree's hash.
 */
import type { CipherSuite, KeyPair, RandomSource, Signer } from '@dmls/crypto'
import { equalBytes, wipe } from '@dmls/crypto'
import { usage } from '../errors.ts'
import { encryptToAllWithLabel, signWithLabel } from '../schedule/labeled.ts'
import type { UpdatePath, UpdatePathNode } from '../wire/commit.ts'
import { type LeafNode, type LeafNodeContent, leafNodeTbs } from '../wire/leaf-node.ts'
import { filteredDirectPath } from './filtered-direct-path.ts'
import { hashPath } from './parent-hash.ts'
import { derivePath, type PathKeys, wipeDerivedPath } from './path-keys.ts'
import type { RatchetTree } from './ratchet-tree.ts'
import { leafToNode } from './tree-math.ts'
import { resolutionKeys } from './tree-slot.ts'

/** What a committer decides about its own new leaf. */
export interface StagePathOptions {
  readonly groupId: Uint8Array
  /** Signs the new leaf; its public key is the leaf's signature key. */
  readonly signer: Signer
  readonly random: RandomSource
  readonly leaf: Pick<LeafNodeContent, 'signatureKey' | 'credential' | 'capabilities' | 'extensions'>
}

/** A path that is in the tree but not yet encrypted to anybody. Its owner wipes what it does not keep. */
export interface StagedPath {
  /** The tree with the new leaf and path. */
  readonly tree: RatchetTree
  readonly leafIndex: number
  readonly leafNode: LeafNode
  /** The committer's private keys in the new tree: its leaf and its whole filtered direct path. */
  readonly keys: PathKeys
  /** One for each node of the filtered direct path, lowest first, KDF.Nh bytes each. */
  readonly pathSecrets: readonly { readonly nodeIndex: number; readonly pathSecret: Uint8Array }[]
  /** Public keys of the same nodes. */
  readonly publicKeys: readonly Uint8Array[]
  /** KDF.Nh bytes. */
  readonly commitSecret: Uint8Array
  /** A copy of the last path secret; undefined where the filtered direct path is empty. */
  readonly lastPathSecret: Uint8Array | undefined
}

/**
 * Fresh keys along the path of a leaf: the committer's, or {@link RatchetTree.nextLeafIndex} for an external joiner
 * (RFC 9420 §7.5 steps 1–4). The tree must already have the commit's proposals applied.
 * @throws MlsError `blank_leaf`, `wrong_signer`
 */
export async function stageUpdatePath(
  suite: CipherSuite,
  tree: RatchetTree,
  leafIndex: number,
  options: StagePathOptions,
): Promise<StagedPath> {
  if (suite.id !== tree.suite.id) throw usage('suite_mismatch', 'the tree is of another cipher suite')
  if (tree.leaf(leafIndex) === undefined && leafIndex !== tree.nextLeafIndex) {
    throw usage('blank_leaf', 'the committer has no leaf in the tree')
  }
  const { groupId, signer, random, leaf } = options
  if (!equalBytes(signer.publicKey, leaf.signatureKey)) {
    throw usage('wrong_signer', 'the signer has another key than the leaf it is to sign')
  }
  const wide = tree.withRoomFor(leafIndex)
  const path = filteredDirectPath(wide, leafIndex)
  const start = random(suite.hashSize)
  const [leafKeys, derived] = await Promise.all([
    suite.generateHpkeKeyPair(random),
    derivePath(suite, start, path.length),
  ])
  wipe(start)
  try {
    const publicKeys = derived.keyPairs.map((pair) => pair.publicKey)
    const { parents, leafParentHash } = hashPath(wide, path, publicKeys)
    const content: LeafNodeContent = {
      encryptionKey: leafKeys.publicKey,
      signatureKey: leaf.signatureKey,
      credential: leaf.credential,
      capabilities: leaf.capabilities,
      source: { leafNodeSource: 'commit', parentHash: leafParentHash },
      extensions: leaf.extensions,
    }
    const signature = await signWithLabel(signer, 'LeafNodeTBS', leafNodeTbs(content, { groupId, leafIndex }))
    const leafNode: LeafNode = { ...content, signature }
    const keys = new Map([[leafToNode(leafIndex), leafKeys.privateKey]])
    for (const [i, { nodeIndex }] of path.entries()) keys.set(nodeIndex, (derived.keyPairs[i] as KeyPair).privateKey)
    return {
      tree: wide.withPath(leafIndex, leafNode, parents),
      leafIndex,
      leafNode,
      keys,
      pathSecrets: path.map(({ nodeIndex }, i) => ({ nodeIndex, pathSecret: derived.pathSecrets[i] as Uint8Array })),
      publicKeys,
      commitSecret: derived.commitSecret,
      lastPathSecret: derived.pathSecrets.at(-1)?.slice(),
    }
  } catch (error) {
    wipeDerivedPath(derived)
    wipe(leafKeys.privateKey)
    throw error
  }
}

/** What encrypting a path needs beside the path. */
export interface EncryptPathOptions {
  /** The encoded provisional GroupContext of the new epoch (RFC 9420 §12.4.1). */
  readonly groupContext: Uint8Array
  /** Leaf indices of the members added by the same commit: their Welcome has the path secret instead. */
  readonly excludedLeaves: ReadonlySet<number>
  readonly random: RandomSource
}

/** Encrypts each path secret to the resolution beside its node (RFC 9420 §7.6). */
export async function encryptUpdatePath(
  suite: CipherSuite,
  staged: StagedPath,
  options: EncryptPathOptions,
): Promise<UpdatePath> {
  const { tree, leafIndex, leafNode, pathSecrets, publicKeys } = staged
  const { groupContext, excludedLeaves, random } = options
  const recipients = filteredDirectPath(tree, leafIndex).map(({ copathSlot }) =>
    // RFC 9420 §7.6: new leaves are excluded
    resolutionKeys(copathSlot, (index) => index % 2 !== 0 || !excludedLeaves.has(index / 2)),
  )
  const sealings = recipients.flatMap((keys, i) => {
    const { pathSecret: plaintext } = pathSecrets[i] as { readonly pathSecret: Uint8Array }
    return keys.map((publicKey) => ({ publicKey, plaintext }))
  })
  const ciphertexts = await encryptToAllWithLabel(suite, sealings, 'UpdatePathNode', groupContext, random)
  let next = 0
  const nodes = recipients.map((keys, i): UpdatePathNode => {
    const encryptedPathSecret = ciphertexts.slice(next, next + keys.length)
    next += keys.length
    return { encryptionKey: publicKeys[i] as Uint8Array, encryptedPathSecret }
  })
  return { leafNode, nodes }
}

/** Overwrites the path secrets and the commit secret of a staged path; its private keys stay. */
export function wipeStagedSecrets(staged: StagedPath): void {
  wipe(staged.commitSecret, ...staged.pathSecrets.map(({ pathSecret }) => pathSecret))
  if (staged.lastPathSecret !== undefined) wipe(staged.lastPathSecret)
}

/** Overwrites everything secret in a staged path, for one that is given up. */
export function wipeStagedPath(staged: StagedPath): void {
  wipeStagedSecrets(staged)
  wipe(...staged.keys.values())
}
