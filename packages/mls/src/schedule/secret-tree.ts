/**
 * RFC 9420 §9: the secret tree of an epoch, and §9.2: what is consumed is forgotten. A node's secret is expanded when a
 * leaf below it is first used, and then gone; a leaf holds a handshake and an application ratchet.
 *
 * Immutable: a message costs the nodes from the root to one leaf, whatever the size of the group, and the old tree stays
 * usable until the buffers that the step names as superseded are wiped.
 */
import type { CipherSuite } from '@dmls/crypto'
import type { Reader } from '../codec/reader.ts'
import type { Writer } from '../codec/writer.ts'
import { invalid, malformed, usage } from '../errors.ts'
import { deriveSecret } from './labeled.ts'
import {
  decodeNode,
  encodeNode,
  nodeChanges,
  nodeFromRecords,
  type OpenLeaf,
  recordedNodes,
  type SecretNode,
  type SecretNodeChange,
  wipeNode,
} from './secret-tree-node.ts'
import {
  nextGeneration,
  type RatchetStep,
  type SecretTreeLimits,
  type SenderRatchet,
  takeGeneration,
} from './sender-ratchet.ts'
import { deriveTreeChild } from './tree-child.ts'

export type { SecretNodeChange } from './secret-tree-node.ts'
export { SECRET_TREE_LIMITS, type SecretTreeLimits } from './sender-ratchet.ts'

/** Which of a sender's two ratchets: application messages have one, proposals and commits the other. */
export type RatchetKind = 'handshake' | 'application'

/** A key and nonce, which the caller owns and wipes, and the tree without them. */
export interface SecretTreeStep {
  readonly generation: number
  /** AEAD.Nk bytes. */
  readonly key: Uint8Array
  /** AEAD.Nn bytes, before the reuse guard. */
  readonly nonce: Uint8Array
  readonly tree: SecretTree
  /** Buffers of the old tree that the new one no longer holds. Wipe them once the new tree is stored. */
  readonly superseded: readonly Uint8Array[]
  /** Buffers of the new tree that the old one does not hold. Wipe them instead if the step is given up. */
  readonly created: readonly Uint8Array[]
}

/** The way to a leaf: its ratchets, and the node beside the way at each level from the root down. */
interface Way {
  readonly leaf: OpenLeaf
  readonly beside: readonly SecretNode[]
  readonly superseded: readonly Uint8Array[]
  readonly created: readonly Uint8Array[]
}

const LEAF_COUNT_MAX = 2 ** 31

export class SecretTree {
  readonly leafCount: number
  readonly #suite: CipherSuite
  readonly #depth: number
  readonly #root: SecretNode

  private constructor(suite: CipherSuite, leafCount: number, root: SecretNode) {
    this.#suite = suite
    this.leafCount = leafCount
    this.#depth = depthOf(leafCount)
    this.#root = root
  }

  /** A tree for a ratchet tree of `leafCount` leaves, blank ones included: a power of two. The secret is copied. */
  static fromEncryptionSecret(suite: CipherSuite, encryptionSecret: Uint8Array, leafCount: number): SecretTree {
    if (!isLeafCount(leafCount)) throw usage('bad_leaf_count', 'a tree has a power of two of leaves')
    if (encryptionSecret.length !== suite.hashSize) throw usage('bad_root_secret', 'a root secret is KDF.Nh bytes')
    return new SecretTree(suite, leafCount, { kind: 'secret', secret: encryptionSecret.slice() })
  }

  /** The next key of our own ratchet. @throws MlsError `generations_exhausted` */
  nextSendKey(leafIndex: number, kind: RatchetKind): SecretTreeStep {
    const way = this.#open(leafIndex)
    const { generation } = way.leaf[kind]
    return this.#replace(leafIndex, kind, way, generation, nextGeneration(this.#suite, way.leaf[kind]))
  }

