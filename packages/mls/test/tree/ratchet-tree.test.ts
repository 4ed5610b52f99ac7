/** The persistent tree against the plain one of the RFC, over random histories. */
import { type CipherSuite, systemRandom, toHex } from '@dmls/crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { filteredDirectPath } from '../../src/tree/filtered-direct-path.ts'
import { checkGroupRequirements } from '../../src/tree/group-requirements.ts'
import { hashPath, verifyParentHashes } from '../../src/tree/parent-hash.ts'
import type { ParentNode } from '../../src/tree/parent-node.ts'
import { RatchetTree } from '../../src/tree/ratchet-tree.ts'
import { decodeRatchetTreeBytes, ratchetTreeBytes } from '../../src/tree/ratchet-tree-extension.ts'
import { LEAF_COUNT_MAX } from '../../src/tree/tree-math.ts'
import { loadTree, TreeCache, treeRecords } from '../../src/tree/tree-records.ts'
import { resolutionEntry } from '../../src/tree/tree-slot.ts'
import { checkStructure } from '../../src/tree/tree-validation.ts'
import type { LeafNode } from '../../src/wire/leaf-node.ts'
import { suite } from '../suites.ts'
import { type NaiveNode, NaiveTree } from './naive-tree.ts'
import { capabilities, fakeLeaf } from './people.ts'

/** A step of a history; `who` chooses among the members there are. */
type Step =
  | { readonly kind: 'add'; readonly count: number; readonly credential: boolean }
  | { readonly kind: 'update' | 'remove' | 'path'; readonly who: number; readonly count: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('add' as const),
      count: fc.integer({ min: 1, max: 6 }),
      credential: fc.boolean(),
    }),
  },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('path' as const), who: fc.nat(), count: fc.constant(1) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('update' as const),
      who: fc.nat(),
      count: fc.integer({ min: 1, max: 3 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('remove' as const),
      who: fc.nat(),
      count: fc.integer({ min: 1, max: 6 }),
    }),
  },
)
const history = fc.array(step, { minLength: 1, maxLength: 24 })

interface Pair {
  readonly tree: RatchetTree
  readonly naive: NaiveTree
}

function newLeaf(rare: boolean): LeafNode {
  // a member with other capabilities and another credential type now and then
  const other: Partial<LeafNode> = {
    capabilities: { ...capabilities, extensions: [0xf002, 0x0a0a], credentials: [2, 1, 7] },
    credential: { credentialType: 'other', type: 7, content: systemRandom(4) },
  }
  return fakeLeaf('somebody', rare ? other : {})
}

/** Some members' leaf indices, in no order. */
function chosen(naive: NaiveTree, who: number, count: number): number[] {
  const leaves = naive.leaves().map(({ leafIndex }) => leafIndex)
  const start = who % leaves.length
  return [...leaves.slice(start), ...leaves.slice(0, start)].slice(0, count)
}

function taken({ tree, naive: before }: Pair, each: Step): Pair {
  const naive = before.copy()
  if (each.kind === 'add') {
    const leaves = Array.from({ length: each.count }, () => newLeaf(each.credential))
    const { tree: next, leafIndices } = tree.addLeaves(leaves)
    expect(leafIndices).toEqual(leaves.map((leaf) => naive.add(leaf)))
    return { tree: next, naive }
  }
  if (naive.leaves().length === 0) return { tree, naive }
  const who = chosen(naive, each.who, each.count)
  if (each.kind === 'update') {
    const updates = who.map((leafIndex) => ({ leafIndex, leafNode: newLeaf(false) }))
    for (const { leafIndex, leafNode } of updates) naive.update(leafIndex, leafNode)
    return { tree: tree.updateLeaves(updates), naive }
  }
  if (each.kind === 'remove') {
    for (const leafIndex of who) naive.remove(leafIndex)
    return { tree: tree.removeLeaves(who), naive }
  }
  return withPath(tree, naive, who[0] as number)
}

