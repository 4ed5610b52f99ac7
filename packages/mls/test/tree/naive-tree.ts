/**
 * The ratchet tree as RFC 9420 writes it down: an array of nodes, every algorithm in its plainest form, nothing kept.
 * What the persistent tree is compared with.
 */
import { type CipherSuite, equalBytes } from '@dmls/crypto'
import { encodeWhole } from '../../src/codec/writer.ts'
import { encodeParentNode, type ParentNode } from '../../src/tree/parent-node.ts'
import { type LeafNode, leafNodeBytes } from '../../src/wire/leaf-node.ts'

export type NaiveNode = LeafNode | ParentNode | undefined

function isLeafNode(node: NaiveNode): node is LeafNode {
  return node !== undefined && 'signatureKey' in node
}

function level(index: number): number {
  let k = 0
  while (((index >> k) & 1) === 1) k++
  return k
}

export class NaiveTree {
  nodes: NaiveNode[] = []

  static of(nodes: readonly NaiveNode[]): NaiveTree {
    const tree = new NaiveTree()
    tree.nodes = [...nodes]
    return tree
  }

  copy(): NaiveTree {
    return NaiveTree.of(this.nodes)
  }

  get leafCount(): number {
    return (this.nodes.length + 1) / 2
  }

  get root(): number {
    return (this.nodes.length - 1) / 2
  }

  leaves(): { readonly leafIndex: number; readonly leaf: LeafNode }[] {
    return this.nodes.flatMap((node, index) => (isLeafNode(node) ? [{ leafIndex: index / 2, leaf: node }] : []))
  }

  leaf(leafIndex: number): LeafNode | undefined {
    const node = this.nodes[2 * leafIndex]
    return isLeafNode(node) ? node : undefined
  }

  parent(index: number): ParentNode | undefined {
    const node = this.nodes[index]
    return node === undefined || isLeafNode(node) ? undefined : node
  }

  children(index: number): readonly [number, number] {
    const half = 1 << (level(index) - 1)
    return [index - half, index + half]
  }

  above(index: number): number | undefined {
    return this.nodes.findIndex((_, i) => i % 2 === 1 && this.children(i).includes(index))
  }

  directPath(leafIndex: number): number[] {
    const path: number[] = []
    for (let at = 2 * leafIndex; at !== this.root; ) {
      at = this.above(at) as number
      path.push(at)
    }
    return path
  }

  below(index: number): number[] {
    return index % 2 === 0 ? [index / 2] : this.children(index).flatMap((child) => this.below(child))
  }

  resolution(index: number): number[] {
    const node = this.nodes[index]
    if (node !== undefined) return isLeafNode(node) ? [index] : [index, ...node.unmergedLeaves.map((leaf) => 2 * leaf)]
    return index % 2 === 0 ? [] : this.children(index).flatMap((child) => this.resolution(child))
  }

  treeHash(suite: CipherSuite, index: number = this.root): Uint8Array {
    const input = encodeWhole(index, (writer) => {
      if (index % 2 === 0) {
        writer.uint8(1).uint32(index / 2)
        writer.optional(this.leaf(index / 2), (w, leaf) => w.fixed(leafNodeBytes(leaf)))
      } else {
        const [left, right] = this.children(index)
        writer.uint8(2).optional(this.parent(index), encodeParentNode)
        writer.opaque(this.treeHash(suite, left)).opaque(this.treeHash(suite, right))
      }
    })
    return suite.hash(input)
  }

  encoded(): Uint8Array {
    const last = this.nodes.findLastIndex((node) => node !== undefined)
    return encodeWhole(this.nodes.slice(0, last + 1), (writer, nodes) => {
      writer.vector(nodes, (w, node) => {
        w.optional(node, (inner, present) => {
          if (isLeafNode(present)) inner.uint8(1).fixed(leafNodeBytes(present))
          else encodeParentNode(inner.uint8(2), present)
        })
      })
    })
  }

  get nextLeafIndex(): number {
    const blank = this.nodes.findIndex((node, index) => index % 2 === 0 && node === undefined)
    return blank === -1 ? (this.nodes.length === 0 ? 0 : this.leafCount) : blank / 2
  }

