import fc from 'fast-check'
import { expect, test } from 'vitest'
import * as math from '../../src/tree/tree-math.ts'
import { vectorTest } from '../vectors.ts'

interface TreeMathVector {
  readonly n_leaves: number
  readonly n_nodes: number
  readonly root: number
  readonly left: readonly (number | null)[]
  readonly right: readonly (number | null)[]
  readonly parent: readonly (number | null)[]
  readonly sibling: readonly (number | null)[]
}

function orNull(compute: () => number): number | null {
  try {
    return compute()
  } catch {
    return null
  }
}

vectorTest<TreeMathVector>('mls', 'tree-math', 'index arithmetic agrees with the tree-math vectors', (vectors) => {
  expect(vectors.length).toBeGreaterThan(0)
  for (const vector of vectors) {
    const { n_leaves: leafCount } = vector
    expect(math.nodeWidth(leafCount)).toBe(vector.n_nodes)
    expect(math.rootIndex(leafCount)).toBe(vector.root)
    for (let x = 0; x < vector.n_nodes; x++) {
      expect(orNull(() => math.leftChild(x))).toBe(vector.left[x])
      expect(orNull(() => math.rightChild(x))).toBe(vector.right[x])
      expect(orNull(() => math.parentIndex(x, leafCount))).toBe(vector.parent[x])
      expect(orNull(() => math.siblingIndex(x, leafCount))).toBe(vector.sibling[x])
    }
  }
})

const inTree = fc.integer({ min: 0, max: 12 }).chain((height) => {
  const leafCount = 2 ** height
  const node = fc.integer({ min: 0, max: math.nodeWidth(leafCount) - 1 })
  return fc.record({ leafCount: fc.constant(leafCount), x: node, y: node })
})

test('the common ancestor of two nodes is the lowest node on both of their paths', () => {
  fc.assert(
    fc.property(inTree, ({ leafCount, x, y }) => {
      const path = [x, ...math.directPath(x, leafCount)]
      const other = new Set([y, ...math.directPath(y, leafCount)])
      expect(math.commonAncestor(x, y)).toBe(path.find((node) => other.has(node)))
    }),
  )
})

test('the copath holds the sibling of each node from the leaf up to below the root', () => {
  fc.assert(
    fc.property(inTree, ({ leafCount, x }) => {
      const below = [x, ...math.directPath(x, leafCount)].slice(0, -1)
      expect(math.copath(x, leafCount)).toEqual(below.map((node) => math.siblingIndex(node, leafCount)))
    }),
  )
})

test('a node is within exactly its ancestors and itself', () => {
  fc.assert(
    fc.property(inTree, ({ leafCount, x, y }) => {
      expect(math.isWithin(x, y)).toBe(x === y || math.directPath(x, leafCount).includes(y))
      const { first, count } = math.leafRange(y)
      if (math.isLeaf(x)) {
        expect(math.isWithin(x, y)).toBe(math.nodeToLeaf(x) >= first && math.nodeToLeaf(x) < first + count)
      }
    }),
  )
})

test('index arithmetic holds at the widest tree', () => {
  const leafCount = math.LEAF_COUNT_MAX
  const last = math.leafToNode(leafCount - 1)
  expect(math.directPath(last, leafCount)).toHaveLength(30)
  expect(math.directPath(last, leafCount).at(-1)).toBe(math.rootIndex(leafCount))
  expect(math.commonAncestor(0, last)).toBe(leafCount - 1)
  expect(math.siblingIndex(last, leafCount)).toBe(last - 2)
})

test('questions that have no answer are refused', () => {
  expect(() => math.rootIndex(0)).toThrow('no root')
  expect(() => math.nodeToLeaf(3)).toThrow('not a leaf')
  expect(() => math.leftChild(4)).toThrow('no children')
  expect(() => math.parentIndex(3, 4)).toThrow('no parent')
})
