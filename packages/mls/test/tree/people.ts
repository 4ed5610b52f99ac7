/** Members for tests: real keys and signed leaves, or random bytes where nobody looks. */
import { type CipherSuite, equalBytes, type Signer, systemRandom, utf8 } from '@dmls/crypto'
import { signWithLabel } from '../../src/schedule/labeled.ts'
import { RatchetTree } from '../../src/tree/ratchet-tree.ts'
import { encryptUpdatePath, type PathKeys, stageUpdatePath } from '../../src/tree/treekem.ts'
import type { UpdatePath } from '../../src/wire/commit.ts'
import {
  type Capabilities,
  type LeafNode,
  type LeafNodeContent,
  type LeafNodeSource,
  leafNodeTbs,
} from '../../src/wire/leaf-node.ts'
import { CredentialType, MLS10 } from '../../src/wire/registry.ts'
import { suite } from '../suites.ts'

export const groupId: Uint8Array = utf8('a group of friends')

/** Middle of every lifetime that these people have. */
export const NOW = 1_700_000_000n
export const KEY_PACKAGE: LeafNodeSource = {
  leafNodeSource: 'key_package',
  lifetime: { notBefore: NOW - 1000n, notAfter: NOW + 1000n },
}

export const capabilities: Capabilities = {
  versions: [MLS10],
  cipherSuites: [0x0a0a, 1, 2, 3, 4, 5, 6, 7],
  extensions: [0xf001, 0xf002],
  proposals: [0xf101],
  credentials: [CredentialType.basic],
}

/** A client and the private keys of its leaf. */
export interface Person {
  readonly name: string
  readonly signer: Signer
  readonly leaf: LeafNode
  readonly leafPrivateKey: Uint8Array
}

export async function person(name: string, with_: Partial<LeafNodeContent> = {}): Promise<Person> {
  const signatureKeys = await suite.generateSignatureKeyPair(systemRandom)
  const encryptionKeys = await suite.generateHpkeKeyPair(systemRandom)
  const signer = await suite.importSigner(signatureKeys.privateKey)
  const leaf = await signed(signer, {
    encryptionKey: encryptionKeys.publicKey,
    signatureKey: signatureKeys.publicKey,
    credential: { credentialType: 'basic', identity: utf8(name) },
    capabilities,
    source: KEY_PACKAGE,
    extensions: [],
    ...with_,
  })
  return { name, signer, leaf, leafPrivateKey: encryptionKeys.privateKey }
}

export async function signed(signer: Signer, content: LeafNodeContent, leafIndex = 0): Promise<LeafNode> {
  const tbs = leafNodeTbs(content, { groupId, leafIndex })
  return { ...content, signature: await signWithLabel(signer, 'LeafNodeTBS', tbs) }
}

/** A leaf of random bytes that no one could have signed. */
export function fakeLeaf(label = 'somebody', with_: Partial<LeafNode> = {}): LeafNode {
  return {
    encryptionKey: systemRandom(32),
    signatureKey: systemRandom(32),
    credential: { credentialType: 'basic', identity: utf8(label) },
    capabilities,
    source: KEY_PACKAGE,
    extensions: [],
    signature: systemRandom(8),
    ...with_,
  }
}

/** What a commit's path did, from both sides. */
export interface Walked {
  readonly tree: RatchetTree
  readonly path: UpdatePath
  readonly keys: PathKeys
  readonly commitSecret: Uint8Array
  readonly pathSecrets: readonly { readonly nodeIndex: number; readonly pathSecret: Uint8Array }[]
}

export const CONTEXT: Uint8Array = utf8('a provisional group context')
export const NOBODY: ReadonlySet<number> = new Set()

/** A path from one person's leaf, encrypted to all others but the excluded. */
export async function walk(
  tree: RatchetTree,
  leafIndex: number,
  { signer, leaf }: Person,
  excludedLeaves: ReadonlySet<number> = NOBODY,
  on: CipherSuite = suite,
): Promise<Walked> {
  const staged = await stageUpdatePath(on, tree, leafIndex, { groupId, signer, random: systemRandom, leaf })
  const path = await encryptUpdatePath(on, staged, { groupContext: CONTEXT, excludedLeaves, random: systemRandom })
  const { keys, commitSecret, pathSecrets } = staged
  return { tree: staged.tree, path, keys, commitSecret, pathSecrets }
}

/** A group's tree in which the people at the given leaves have committed in turn, all keys of nobody kept. */
export async function grown(people: readonly Person[], committers: readonly number[]): Promise<RatchetTree> {
  let { tree } = RatchetTree.empty(suite).addLeaves(people.map(({ leaf }) => leaf))
  for (const leafIndex of committers) tree = (await walk(tree, leafIndex, people[leafIndex] as Person)).tree
  return tree
}

/** Whether each private key opens what is sealed to its node of the tree. */
export async function keysFit(tree: RatchetTree, keys: PathKeys, on: CipherSuite = suite): Promise<boolean> {
  const nothing = new Uint8Array(0)
  const checks = [...keys].map(async ([nodeIndex, privateKey]) => {
    const publicKey = tree.encryptionKey(nodeIndex)
    if (publicKey === undefined) return false
    const sealed = await on.hpkeSeal(publicKey, nothing, nothing, utf8('a test'), systemRandom)
    return equalBytes(await on.hpkeOpen(privateKey, sealed, nothing, nothing), utf8('a test'))
  })
  return (await Promise.all(checks)).every((fits) => fits)
}
