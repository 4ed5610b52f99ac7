/**
 * The nodes that a ratchet tree is made of (RFC 9420 §4.1.1). They are immutable and shared between the trees of many
 * epochs; `undefined` stands for a subtree in which every node is blank. What can be computed from a node is kept on it
 * after the first use: those fields are caches, never inputs.
 */
import { type LeafNode, leafNodeBytes } from '../wire/leaf-node.ts'
import { type CapabilitySummary, lowerBound, mergeSummaries, summarizeLeaf } from './capability-summary.ts'
import type { ParentNode } from './parent-node.ts'
import { isLeaf, leftChild, nodeLevel } from './tree-math.ts'

/** A non-blank leaf. */
export class LeafSlot {
  /** Node index, even. */
  readonly index: number
  readonly leaf: LeafNode
  /** Cache of the tree hash. */
  hash: Uint8Array | undefined
  #bytes: Uint8Array | undefined
  #summary: CapabilitySummary | undefined

  /** `bytes`: the leaf's encoding, where the caller has it already. */
  constructor(index: number, leaf: LeafNode, bytes?: Uint8Array) {
    this.index = index
    this.leaf = leaf
    this.hash = undefined
    this.#bytes = bytes
    this.#summary = undefined
  }

  get memberCount(): number {
    return 1
  }

  get resolutionSize(): number {
    return 1
  }

  /** The encoded LeafNode; not to be changed. */
  get bytes(): Uint8Array {
    this.#bytes ??= leafNodeBytes(this.leaf)
    return this.#bytes
  }

  get summary(): CapabilitySummary {
    this.#summary ??= summarizeLeaf(this.leaf)
    return this.#summary
  }
}

/** A parent whose subtree has at least one non-blank node; itself blank where `parent` is undefined. */
export class ParentSlot {
  /** Node index, odd. */
  readonly index: number
  readonly parent: ParentNode | undefined
  readonly left: Slot | undefined
  readonly right: Slot | undefined
  /** Non-blank leaves of the subtree. */
  readonly memberCount: number
  /** Length of the resolution, RFC 9420 §4.1.1. */
  readonly resolutionSize: number
  /** Cache of the tree hash. */
  hash: Uint8Array | undefined
  #summary: CapabilitySummary | undefined

  constructor(index: number, parent: ParentNode | undefined, left: Slot | undefined, right: Slot | undefined) {
    this.index = index
    this.parent = parent
    this.left = left
    this.right = right
    this.memberCount = memberCount(left) + memberCount(right)
    this.resolutionSize =
      parent === undefined ? resolutionSize(left) + resolutionSize(right) : 1 + parent.unmergedLeaves.length
    this.hash = undefined
    this.#summary = undefined
  }

  /** What every member below supports; undefined where there is none. */
  get summary(): CapabilitySummary | undefined {
    if (this.#summary === undefined) {
      const left = this.left?.summary
      const right = this.right?.summary
      this.#summary = left === undefined ? right : right === undefined ? left : mergeSummaries(left, right)
    }
    return this.#summary
  }
}

export type Slot = LeafSlot | ParentSlot

/** A parent slot, or undefined when its whole subtree is blank. */
export function parentSlot(
  index: number,
  parent: ParentNode | undefined,
  left: Slot | undefined,
  right: Slot | undefined,
): ParentSlot | undefined {
  if (parent === undefined && left === undefined && right === undefined) return undefined
  return new ParentSlot(index, parent, left, right)
}

export function memberCount(slot: Slot | undefined): number {
  return slot === undefined ? 0 : slot.memberCount
}

export function resolutionSize(slot: Slot | undefined): number {
  return slot === undefined ? 0 : slot.resolutionSize
}

/** Walks from a subtree's root to one of its nodes; undefined where that node is in an all-blank subtree. */
export function descend(root: Slot | undefined, index: number): Slot | undefined {
  let slot = root
  while (slot !== undefined && slot.index !== index) {
    if (slot instanceof LeafSlot) return undefined
    slot = index < slot.index ? slot.left : slot.right
  }
  return slot
}

