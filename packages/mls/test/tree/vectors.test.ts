/** The working group's tree-operations, tree-validation and treekem vectors, for every suite that a provider has. */
import { type CipherSuite, equalBytes, signerFromPrivateKey, systemRandom, toHex } from '@dmls/crypto'
import { describe, expect } from 'vitest'
import { decodeWhole } from '../../src/codec/reader.ts'
import { deriveSecret } from '../../src/schedule/labeled.ts'
import { filteredDirectPath } from '../../src/tree/filtered-direct-path.ts'
import { verifyLeafNode } from '../../src/tree/leaf-node-validation.ts'
import type { RatchetTree } from '../../src/tree/ratchet-tree.ts'
import { decodeRatchetTreeBytes, ratchetTreeBytes } from '../../src/tree/ratchet-tree-extension.ts'
import { isWithin, nodeWidth } from '../../src/tree/tree-math.ts'
import { validateRatchetTree } from '../../src/tree/tree-validation.ts'
import {
  decryptUpdatePath,
  derivePath,
  encryptUpdatePath,
  mergeUpdatePath,
  type PathKeys,
  stageUpdatePath,
} from '../../src/tree/treekem.ts'
import { decodeUpdatePath, type UpdatePath } from '../../src/wire/commit.ts'
import { groupContextBytes } from '../../src/wire/group-context.ts'
import { decodeProposal } from '../../src/wire/proposal.ts'
import { MLS10 } from '../../src/wire/registry.ts'
import { providers } from '../suites.ts'
import { claimedBy, hex, vectorTest } from '../vectors.ts'

interface OperationVector {
  readonly cipher_suite: number
  readonly tree_before: string
  readonly proposal: string
  readonly proposal_sender: number
  readonly tree_hash_before: string
  readonly tree_after: string
  readonly tree_hash_after: string
}

interface ValidationVector {
  readonly cipher_suite: number
  readonly tree: string
  readonly group_id: string
  readonly resolutions: readonly (readonly number[])[]
  readonly tree_hashes: readonly string[]
}

interface TreeKemVector {
  readonly cipher_suite: number
  readonly group_id: string
  readonly epoch: number
  readonly confirmed_transcript_hash: string
  readonly ratchet_tree: string
  readonly leaves_private: readonly {
    readonly index: number
    readonly encryption_priv: string
    readonly signature_priv: string
    readonly path_secrets: readonly { readonly node: number; readonly path_secret: string }[]
  }[]
  readonly update_paths: readonly {
    readonly sender: number
    readonly update_path: string
    readonly path_secrets: readonly (string | null)[]
    readonly commit_secret: string
    readonly tree_hash_after: string
  }[]
}

const NOBODY: ReadonlySet<number> = new Set()

/** How many entries of each suite a slow provider does where there is no time for all. */
const FEW = 2

for (const provider of providers) {
  describe(`with the ${provider.name} provider`, () => {
    vectorTest<OperationVector>('mls', 'tree-operations', 'proposals change the tree as the vectors say', (vectors) => {
      expect(vectors.length).toBeGreaterThan(0)
      for (const vector of vectors) {
        // all of the file's entries are of one suite
        const suite = provider.cipherSuite(vector.cipher_suite)
        const before = decodeRatchetTreeBytes(suite, hex(vector.tree_before))
        expect(toHex(before.treeHash())).toBe(vector.tree_hash_before)
        expect(toHex(ratchetTreeBytes(before))).toBe(vector.tree_before)
        const after = applied(before, vector)
        expect(toHex(ratchetTreeBytes(after))).toBe(vector.tree_after)
        expect(toHex(after.treeHash())).toBe(vector.tree_hash_after)
        // the old tree is what it was
        expect(toHex(ratchetTreeBytes(before))).toBe(vector.tree_before)
      }
    })

    vectorTest<ValidationVector>('mls', 'tree-validation', 'the trees of the vectors are valid', async (vectors) => {
      for (const { suite, vector } of claimedBy(provider, vectors, FEW)) {
        const tree = decodeRatchetTreeBytes(suite, hex(vector.tree))
        const width = nodeWidth(tree.leafCount)
        expect(vector.tree_hashes).toHaveLength(width)
        for (let index = 0; index < width; index++) {
          expect(tree.resolution(index)).toEqual(vector.resolutions[index])
          expect(toHex(tree.nodeHash(index))).toBe(vector.tree_hashes[index])
        }
        await validateRatchetTree(suite, tree, { groupId: hex(vector.group_id), groupExtensions: [] })
        expect(toHex(ratchetTreeBytes(tree))).toBe(vector.tree)
      }
    })

    vectorTest<TreeKemVector>(
      'mls',
      'treekem',
      'update paths of the vectors work, and ours on their trees',
      async (vectors) => {
        for (const { suite, vector } of claimedBy(provider, vectors, FEW)) await checkTreeKem(suite, vector)
      },
    )
  })
}

