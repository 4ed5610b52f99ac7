/**
 * A ratchet tree as it is after every member has committed once, in the order of the leaves, made in one walk instead of
 * as many commits. It is valid in every respect: each leaf is signed, each parent node has a key, and the parent hashes
 * (RFC 9420 §7.9) chain from each parent down to the last committer below it, its rightmost leaf.
 */
import { Buffer } from 'node:buffer'
import { hash } from 'node:crypto'
import type { CipherSuite } from '@dmls/crypto'
import { utf8 } from '@dmls/crypto'
import {
  type Capabilities,
  encodeParentNode,
  type LeafNodeContent,
  leafNodeBytes,
  leafNodeTbs,
  leafRange,
  leftChild,
  parentHash,
  rightChild,
  rootIndex,
  Writer,
} from '@dmls/mls'
import { type SyntheticSigner, syntheticBytes, syntheticSigner } from './synthetic-keys.ts'

export interface WarmTreeOptions {
  readonly suite: CipherSuite
  readonly groupId: Uint8Array
  /** Leaves are taken from the left; this many, holes not counted. */
  readonly members: number
  /** Leaf indices among them that stay blank, for members to be added. */
  readonly holes: readonly number[]
  /** Encryption keys of nodes whose private keys somebody holds, by node index; the others have keys that nobody holds. */
  readonly encryptionKeys: ReadonlyMap<number, Uint8Array>
  readonly capabilities: Capabilities
}

export interface WarmTree {
  /** The content of a `ratchet_tree` extension. */
  readonly bytes: Uint8Array
  readonly treeHash: Uint8Array
  readonly leafCount: number
}

const LABEL = 'member'

/** The signature key of the member at a leaf. */
export function memberSigner(leafIndex: number): SyntheticSigner {
  return syntheticSigner(LABEL, leafIndex)
}

/** The identity in the credential of the member at a leaf. */
export function memberIdentity(leafIndex: number): Uint8Array {
  return utf8(`${LABEL} ${leafIndex}`)
}

function sha256(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(hash('sha256', bytes, 'buffer'))
}

export function buildWarmTree(options: WarmTreeOptions): WarmTree {
  const end = options.members + options.holes.length
  const root = rootIndex(end)
  const nodes: (Uint8Array | undefined)[] = new Array<Uint8Array | undefined>(2 * end - 1).fill(undefined)
  const holes = new Set(options.holes)
  const { suite, groupId, capabilities } = options

  const membersBelow = (index: number): number => {
    const { first, count } = leafRange(index)
    const last = Math.min(first + count, end)
    const blank = options.holes.filter((hole) => hole >= first && hole < last).length
    return Math.max(0, last - first) - blank
  }

  const leaf = (leafIndex: number, claim: Uint8Array): Uint8Array => {
    const input = new Writer(512).uint8(1).uint32(leafIndex)
    if (leafIndex >= end || holes.has(leafIndex)) return sha256(input.uint8(0).finish())
    const bytes = signedLeaf(options, leafIndex, claim, groupId, capabilities)
    nodes[2 * leafIndex] = new Writer(bytes.length + 2).uint8(1).uint8(1).fixed(bytes).finish()
    return sha256(input.uint8(1).fixed(bytes).finish())
  }

  /** The tree hash of a subtree; `claim`: the parent hash that its topmost node carries. */
  const build = (index: number, claim: Uint8Array): Uint8Array => {
    if (index % 2 === 0) return leaf(index / 2, claim)
    const [left, right] = [leftChild(index), rightChild(index)]
    const input = new Writer(256).uint8(2)
    if (membersBelow(left) === 0 || membersBelow(right) === 0) {
      // RFC 9420 §4.1.2: a node beside nobody is not on anybody's filtered path and stays blank
      return sha256(input.uint8(0).opaque(build(left, claim)).opaque(build(right, claim)).finish())
    }
    const encryptionKey = options.encryptionKeys.get(index) ?? syntheticBytes('parent', index)
    const parent = { encryptionKey, parentHash: claim, unmergedLeaves: [] }
    nodes[index] = nodeBytes(parent)
    // the left subtree's last commit set an earlier key of this node, which nobody remembers
    const leftHash = build(left, syntheticBytes('superseded', index))
    const rightHash = build(right, parentHash(suite, parent.encryptionKey, claim, leftHash))
    encodeParentNode(input.uint8(1), parent)
    return sha256(input.opaque(leftHash).opaque(rightHash).finish())
  }

  const treeHash = build(root, new Uint8Array(0))
  let used = nodes.length
  while (nodes[used - 1] === undefined) used--
  const blank = Uint8Array.of(0)
  const content = Buffer.concat(nodes.slice(0, used).map((node) => node ?? blank))
  return { bytes: new Writer(content.length + 4).opaque(content).finish(), treeHash, leafCount: root + 1 }
}

function nodeBytes(parent: Parameters<typeof encodeParentNode>[1]): Uint8Array {
  const writer = new Writer(80).uint8(1).uint8(2)
  encodeParentNode(writer, parent)
  return writer.finish()
}

function signedLeaf(
  options: WarmTreeOptions,
  leafIndex: number,
  parentHash: Uint8Array,
  groupId: Uint8Array,
  capabilities: Capabilities,
): Uint8Array {
  const signer = memberSigner(leafIndex)
  const content: LeafNodeContent = {
    encryptionKey: options.encryptionKeys.get(2 * leafIndex) ?? syntheticBytes('encryption key', leafIndex),
    signatureKey: signer.publicKey,
    credential: { credentialType: 'basic', identity: memberIdentity(leafIndex) },
    capabilities,
    source: { leafNodeSource: 'commit', parentHash },
    extensions: [],
  }
  const tbs = leafNodeTbs(content, { groupId, leafIndex })
  const label = utf8('MLS 1.0 LeafNodeTBS')
  const signature = signer.sign(new Writer(tbs.length + 32).opaque(label).opaque(tbs).finish())
  return leafNodeBytes({ ...content, signature })
}