  /**
   * The key that a message names. Nothing has changed if this throws.
   * @throws MlsError `bad_leaf_index`, `generation_used`, `generation_too_far`
   */
  receiveKey(leafIndex: number, kind: RatchetKind, generation: number, limits: SecretTreeLimits): SecretTreeStep {
    const way = this.#open(leafIndex)
    try {
      const step = takeGeneration(this.#suite, way.leaf[kind], generation, limits)
      return this.#replace(leafIndex, kind, way, generation, step)
    } catch (error) {
      for (const secret of way.created) secret.fill(0)
      throw error
    }
  }

  /** The leaf count as `uint32`, then the nodes in preorder. */
  encode(writer: Writer): void {
    writer.uint32(this.leafCount)
    encodeNode(writer, this.#root)
  }

  /** @throws MlsError `bad_secret_tree`, `bad_sender_ratchet` */
  static decode(suite: CipherSuite, reader: Reader): SecretTree {
    const leafCount = reader.uint32()
    if (!isLeafCount(leafCount)) throw malformed('bad_secret_tree', 'a secret tree has a power of two of leaves')
    return new SecretTree(suite, leafCount, decodeNode(suite, reader, depthOf(leafCount)))
  }

  /**
   * What to write so that records stored for `base` become those of this tree: less than a kilobyte after most messages,
   * O(log n) records at most. All of them without a base. The records hold secrets; the caller owns them.
   */
  changesSince(base: SecretTree | undefined): Iterable<SecretNodeChange> {
    return nodeChanges(base === undefined ? undefined : base.#root, this.#root, this.#depth, 0)
  }

  /** The subtrees that have a record, by the index of their root: what to delete when the tree is forgotten. */
  recordedNodes(): Iterable<number> {
    return recordedNodes(this.#root, this.#depth)
  }

  /** The tree whose records these are, by node index. @throws MlsError `bad_secret_tree`, `bad_sender_ratchet` */
  static fromRecords(suite: CipherSuite, leafCount: number, records: ReadonlyMap<number, Uint8Array>): SecretTree {
    if (!isLeafCount(leafCount)) throw usage('bad_leaf_count', 'a tree has a power of two of leaves')
    return new SecretTree(suite, leafCount, nodeFromRecords(suite, records, depthOf(leafCount), 0))
  }

  /** Overwrites every secret that the tree holds; trees that it shares secrets with lose them too. */
  wipe(): void {
    wipeNode(this.#root)
  }

  /** Walks to a leaf and, where nobody has walked yet, derives the way (RFC 9420 §9). */
  #open(leafIndex: number): Way {
    if (!Number.isInteger(leafIndex) || leafIndex < 0 || leafIndex >= this.leafCount) {
      throw invalid('bad_leaf_index', 'a sender is outside the tree', { leafIndex })
    }
    const beside: SecretNode[] = []
    let node = this.#root
    let level = this.#depth
    while (node.kind === 'split') {
      level -= 1
      const right = (leafIndex >>> level) & 1
      beside.push(right ? node.left : node.right)
      node = right ? node.right : node.left
    }
    if (node.kind === 'leaf') return { leaf: node, beside, superseded: [], created: [] }

    const created: Uint8Array[] = []
    let secret = node.secret
    while (level > 0) {
      level -= 1
      const left = deriveTreeChild(this.#suite, secret, 'left')
      const right = deriveTreeChild(this.#suite, secret, 'right')
      if (secret !== node.secret) secret.fill(0)
      const goRight = (leafIndex >>> level) & 1
      const other = goRight ? left : right
      secret = goRight ? right : left
      created.push(other)
      beside.push({ kind: 'secret', secret: other })
    }
    const handshake = deriveSecret(this.#suite, secret, 'handshake')
    const application = deriveSecret(this.#suite, secret, 'application')
    if (secret !== node.secret) secret.fill(0)
    created.push(handshake, application)
    return {
      leaf: { kind: 'leaf', handshake: startRatchet(handshake), application: startRatchet(application) },
      beside,
      superseded: [node.secret],
      created,
    }
  }

  #replace(leafIndex: number, kind: RatchetKind, way: Way, generation: number, step: RatchetStep): SecretTreeStep {
    let node: SecretNode =
      kind === 'handshake'
        ? { kind: 'leaf', handshake: step.ratchet, application: way.leaf.application }
        : { kind: 'leaf', handshake: way.leaf.handshake, application: step.ratchet }
    for (let i = way.beside.length - 1, bits = leafIndex; i >= 0; i--, bits >>>= 1) {
      const other = way.beside[i] as SecretNode
      node =
        (bits & 1) === 1 ? { kind: 'split', left: other, right: node } : { kind: 'split', left: node, right: other }
    }
    const { superseded, created } = this.#buffers(way, step)
    const tree = new SecretTree(this.#suite, this.leafCount, node)
    return { generation, key: step.key, nonce: step.nonce, tree, superseded, created }
  }

  /** On the first use of a leaf the ratchet secret that the step consumes was never part of the old tree. */
  #buffers(way: Way, step: RatchetStep): Pick<SecretTreeStep, 'superseded' | 'created'> {
    if (way.superseded.length === 0) return { superseded: step.superseded, created: step.created }
    for (const secret of step.superseded) secret.fill(0)
    return { superseded: way.superseded, created: [...way.created, ...step.created] }
  }
}

/** {@link SecretTree.fromEncryptionSecret} */
export function createSecretTree(suite: CipherSuite, encryptionSecret: Uint8Array, leafCount: number): SecretTree {
  return SecretTree.fromEncryptionSecret(suite, encryptionSecret, leafCount)
}

function isLeafCount(leafCount: number): boolean {
  const inRange = Number.isInteger(leafCount) && leafCount >= 1 && leafCount <= LEAF_COUNT_MAX
  return inRange && (leafCount & (leafCount - 1)) === 0
}

function depthOf(leafCount: number): number {
  return 31 - Math.clz32(leafCount)
}

function startRatchet(secret: Uint8Array): SenderRatchet {
  return { secret, generation: 0, kept: [] }
}