/** The node indices of a subtree's resolution, in order (RFC 9420 §4.1.1). Costs what it returns. */
export function resolutionOf(slot: Slot | undefined): number[] {
  const nodes: number[] = []
  collectResolution(slot, nodes)
  return nodes
}

function collectResolution(slot: Slot | undefined, nodes: number[]): void {
  if (slot === undefined) return
  if (slot instanceof LeafSlot) {
    nodes.push(slot.index)
  } else if (slot.parent === undefined) {
    collectResolution(slot.left, nodes)
    collectResolution(slot.right, nodes)
  } else {
    nodes.push(slot.index)
    for (const leafIndex of slot.parent.unmergedLeaves) nodes.push(2 * leafIndex)
  }
}

/** The public keys of a subtree's resolution, in order, without the nodes that `wanted` refuses. */
export function resolutionKeys(slot: Slot | undefined, wanted: (index: number) => boolean): Uint8Array[] {
  const keys: Uint8Array[] = []
  collectResolutionKeys(slot, wanted, keys)
  return keys
}

function collectResolutionKeys(slot: Slot | undefined, wanted: (index: number) => boolean, keys: Uint8Array[]): void {
  if (slot === undefined) return
  if (slot instanceof LeafSlot) {
    if (wanted(slot.index)) keys.push(slot.leaf.encryptionKey)
  } else if (slot.parent === undefined) {
    collectResolutionKeys(slot.left, wanted, keys)
    collectResolutionKeys(slot.right, wanted, keys)
  } else {
    if (wanted(slot.index)) keys.push(slot.parent.encryptionKey)
    for (const leafIndex of slot.parent.unmergedLeaves) {
      const leaf = descend(slot, 2 * leafIndex)
      if (leaf instanceof LeafSlot && wanted(leaf.index)) keys.push(leaf.leaf.encryptionKey)
    }
  }
}

/** Which node of a subtree's resolution speaks for a leaf below it, and where it stands in the resolution. */
export interface ResolutionEntry {
  readonly index: number
  readonly rank: number
}

/**
 * The entry of a subtree's resolution through which a leaf is reached: the first non-blank node above it, or the leaf
 * itself where it is unmerged there. Costs the depth of the subtree. The leaf must not be blank.
 */
export function resolutionEntry(subtree: Slot | undefined, leafNodeIndex: number): ResolutionEntry | undefined {
  let rank = 0
  let slot = subtree
  while (slot instanceof ParentSlot && slot.parent === undefined) {
    if (leafNodeIndex < slot.index) {
      slot = slot.left
    } else {
      rank += resolutionSize(slot.left)
      slot = slot.right
    }
  }
  if (slot === undefined) return undefined
  if (slot instanceof LeafSlot) return { index: slot.index, rank }
  const { unmergedLeaves } = slot.parent as ParentNode
  const at = lowerBound(unmergedLeaves, leafNodeIndex / 2)
  if (unmergedLeaves[at] !== leafNodeIndex / 2) return { index: slot.index, rank }
  return { index: leafNodeIndex, rank: rank + 1 + at }
}

/** Builds a subtree from its non-blank nodes. `nodeAt` gives a leaf slot for even indices, a parent for odd ones. */
export function buildSubtree(
  index: number,
  leafAt: (index: number) => LeafSlot | undefined,
  parentAt: (index: number) => ParentNode | undefined,
  end: number,
): Slot | undefined {
  // nodes at and beyond `end` are blank
  const reach = 2 ** nodeLevel(index) - 1
  if (index - reach >= end) return undefined
  if (isLeaf(index)) return leafAt(index)
  const left = leftChild(index)
  const right = index + (index - left)
  return parentSlot(
    index,
    index < end ? parentAt(index) : undefined,
    buildSubtree(left, leafAt, parentAt, end),
    buildSubtree(right, leafAt, parentAt, end),
  )
}