  #extend(): void {
    const added = this.nodes.length === 0 ? 1 : this.nodes.length + 1
    for (let i = 0; i < added; i++) this.nodes.push(undefined)
  }

  add(leaf: LeafNode): number {
    const leafIndex = this.nextLeafIndex
    if (2 * leafIndex >= this.nodes.length) this.#extend()
    for (const index of this.directPath(leafIndex)) {
      const parent = this.parent(index)
      if (parent === undefined) continue
      const unmergedLeaves = [...parent.unmergedLeaves, leafIndex].sort((a, b) => a - b)
      this.nodes[index] = { ...parent, unmergedLeaves }
    }
    this.nodes[2 * leafIndex] = leaf
    return leafIndex
  }

  update(leafIndex: number, leaf: LeafNode): void {
    this.nodes[2 * leafIndex] = leaf
    for (const index of this.directPath(leafIndex)) this.nodes[index] = undefined
  }

  remove(leafIndex: number): void {
    for (const index of this.directPath(leafIndex)) this.nodes[index] = undefined
    this.nodes[2 * leafIndex] = undefined
    while (this.nodes.length > 0) {
      const right = this.nodes.slice(this.root + (this.nodes.length === 1 ? 0 : 1))
      if (right.some((node) => isLeafNode(node))) break
      this.nodes = this.nodes.slice(0, this.root)
    }
  }

  /** Each with its copath child. */
  filteredDirectPath(leafIndex: number): { readonly index: number; readonly copath: number }[] {
    return this.directPath(leafIndex)
      .map((index) => ({ index, copath: this.children(index).find((child) => !this.below(child).includes(leafIndex)) }))
      .filter((entry): entry is { index: number; copath: number } => this.resolution(entry.copath as number).length > 0)
  }

  /** `original_sibling_tree_hash` of a parent node and one of its children. */
  originalSiblingTreeHash(suite: CipherSuite, index: number, sibling: number): Uint8Array {
    const blanked = this.copy()
    for (const leafIndex of this.parent(index)?.unmergedLeaves ?? []) {
      blanked.nodes[2 * leafIndex] = undefined
      for (const [at, node] of blanked.nodes.entries()) {
        if (node === undefined || isLeafNode(node)) continue
        blanked.nodes[at] = { ...node, unmergedLeaves: node.unmergedLeaves.filter((leaf) => leaf !== leafIndex) }
      }
    }
    return blanked.treeHash(suite, sibling)
  }

  parentHash(suite: CipherSuite, index: number, sibling: number): Uint8Array {
    const parent = this.parent(index) as ParentNode
    return suite.hash(
      encodeWhole(parent, (writer) => {
        writer.opaque(parent.encryptionKey).opaque(parent.parentHash)
        writer.opaque(this.originalSiblingTreeHash(suite, index, sibling))
      }),
    )
  }

  /** Puts keys on a leaf's filtered direct path; returns the parent hash for the leaf, which `setLeaf` then sets. */
  setPath(suite: CipherSuite, leafIndex: number, keys: readonly Uint8Array[]): Uint8Array {
    const path = this.filteredDirectPath(leafIndex)
    for (const index of this.directPath(leafIndex)) this.nodes[index] = undefined
    let parentHash: Uint8Array = new Uint8Array(0)
    for (const [i, { index, copath }] of [...path.entries()].reverse()) {
      this.nodes[index] = { encryptionKey: keys[i] as Uint8Array, parentHash, unmergedLeaves: [] }
      parentHash = this.parentHash(suite, index, copath)
    }
    return parentHash
  }

  /** Whether a non-blank parent node has exactly one descendant that is valid with respect to it (RFC 9420 §7.9.2). */
  parentHashValid(suite: CipherSuite, index: number): boolean {
    const parent = this.parent(index) as ParentNode
    const descendants = this.children(index).flatMap((child, side) => {
      const sibling = this.children(index)[1 - side] as number
      const expected = this.parentHash(suite, index, sibling)
      const inside = this.below(child)
      const unmerged = parent.unmergedLeaves.filter((leaf) => inside.includes(leaf)).map((leaf) => 2 * leaf)
      const resolution = this.resolution(child)
      return resolution.filter((candidate) => {
        const node = this.nodes[candidate]
        const claimed = isLeafNode(node) ? claimedBy(node) : node?.parentHash
        const others = resolution.filter((each) => each !== candidate).sort((a, b) => a - b)
        const same = others.length === unmerged.length && others.every((each, i) => each === unmerged[i])
        return claimed !== undefined && same && equalBytes(claimed, expected)
      })
    })
    return descendants.length === 1
  }
}

function claimedBy(leaf: LeafNode): Uint8Array | undefined {
  return leaf.source.leafNodeSource === 'commit' ? leaf.source.parentHash : undefined
}
