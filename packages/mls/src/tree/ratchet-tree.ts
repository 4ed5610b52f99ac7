/**
 * The ratchet tree of an epoch, RFC 9420 §4 and §7: who is in the group and which public keys cover whom. Immutable and
 * structurally shared: each step returns a new tree that copied O(log n) nodes, and every older tree stays as it was.
 * Private keys live elsewhere (`path-keys.ts`); what makes a leaf or a tree acceptable is `leaf-node-validation.ts` and
 * `tree-validation.ts`.
 */
import type { CipherSuite } from '@dmls/crypto'
import { invalid, usage } from '../errors.ts'
import type { LeafNode } from '../wire/leaf-node.ts'
import type { CapabilitySummary } from './capability-summary.ts'
import { lowerBound } from './capability-summary.ts'
import { KeyIndex } from './key-index.ts'
import type { ParentNode } from './parent-node.ts'
import { editSubtree, KeyChanges, type LeafEdit, type ParentRule, type TreeKeys } from './tree-edit.ts'
import { TreeHasher } from './tree-hash.ts'
import { LEAF_COUNT_MAX, leafRange, leafToNode, leftChild, nodeWidth, rightChild, rootIndex } from './tree-math.ts'
import { descend, LeafSlot, memberCount, ParentSlot, parentSlot, resolutionOf, type Slot } from './tree-slot.ts'

/** A non-blank leaf and its place. */
export interface Member {
  readonly leafIndex: number
  readonly leafNode: LeafNode
}

/** A leaf and where to put it. */
export interface LeafUpdate {
  readonly leafIndex: number
  readonly leafNode: LeafNode
}

/** The parts of a tree; for the modules of this folder that build trees by other means than its steps. */
export interface RatchetTreeParts {
  readonly hasher: TreeHasher
  readonly leafCount: number
  readonly root: Slot | undefined
  readonly keys: TreeKeys
}

const NO_KEYS: TreeKeys = { encryption: KeyIndex.empty, signature: KeyIndex.empty }

const blankParents: ParentRule = () => undefined

/** RFC 9420 §12.1.1: a new leaf is unmerged at each non-blank node above it. */
const keepParentsUnmerged: ParentRule = (_index, parent, edits, from, to) => {
  if (parent === undefined) return undefined
  const added = edits.slice(from, to).map((edit) => edit.leafIndex)
  const { unmergedLeaves } = parent
  const first = added[0] as number
  const rest = unmergedLeaves.slice(lowerBound(unmergedLeaves, first))
  const kept = unmergedLeaves.slice(0, unmergedLeaves.length - rest.length)
  return { ...parent, unmergedLeaves: [...kept, ...[...rest, ...added].sort((a, b) => a - b)] }
}

export class RatchetTree {
  readonly #hasher: TreeHasher
  readonly #root: Slot | undefined
  readonly #keys: TreeKeys
  /** How many leaves there is room for, blanks included: a power of two, or 0 for the empty tree. */
  readonly leafCount: number

  constructor(parts: RatchetTreeParts) {
    this.#hasher = parts.hasher
    this.#root = parts.root
    this.#keys = parts.keys
    this.leafCount = parts.leafCount
  }

  /** The tree without leaves, from which a group creator starts. */
  static empty(suite: CipherSuite): RatchetTree {
    return new RatchetTree({ hasher: new TreeHasher(suite), leafCount: 0, root: undefined, keys: NO_KEYS })
  }