function applied(before: RatchetTree, vector: OperationVector): RatchetTree {
  const proposal = decodeWhole(hex(vector.proposal), decodeProposal)
  switch (proposal.proposalType) {
    case 'add':
      return before.addLeaf(proposal.keyPackage.leafNode).tree
    case 'update':
      return before.updateLeaf(vector.proposal_sender, proposal.leafNode)
    case 'remove':
      return before.removeLeaf(proposal.removed)
    default:
      throw new Error(`unexpected proposal ${proposal.proposalType}`)
  }
}

function contextOf(suite: CipherSuite, vector: TreeKemVector, tree: RatchetTree): Uint8Array {
  return groupContextBytes({
    version: MLS10,
    cipherSuite: suite.id,
    groupId: hex(vector.group_id),
    epoch: BigInt(vector.epoch),
    treeHash: tree.treeHash(),
    confirmedTranscriptHash: hex(vector.confirmed_transcript_hash),
    extensions: [],
  })
}

async function privateStates(
  suite: CipherSuite,
  vector: TreeKemVector,
  tree: RatchetTree,
): Promise<ReadonlyMap<number, PathKeys>> {
  const states = new Map<number, PathKeys>()
  for (const leaf of vector.leaves_private) {
    const keys = new Map<number, Uint8Array>([[2 * leaf.index, hex(leaf.encryption_priv)]])
    for (const { node, path_secret: pathSecret } of leaf.path_secrets) {
      const { keyPairs } = await derivePath(suite, hex(pathSecret), 1)
      expect(keyPairs[0]?.publicKey).toEqual(tree.parent(node)?.encryptionKey)
      keys.set(node, keyPairs[0]?.privateKey as Uint8Array)
    }
    states.set(leaf.index, keys)
  }
  return states
}

async function checkTreeKem(suite: CipherSuite, vector: TreeKemVector): Promise<void> {
  const tree = decodeRatchetTreeBytes(suite, hex(vector.ratchet_tree))
  const groupId = hex(vector.group_id)
  const states = await privateStates(suite, vector, tree)
  for (const sent of vector.update_paths) {
    const path = decodeWhole(hex(sent.update_path), decodeUpdatePath)
    const merged = mergeUpdatePath(suite, tree, sent.sender, path, NOBODY)
    expect(toHex(merged.treeHash())).toBe(sent.tree_hash_after)
    // the leaf's signature only: the vectors' leaves of suite 7 do not list suite 7 in their capabilities
    await verifyLeafNode(suite, path.leafNode, { groupId, leafIndex: sent.sender }, undefined, undefined)
    const commitSecret = hex(sent.commit_secret)
    await receivers(
      suite,
      states,
      sent,
      merged,
      path,
      contextOf(suite, vector, merged),
      commitSecret,
      sent.path_secrets,
    )

    const own = vector.leaves_private.find((leaf) => leaf.index === sent.sender)
    const leaf = tree.leaf(sent.sender)
    if (own === undefined || leaf === undefined) throw new Error('the vector lacks its sender')
    const signer = await signerFromPrivateKey(suite, hex(own.signature_priv))
    const staged = await stageUpdatePath(suite, tree, sent.sender, { groupId, signer, random: systemRandom, leaf })
    const groupContext = contextOf(suite, vector, staged.tree)
    const created = await encryptUpdatePath(suite, staged, {
      groupContext,
      excludedLeaves: NOBODY,
      random: systemRandom,
    })
    const received = mergeUpdatePath(suite, tree, sent.sender, created, NOBODY)
    expect(received.treeHash()).toEqual(staged.tree.treeHash())
    await receivers(suite, states, sent, received, created, groupContext, staged.commitSecret)
  }
}

/** Everybody but the sender decrypts the path and arrives at the commit secret; `pathSecrets`, if given, on the way. */
async function receivers(
  suite: CipherSuite,
  states: ReadonlyMap<number, PathKeys>,
  { sender: senderLeaf }: { readonly sender: number },
  tree: RatchetTree,
  path: UpdatePath,
  groupContext: Uint8Array,
  commitSecret: Uint8Array,
  pathSecrets?: readonly (string | null)[],
): Promise<void> {
  const nodes = filteredDirectPath(tree, senderLeaf)
  for (const [ownLeaf, keys] of states) {
    if (ownLeaf === senderLeaf) continue
    const excludedLeaves = NOBODY
    const decrypted = await decryptUpdatePath(suite, {
      tree,
      senderLeaf,
      ownLeaf,
      keys,
      path,
      groupContext,
      excludedLeaves,
    })
    expect(equalBytes(decrypted.commitSecret, commitSecret)).toBe(true)
    for (const nodeIndex of decrypted.keys.keys()) expect(tree.encryptionKey(nodeIndex)).toBeDefined()
    const expected = pathSecrets?.[ownLeaf]
    if (expected === undefined || expected === null) continue
    let last = hex(expected)
    const above = nodes.filter(({ nodeIndex }) => isWithin(2 * ownLeaf, nodeIndex)).length
    for (let i = 1; i < above; i++) last = deriveSecret(suite, last, 'path')
    expect(decrypted.lastPathSecret).toEqual(last)
  }
}
