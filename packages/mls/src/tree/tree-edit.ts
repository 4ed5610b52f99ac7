/**
 * Changing leaves of a persistent tree: copies the nodes above the changed leaves, shares the rest, and says which
 * public keys came and went. What becomes of each parent on the way is the caller's rule.
 */
import { equalBytes } from '@dmls/crypto'
import { type HeldKey, KeyIndex } from './key-index.ts'
import type { ParentNode } from './parent-node.ts'
import { isLeaf, leftChild, nodeLevel, rightChild } from './tree-math.ts'
import { LeafSlot, ParentSlot, parentSlot, type Slot } from './tree-slot.ts'

export interface LeafEdit {
  readonly leafIndex: number
  /** The new leaf, or undefined to blank it. */
  readonly slot: LeafSlot | undefined
}

/** The parent node's new value, given the edits `from … to − 1` that happen below it. */
export type ParentRule = (
  index: number,
  parent: ParentNode | undefined,
  edits: readonly LeafEdit[],
  from: number,
  to: number,
) => ParentNode | undefined

/** The keys in a tree; see {@link KeyIndex}. */
export interface TreeKeys {
  /** Encryption keys of leaves and parents, held by node index. */
  readonly encryption: KeyIndex
  /** Signature keys of leaves, held by node index. */
  readonly signature: KeyIndex
}

/** Collects which keys an edit takes out and puts in, to apply them together. */
export class KeyChanges {
  /** Keeps the class known to V8's compilers over full collections; see {@link Reader.exemplar}. */
  static readonly exemplar: KeyChanges = new KeyChanges()

  readonly #encryptionOut: HeldKey[] = []
  readonly #encryptionIn: HeldKey[] = []
  readonly #signatureOut: HeldKey[] = []
  readonly #signatureIn: HeldKey[] = []

  out(slot: Slot | undefined): void {
    collect(slot, this.#encryptionOut, this.#signatureOut)
  }

  /** Takes out the keys of a whole subtree. */
  outAll(root: Slot | undefined): void {
    collectAll(root, this.#encryptionOut, this.#signatureOut)
  }

  in(slot: Slot | undefined): void {
    collect(slot, this.#encryptionIn, this.#signatureIn)
  }

  apply(keys: TreeKeys): TreeKeys {
    return {
      encryption: keys.encryption.changed(this.#encryptionOut, this.#encryptionIn),
      // whoever gets a new leaf keeps its signature key almost always
      signature: sameKeys(this.#signatureOut, this.#signatureIn)
        ? keys.signature
        : keys.signature.changed(this.#signatureOut, this.#signatureIn),
    }
  }
}

function sameKeys(a: readonly HeldKey[], b: readonly HeldKey[]): boolean {
  return a.length === b.length && a.every(({ key, holder }, i) => b[i]?.holder === holder && equalBytes(key, b[i].key))
}

function collect(slot: Slot | undefined, encryption: HeldKey[], signature: HeldKey[]): void {
  if (slot instanceof LeafSlot) {
    encryption.push({ key: slot.leaf.encryptionKey, holder: slot.index })
    signature.push({ key: slot.leaf.signatureKey, holder: slot.index })
  } else if (slot?.parent !== undefined) {
    encryption.push({ key: slot.parent.encryptionKey, holder: slot.index })
  }
}

function collectAll(root: Slot | undefined, encryption: HeldKey[], signature: HeldKey[]): void {
  collect(root, encryption, signature)
  if (root instanceof ParentSlot) {
    collectAll(root.left, encryption, signature)
    collectAll(root.right, encryption, signature)
  }
}

/** The keys of every node of a subtree. */
export function keysOf(root: Slot | undefined): TreeKeys {
  const encryption: HeldKey[] = []
  const signature: HeldKey[] = []
  collectAll(root, encryption, signature)
  return { encryption: KeyIndex.of(encryption), signature: KeyIndex.of(signature) }
}

/** The keys of tree `to`, from those of `from`: looks only at nodes that the two do not share. */
export function keysFrom(keys: TreeKeys, from: Slot | undefined, to: Slot | undefined): TreeKeys {
  const changes = new KeyChanges()
  compare(from, to, changes)
  return changes.apply(keys)
}

function compare(from: Slot | undefined, to: Slot | undefined, changes: KeyChanges): void {
  if (from === to) return
  // of two heights, the lower tree stands in the place of the higher root's left child
  const level = Math.max(levelOf(from), levelOf(to))
  const old = levelOf(from) === level ? from : undefined
  const next = levelOf(to) === level ? to : undefined
  changes.out(old)
  changes.in(next)
  if (level === 0) return
  compare(old === undefined ? from : leftOf(old), next === undefined ? to : leftOf(next), changes)
  compare(rightOf(old), rightOf(next), changes)
}

function levelOf(slot: Slot | undefined): number {
  return slot === undefined ? -1 : nodeLevel(slot.index)
}

function leftOf(slot: Slot): Slot | undefined {
  return slot instanceof ParentSlot ? slot.left : undefined
}

function rightOf(slot: Slot | undefined): Slot | undefined {
  return slot instanceof ParentSlot ? slot.right : undefined
}

/** A subtree after edits, which are sorted by leaf index, all below the node at `index`. */
export function editSubtree(
  slot: Slot | undefined,
  index: number,
  edits: readonly LeafEdit[],
  rule: ParentRule,
  changes: KeyChanges,
  from = 0,
  to: number = edits.length,
): Slot | undefined {
  if (from === to) return slot
  changes.out(slot)
  const next = isLeaf(index) ? edits[from]?.slot : editParent(slot, index, edits, rule, changes, from, to)
  changes.in(next)
  return next
}

function editParent(
  slot: Slot | undefined,
  index: number,
  edits: readonly LeafEdit[],
  rule: ParentRule,
  changes: KeyChanges,
  from: number,
  to: number,
): Slot | undefined {
  const old = slot instanceof ParentSlot ? slot : undefined
  const rightmostLeft = (index - 1) / 2
  let middle = from
  while (middle < to && (edits[middle] as LeafEdit).leafIndex <= rightmostLeft) middle++
  return parentSlot(
    index,
    rule(index, old?.parent, edits, from, to),
    editSubtree(old?.left, leftChild(index), edits, rule, changes, from, middle),
    editSubtree(old?.right, rightChild(index), edits, rule, changes, middle, to),
  )
}