function withPath(tree: RatchetTree, naive: NaiveTree, leafIndex: number): Pair {
  const path = filteredDirectPath(tree, leafIndex)
  expect(path.map(({ nodeIndex: index, copathIndex: copath }) => ({ index, copath }))).toEqual(
    naive.filteredDirectPath(leafIndex),
  )
  const keys = path.map(() => systemRandom(32))
  const { parents, leafParentHash } = hashPath(tree, path, keys)
  expect(toHex(leafParentHash)).toBe(toHex(naive.setPath(suite, leafIndex, keys)))
  const leaf = fakeLeaf('a committer', { source: { leafNodeSource: 'commit', parentHash: leafParentHash } })
  naive.nodes[2 * leafIndex] = leaf
  return { tree: tree.withPath(leafIndex, leaf, parents), naive }
}

function played(steps: readonly Step[]): Pair[] {
  const pairs: Pair[] = [{ tree: RatchetTree.empty(suite), naive: new NaiveTree() }]
  for (const each of steps) pairs.push(taken(pairs.at(-1) as Pair, each))
  return pairs.slice(1)
}

function sorted(values: Iterable<number>): number[] {
  return [...new Set(values)].sort((a, b) => a - b)
}

function expectSame({ tree, naive }: Pair): void {
  const leaves = naive.leaves()
  expect(tree.memberCount).toBe(leaves.length)
  expect([...tree.members()]).toEqual(leaves.map(({ leafIndex, leaf }) => ({ leafIndex, leafNode: leaf })))
  expect(tree.nextLeafIndex).toBe(naive.nextLeafIndex)
  if (leaves.length === 0) {
    expect(tree.leafCount).toBe(0)
    return
  }
  expect(tree.leafCount).toBe(naive.leafCount)
  expect(toHex(tree.treeHash())).toBe(toHex(naive.treeHash(suite)))
  expect(toHex(ratchetTreeBytes(tree))).toBe(toHex(naive.encoded()))
}

/** What is compared node by node; slower. */
function expectSameNodes({ tree, naive }: Pair): void {
  for (const index of naive.nodes.keys()) {
    expect(tree.resolution(index)).toEqual(naive.resolution(index))
    expect(toHex(tree.nodeHash(index))).toBe(toHex(naive.treeHash(suite, index)))
    const node = naive.nodes[index]
    expect(tree.encryptionKey(index)).toBe(node?.encryptionKey)
    if (node !== undefined) expect(tree.hasEncryptionKey(node.encryptionKey)).toBe(true)
    for (const [rank, entry] of naive.resolution(index).entries()) {
      for (const { leafIndex } of naive.leaves().filter((leaf) => 2 * leaf.leafIndex === entry)) {
        expect(resolutionEntry(tree.slot(index), 2 * leafIndex)).toEqual({ index: entry, rank })
      }
    }
  }
}