  /** What the tree is made of; shared, not to be changed. */
  get parts(): RatchetTreeParts {
    return { hasher: this.#hasher, leafCount: this.leafCount, root: this.#root, keys: this.#keys }
  }

  get suite(): CipherSuite {
    return this.#hasher.suite
  }

  /** Non-blank leaves. */
  get memberCount(): number {
    return memberCount(this.#root)
  }

  /** Node index of the root. @throws MlsError `empty_tree` */
  get rootIndex(): number {
    return rootIndex(this.leafCount)
  }

  /** The leaf node at a leaf index; undefined where it is blank or beyond the tree. */
  leaf(leafIndex: number): LeafNode | undefined {
    const slot = this.leafSlot(leafIndex)
    return slot?.leaf
  }

  /** As {@link leaf}, with what is kept about it. */
  leafSlot(leafIndex: number): LeafSlot | undefined {
    if (!this.#hasLeaf(leafIndex)) return undefined
    const slot = descend(this.#root, leafToNode(leafIndex))
    return slot instanceof LeafSlot ? slot : undefined
  }

  /** The parent node at an odd node index; undefined where it is blank or beyond the tree. */
  parent(nodeIndex: number): ParentNode | undefined {
    const slot = this.slot(nodeIndex)
    return slot instanceof ParentSlot ? slot.parent : undefined
  }

  /** The subtree at a node index; undefined where all of it is blank or it is beyond the tree. */
  slot(nodeIndex: number): Slot | undefined {
    return this.#hasNode(nodeIndex) ? descend(this.#root, nodeIndex) : undefined
  }

  /** The public encryption key at a node index; undefined where the node is blank. */
  encryptionKey(nodeIndex: number): Uint8Array | undefined {
    const slot = this.slot(nodeIndex)
    return slot instanceof LeafSlot ? slot.leaf.encryptionKey : slot?.parent?.encryptionKey
  }

  /** All members, by ascending leaf index. */
  *members(): Generator<Member> {
    const pending: (Slot | undefined)[] = [this.#root]
    while (pending.length > 0) {
      const slot = pending.pop()
      if (slot instanceof LeafSlot) yield { leafIndex: slot.index / 2, leafNode: slot.leaf }
      else if (slot !== undefined) pending.push(slot.right, slot.left)
    }
  }

  /** The tree hash of the root, KDF.Nh bytes, a copy (RFC 9420 §7.8). @throws MlsError `empty_tree` */
  treeHash(): Uint8Array {
    return this.#hasher.hash(this.#root, this.rootIndex).slice()
  }

  /** The tree hash of one node, KDF.Nh bytes, a copy. @throws MlsError `no_such_node` */
  nodeHash(nodeIndex: number): Uint8Array {
    if (!this.#hasNode(nodeIndex)) throw usage('no_such_node', 'the tree has no such node')
    return this.#hasher.hash(descend(this.#root, nodeIndex), nodeIndex).slice()
  }

  /** Node indices of a node's resolution, in order (RFC 9420 §4.1.1). @throws MlsError `no_such_node` */
  resolution(nodeIndex: number): readonly number[] {
    if (!this.#hasNode(nodeIndex)) throw usage('no_such_node', 'the tree has no such node')
    return resolutionOf(descend(this.#root, nodeIndex))
  }

  /** What every member supports and which credential types are in use; undefined for the empty tree. Costs no walk. */
  get capabilities(): CapabilitySummary | undefined {
    return this.#root?.summary
  }

  /** Leaf index of a member with this signature key, or undefined. */
  findLeafBySignatureKey(signatureKey: Uint8Array): number | undefined {
    const holder = this.#keys.signature.holders(signatureKey)[0]
    return holder === undefined ? undefined : holder / 2
  }

  /** Leaf index of a member with this encryption key, or undefined. */
  findLeafByEncryptionKey(encryptionKey: Uint8Array): number | undefined {
    const holder = this.#keys.encryption.holders(encryptionKey).find((index) => index % 2 === 0)
    return holder === undefined ? undefined : holder / 2
  }

  /** Whether any node, leaf or parent, has this encryption key. */
  hasEncryptionKey(encryptionKey: Uint8Array): boolean {
    return this.#keys.encryption.has(encryptionKey)
  }

  /** Whether no two nodes share an encryption key. */
  get encryptionKeysUnique(): boolean {
    return this.#keys.encryption.duplicates === 0
  }

  /** Whether no two members share a signature key. */
  get signatureKeysUnique(): boolean {
    return this.#keys.signature.duplicates === 0
  }

  /** Where the next new member goes: the leftmost blank leaf, or `leafCount` where the tree must grow (RFC 9420 §12.1.1). */
  get nextLeafIndex(): number {
    return this.#blankLeaves(1)[0] as number
  }

  /** One member more: {@link addLeaves} of one leaf. */
  addLeaf(leafNode: LeafNode): { readonly tree: RatchetTree; readonly leafIndex: number } {
    const { tree, leafIndices } = this.addLeaves([leafNode])
    return { tree, leafIndex: leafIndices[0] as number }
  }

  /**
   * New members in order, each at the leftmost blank leaf of the tree at that moment, unmerged at each non-blank node
   * above (RFC 9420 §12.1.1). @throws MlsError `tree_full`
   */
  addLeaves(leafNodes: readonly LeafNode[]): { readonly tree: RatchetTree; readonly leafIndices: readonly number[] } {
    const leafIndices = this.#blankLeaves(leafNodes.length)
    const edits = leafNodes.map((leafNode, i) => edit(leafIndices[i] as number, leafNode))
    return { tree: this.withRoomFor(leafIndices.at(-1) ?? 0).#edited(edits, keepParentsUnmerged), leafIndices }
  }

  /** Replaces one member's leaf and blanks its direct path. @throws MlsError `blank_leaf` */
  updateLeaf(leafIndex: number, leafNode: LeafNode): RatchetTree {
    return this.updateLeaves([{ leafIndex, leafNode }])
  }

  /** Replaces members' leaves and blanks their direct paths (RFC 9420 §12.1.2). @throws MlsError `blank_leaf`, `leaf_changed_twice` */
  updateLeaves(updates: readonly LeafUpdate[]): RatchetTree {
    for (const { leafIndex } of updates) this.#requireMember(leafIndex)
    return this.#edited(
      updates.map(({ leafIndex, leafNode }) => edit(leafIndex, leafNode)),
      blankParents,
    )
  }

  /** Takes one member out. @throws MlsError `blank_leaf` */
  removeLeaf(leafIndex: number): RatchetTree {
    return this.removeLeaves([leafIndex])
  }

  /**
   * Blanks members' leaves and their direct paths and truncates the tree (RFC 9420 §12.1.3, §7.7).
   * @throws MlsError `blank_leaf`, `leaf_changed_twice`
   */
  removeLeaves(leafIndices: readonly number[]): RatchetTree {
    for (const leafIndex of leafIndices) this.#requireMember(leafIndex)
    return this.#edited(
      leafIndices.map((leafIndex) => ({ leafIndex, slot: undefined })),
      blankParents,
    ).#truncated()
  }

  /**
   * Sets a leaf, blanks its direct path and then fills the given nodes of that path: what an UpdatePath does to the tree
   * (RFC 9420 §7.5). The leaf may be blank before, at {@link nextLeafIndex}: an external joiner's. `leafBytes`: the leaf
   * encoded, where the caller has it already.
   */
  withPath(
    leafIndex: number,
    leafNode: LeafNode,
    parents: ReadonlyMap<number, ParentNode>,
    leafBytes?: Uint8Array,
  ): RatchetTree {
    const wide = this.withRoomFor(leafIndex)
    return wide.#edited([edit(leafIndex, leafNode, leafBytes)], (index) => parents.get(index))
  }

  /** This tree, doubled with blanks until it has room for a leaf index (RFC 9420 §7.7). @throws MlsError `tree_full` */
  withRoomFor(leafIndex: number): RatchetTree {
    if (leafIndex >= LEAF_COUNT_MAX) throw usage('tree_full', 'the tree cannot have so many leaves')
    let leafCount = Math.max(this.leafCount, 1)
    let root = this.#root
    while (leafIndex >= leafCount) {
      leafCount *= 2
      root = parentSlot(rootIndex(leafCount), undefined, root, undefined)
    }
    return leafCount === this.leafCount ? this : new RatchetTree({ ...this.parts, leafCount, root })
  }

  #hasLeaf(leafIndex: number): boolean {
    return Number.isInteger(leafIndex) && leafIndex >= 0 && leafIndex < this.leafCount
  }

  #hasNode(nodeIndex: number): boolean {
    return Number.isInteger(nodeIndex) && nodeIndex >= 0 && nodeIndex < nodeWidth(this.leafCount)
  }

  #requireMember(leafIndex: number): void {
    if (this.leafSlot(leafIndex) === undefined) {
      throw invalid('blank_leaf', 'the leaf index names no member', { leafIndex }) // RFC 9420 §12.1.3
    }
  }

  /** The `count` leftmost blank leaf indices; those at `leafCount` and above need a wider tree. */
  #blankLeaves(count: number): number[] {
    const blanks: number[] = []
    if (this.leafCount > 0) collectBlanks(this.#root, this.rootIndex, count, blanks)
    for (let next = this.leafCount; blanks.length < count; next++) blanks.push(next)
    return blanks
  }

  #edited(edits: readonly LeafEdit[], rule: ParentRule): RatchetTree {
    if (edits.length === 0) return this
    const sorted = edits.slice().sort((a, b) => a.leafIndex - b.leafIndex)
    for (let i = 1; i < sorted.length; i++) {
      if (sorted[i]?.leafIndex === sorted[i - 1]?.leafIndex) {
        throw invalid('leaf_changed_twice', 'two changes name one leaf') // RFC 9420 §12.2
      }
    }
    const changes = new KeyChanges()
    const root = editSubtree(this.#root, this.rootIndex, sorted, rule, changes)
    return new RatchetTree({ ...this.parts, root, keys: changes.apply(this.#keys) })
  }

  #truncated(): RatchetTree {
    let { leafCount } = this
    let root = this.#root
    const changes = new KeyChanges()
    while (leafCount > 1 && memberCount(children(root).right) === 0) {
      leafCount /= 2
      changes.out(root)
      changes.outAll(children(root).right)
      root = children(root).left
    }
    if (root === undefined) leafCount = 0
    if (leafCount === this.leafCount) return this
    return new RatchetTree({ ...this.parts, leafCount, root, keys: changes.apply(this.#keys) })
  }
}

function edit(leafIndex: number, leafNode: LeafNode, bytes?: Uint8Array): LeafEdit {
  return { leafIndex, slot: new LeafSlot(leafToNode(leafIndex), leafNode, bytes) }
}

function children(slot: Slot | undefined): { readonly left?: Slot | undefined; readonly right?: Slot | undefined } {
  return slot instanceof ParentSlot ? slot : {}
}

function collectBlanks(slot: Slot | undefined, index: number, count: number, blanks: number[]): void {
  // a full subtree is not entered, so the search costs the tree's height for each blank found
  if (blanks.length >= count || memberCount(slot) === leafRange(index).count) return
  if (index % 2 === 0) {
    blanks.push(index / 2)
    return
  }
  const { left, right } = children(slot)
  collectBlanks(left, leftChild(index), count, blanks)
  collectBlanks(right, rightChild(index), count, blanks)
}
