/** Records of trees: few per epoch, and nothing is believed that its name does not prove. */
import { type CipherSuite, toHex } from '@dmls/crypto'
import { describe, expect, test } from 'vitest'
import { filteredDirectPath } from '../../src/tree/filtered-direct-path.ts'
import { hashPath } from '../../src/tree/parent-hash.ts'
import { RatchetTree } from '../../src/tree/ratchet-tree.ts'
import { parentHashInput, TreeHasher } from '../../src/tree/tree-hash.ts'
import { loadTree, TreeCache, treeRecordChildren, treeRecords } from '../../src/tree/tree-records.ts'
import { suite } from '../suites.ts'
import { fakeLeaf } from './people.ts'

function stored(tree: RatchetTree): Map<string, Uint8Array> {
  return new Map([...treeRecords(tree, () => false)].map(({ hash, bytes }) => [toHex(hash), bytes]))
}

function load(records: ReadonlyMap<string, Uint8Array>, rootHash: Uint8Array): RatchetTree {
  return loadTree(suite, rootHash, (hash) => records.get(toHex(hash)))
}

function crowd(size: number): RatchetTree {
  return RatchetTree.empty(suite).addLeaves(Array.from({ length: size }, () => fakeLeaf())).tree
}

/** A commit's path from one leaf, with keys of nobody. */
function walked(tree: RatchetTree, leafIndex: number): RatchetTree {
  const path = filteredDirectPath(tree, leafIndex)
  const keys = path.map(() => fakeLeaf().encryptionKey)
  const { parents, leafParentHash: parentHash } = hashPath(tree, path, keys)
  return tree.withPath(leafIndex, fakeLeaf('', { source: { leafNodeSource: 'commit', parentHash } }), parents)
}

describe('the records of a tree', () => {
  test('of one more epoch are as many as its path has nodes', () => {
    const before = crowd(300)
    const records = stored(before)
    const fresh = [...treeRecords(walked(before, 123), (hash) => records.has(toHex(hash)))]
    expect(fresh).toHaveLength(10)
  })

  test('name each other from the root down, so that what no epoch needs can be found', () => {
    const tree = walked(crowd(5), 2)
    const records = stored(tree)
    const reached = new Set<string>()
    const pending = [tree.treeHash()]
    for (let hash = pending.pop(); hash !== undefined; hash = pending.pop()) {
      reached.add(toHex(hash))
      pending.push(...treeRecordChildren(records.get(toHex(hash)) as Uint8Array))
    }
    expect(reached).toEqual(new Set(records.keys()))
  })

  test('of two epochs that are loaded together share what did not change', () => {
    const before = crowd(40)
    const after = walked(before, 3)
    const records = new Map([...stored(before), ...stored(after)])
    const cache = new TreeCache(suite)
    let read = 0
    const get = (hash: Uint8Array): Uint8Array | undefined => {
      read++
      return records.get(toHex(hash))
    }
    const first = loadTree(suite, before.treeHash(), get, cache)
    read = 0
    const second = loadTree(suite, after.treeHash(), get, cache)
    expect(read).toBe(7)
    expect(second.slot(95)).toBe(first.slot(95))
    expect(second.leafCount).toBe(64)
  })

  test('do not make a tree when one is missing', () => {
    const tree = walked(crowd(5), 2)
    const records = stored(tree)
    for (const name of records.keys()) {
      const without = new Map([...records].filter(([each]) => each !== name))
      expect(() => load(without, tree.treeHash())).toThrow(
        expect.objectContaining({ blame: 'missing', code: 'tree_record_missing' }),
      )
    }
  })

  test('do not make a tree when a byte of one is another', () => {
    const tree = walked(crowd(5), 2)
    const records = stored(tree)
    for (const [name, bytes] of records) {
      for (let at = 0; at < bytes.length; at += at < 4 ? 1 : 13) {
        for (const bit of [0x01, 0x40, 0x80]) {
          const changed = bytes.map((byte, i) => (i === at ? byte ^ bit : byte))
          const tampered = new Map([...records, [name, changed]])
          expect(() => load(tampered, tree.treeHash())).toThrow(expect.objectContaining({ name: 'MlsError' }))
        }
      }
    }
  })

  test('do not make a tree when one is exchanged for a true record of another place', () => {
    const tree = walked(crowd(4), 2)
    const records = stored(tree)
    const leaf = toHex(tree.nodeHash(2))
    const swapped = new Map([...records, [leaf, records.get(toHex(tree.nodeHash(4))) as Uint8Array]])
    expect(() => load(swapped, tree.treeHash())).toThrow('not what its name says')
    // a subtree is no tree, unless it starts at the first leaf
    expect(() => load(records, tree.nodeHash(5))).toThrow('not what its name says')
    expect(load(records, tree.nodeHash(1)).leafCount).toBe(2)
  })

  test('do not make anybody hash a million blank leaves when the height of one is made up', () => {
    const wide = crowd(1).withRoomFor(1)
    const records = stored(wide)
    const name = toHex(wide.treeHash())
    const root = records.get(name) as Uint8Array
    const rightBlank = 0x80
    const higher = Uint8Array.from([rightBlank | 21, ...root.subarray(1)])
    let hashed = 0
    const hash = (data: Uint8Array): Uint8Array => {
      hashed++
      return suite.hash(data)
    }
    const counting: CipherSuite = { ...suite, hash }
    const get = (hash: Uint8Array): Uint8Array | undefined => (toHex(hash) === name ? higher : records.get(toHex(hash)))
    expect(() => loadTree(counting, wide.treeHash(), get)).toThrow('not what its name says')
    expect(hashed).toBeLessThan(10)
  })

  test('do not make a tree of blanks, and are not read as something else', () => {
    const hasher = new TreeHasher(suite)
    const record = Uint8Array.from([0xc1, ...parentHashInput(undefined, hasher.blankHash(0), hasher.blankHash(2))])
    const blank = new Map([[toHex(hasher.blankHash(1)), record]])
    expect(() => load(blank, hasher.blankHash(1))).toThrow('not what its name says')
    expect(treeRecordChildren(record)).toEqual([])
    const rest = record.slice(1)
    const [leafWithChildren, tooHigh, parentWithoutChildren] = [
      [0, ...rest],
      [0x3f, ...rest],
      [2, 1, ...rest.slice(1)],
    ]
    for (const changed of [leafWithChildren, tooHigh, parentWithoutChildren]) {
      expect(() => treeRecordChildren(Uint8Array.from(changed as number[]))).toThrow('not what its name says')
    }
  })
})