describe('a random history', () => {
  test('leads to the same tree as the algorithms of the RFC, and leaves every earlier tree as it was', () => {
    fc.assert(
      fc.property(history, (steps) => {
        const pairs = played(steps)
        for (const pair of pairs) expectSame(pair)
        expectSameNodes(pairs.at(-1) as Pair)
      }),
      { numRuns: 60 },
    )
  })

  test('keeps keys, capabilities and credential types of exactly the members that there are', () => {
    fc.assert(
      fc.property(history, (steps) => {
        const pairs = played(steps)
        const everyKey = pairs.flatMap(({ naive }) => naive.nodes.flatMap((node) => node?.encryptionKey ?? []))
        for (const { tree, naive } of pairs) {
          const now = new Set(naive.nodes.flatMap((node) => node?.encryptionKey ?? []))
          for (const key of everyKey) expect(tree.hasEncryptionKey(key)).toBe(now.has(key))
          const leaves = naive.leaves()
          for (const { leafIndex, leaf } of leaves) {
            expect(tree.findLeafBySignatureKey(leaf.signatureKey)).toBe(leafIndex)
            expect(tree.findLeafByEncryptionKey(leaf.encryptionKey)).toBe(leafIndex)
          }
          expect(tree.encryptionKeysUnique && tree.signatureKeysUnique).toBe(true)
          const all = (list: (leaf: LeafNode) => readonly number[]): number[] =>
            sorted(leaves.flatMap(({ leaf }) => list(leaf))).filter((value) =>
              leaves.every(({ leaf }) => list(leaf).includes(value)),
            )
          if (leaves.length === 0) continue
          expect(tree.capabilities).toEqual({
            versions: all((leaf) => leaf.capabilities.versions),
            cipherSuites: all((leaf) => leaf.capabilities.cipherSuites),
            extensions: all((leaf) => leaf.capabilities.extensions),
            proposals: all((leaf) => leaf.capabilities.proposals),
            credentials: all((leaf) => leaf.capabilities.credentials),
            credentialTypesInUse: sorted(
              leaves.map(({ leaf }) => (leaf.credential.credentialType === 'other' ? leaf.credential.type : 1)),
            ),
          })
        }
      }),
      { numRuns: 60 },
    )
  })

  test('leads to a tree whose structure and parent hashes a joiner accepts', () => {
    fc.assert(
      fc.property(history, (steps) => {
        for (const { tree, naive } of played(steps)) {
          if (tree.memberCount === 0) continue
          checkStructure(tree)
          verifyParentHashes(tree)
          for (const [index, node] of naive.nodes.entries()) {
            if (index % 2 === 1 && node !== undefined) expect(naive.parentHashValid(suite, index)).toBe(true)
          }
        }
      }),
      { numRuns: 30 },
    )
  })

  test('survives encoding', () => {
    fc.assert(
      fc.property(history, (steps) => {
        for (const pair of played(steps)) {
          if (pair.tree.memberCount === 0) continue
          const decoded = decodeRatchetTreeBytes(suite, ratchetTreeBytes(pair.tree))
          expect(decoded.leafCount).toBe(pair.tree.leafCount)
          expect(toHex(decoded.treeHash())).toBe(toHex(pair.tree.treeHash()))
          expect(decoded.capabilities).toEqual(pair.tree.capabilities)
          for (const { leafNode, leafIndex } of pair.tree.members()) {
            expect(decoded.findLeafByEncryptionKey(leafNode.encryptionKey)).toBe(leafIndex)
          }
        }
      }),
      { numRuns: 30 },
    )
  })

  test('survives storage, epoch by epoch, with one set of records and shared subtrees', () => {
    fc.assert(
      fc.property(history, (steps) => {
        const store = new Map<string, Uint8Array>()
        const pairs = played(steps).filter(({ tree }) => tree.memberCount > 0)
        for (const { tree } of pairs) {
          for (const { hash, bytes } of treeRecords(tree, (known) => store.has(toHex(known)))) {
            store.set(toHex(hash), bytes)
          }
        }
        const cache = new TreeCache(suite)
        for (const { tree, naive } of pairs) {
          const get = (hash: Uint8Array): Uint8Array | undefined => store.get(toHex(hash))
          const loaded = loadTree(suite, tree.treeHash(), get, cache)
          expectSame({ tree: loaded, naive })
          const now = new Set(naive.nodes.flatMap((node) => node?.encryptionKey ?? []).map(toHex))
          for (const key of pairs.flatMap((pair) => pair.naive.nodes.flatMap((node) => node?.encryptionKey ?? []))) {
            expect(loaded.hasEncryptionKey(key)).toBe(now.has(toHex(key)))
          }
          expect(loaded.encryptionKeysUnique && loaded.signatureKeysUnique).toBe(true)
          // loading the same tree again touches no record and makes no new node
          const again = loadTree(suite, tree.treeHash(), () => undefined, cache)
          expect(again.parts.root).toBe(loaded.parts.root)
        }
      }),
      { numRuns: 30 },
    )
  })
})

describe('keys that two members share', () => {
  test('are noticed when they come and forgotten when they go', () => {
    const alice = fakeLeaf('alice')
    const bob = fakeLeaf('bob', { signatureKey: alice.signatureKey })
    const charlie = fakeLeaf('charlie', { encryptionKey: alice.encryptionKey })
    const { tree } = RatchetTree.empty(suite).addLeaves([alice, bob, charlie])
    expect([tree.signatureKeysUnique, tree.encryptionKeysUnique]).toEqual([false, false])
    expect(tree.removeLeaf(1).signatureKeysUnique).toBe(true)
    expect(tree.removeLeaf(2).encryptionKeysUnique).toBe(true)
    expect(tree.updateLeaf(0, fakeLeaf('alice')).findLeafBySignatureKey(alice.signatureKey)).toBe(1)
    expect(() => checkGroupRequirements(tree.removeLeaf(1), [])).toThrow('two nodes have one encryption key')
    expect(() => checkGroupRequirements(tree.removeLeaf(2), [])).toThrow('two members have one signature key')
  })
})

describe('a commit in a large group', () => {
  /** How many hashes an addition, a removal and a path cost in a group of some size. */
  function hashesIn(size: number): number[] {
    let count = 0
    const counting: CipherSuite = Object.create(suite, {
      hash: {
        value: (data: Uint8Array): Uint8Array => {
          count++
          return suite.hash(data)
        },
      },
    })
    const counted = (step: () => RatchetTree): number => {
      count = 0
      step().treeHash()
      return count
    }
    const { tree } = RatchetTree.empty(counting).addLeaves(Array.from({ length: size }, () => fakeLeaf()))
    tree.treeHash()
    return [
      counted(() => tree.updateLeaf(size / 2, fakeLeaf())),
      counted(() => tree.removeLeaf(size / 2)),
      counted(() => tree.removeLeaf(3).addLeaf(fakeLeaf()).tree),
      counted(() => {
        const path = filteredDirectPath(tree, 5)
        const { parents } = hashPath(
          tree,
          path,
          path.map(() => systemRandom(32)),
        )
        return tree.withPath(5, fakeLeaf(), parents)
      }),
    ]
  }

  test('hashes the nodes of its path and no others', () => {
    for (const height of [3, 8, 12]) {
      // the path itself; for a removal the blank leaf; for an UpdatePath also the parent hashes
      expect(hashesIn(2 ** height)).toEqual([height + 1, height + 1, height + 1, 2 * height + 1])
    }
  })
})

describe('trees that others made in ways that we would not', () => {
  const parent = (unmergedLeaves: readonly number[]): ParentNode => {
    return { encryptionKey: systemRandom(32), parentHash: new Uint8Array(0), unmergedLeaves }
  }
  const decoded = (nodes: readonly NaiveNode[]): RatchetTree =>
    decodeRatchetTreeBytes(suite, NaiveTree.of(nodes).encoded())

  test('unmerged leaves stay sorted when a blank to their left is filled', () => {
    const tree = decoded([fakeLeaf('alice'), undefined, undefined, parent([2]), fakeLeaf('charlie')])
    const { tree: wider } = tree.addLeaves([fakeLeaf('bob'), fakeLeaf('dave')])
    expect(wider.parent(3)?.unmergedLeaves).toEqual([1, 2, 3])
  })

  test('a parent node above blanks only is forgotten when the tree is truncated', () => {
    const [lonely, root] = [parent([]), parent([])]
    const tree = decoded([fakeLeaf('alice'), lonely, undefined, root, fakeLeaf('charlie')])
    const truncated = tree.removeLeaf(2)
    expect(truncated.leafCount).toBe(1)
    expect([root, lonely].map((node) => truncated.hasEncryptionKey(node.encryptionKey))).toEqual([false, false])
  })
})

describe('steps that name no member', () => {
  const { tree } = RatchetTree.empty(suite).addLeaves([fakeLeaf('alice'), fakeLeaf('bob'), fakeLeaf('charlie')])

  test.each([3, 4, 1 << 31, 2 ** 32 - 1, -1, 0.5, Number.NaN])(
    'removing or updating leaf %d is refused',
    (leafIndex) => {
      expect(() => tree.removeLeaf(leafIndex)).toThrow('names no member')
      expect(() => tree.updateLeaf(leafIndex, fakeLeaf())).toThrow('names no member')
      expect(tree.leaf(leafIndex)).toBeUndefined()
    },
  )

  test('one leaf is not changed twice in a step', () => {
    expect(() => tree.removeLeaves([1, 1])).toThrow('two changes name one leaf')
  })

  test('a node beyond the tree has no hash and no resolution', () => {
    expect(() => tree.nodeHash(7)).toThrow('no such node')
    expect(() => tree.resolution(7)).toThrow('no such node')
    expect(tree.parent(2 ** 33)).toBeUndefined()
  })

  test('a tree does not grow beyond what node indices can say', () => {
    expect(() => tree.withRoomFor(LEAF_COUNT_MAX)).toThrow('so many leaves')
    expect(tree.withRoomFor(LEAF_COUNT_MAX - 1).leafCount).toBe(LEAF_COUNT_MAX)
  })

  test('the empty tree has neither a hash nor an encoding', () => {
    const empty = RatchetTree.empty(suite)
    expect(() => empty.treeHash()).toThrow('empty tree')
    expect(() => ratchetTreeBytes(empty)).toThrow('empty tree')
    expect(() => checkGroupRequirements(empty, [])).toThrow('no members')
  })
})
