/** Ratchet trees in packs: few records for a large group, one for a change, and nothing of what is gone. */
import { concatBytes, systemRandom, toHex, utf8 } from '@dmls/crypto'
import { nodeProvider } from '@dmls/crypto/node'
import { type LeafNode, loadTree, RatchetTree } from '@dmls/mls'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { TreePacks } from '../src/group/tree-packs.ts'
import { MemoryStore } from '../src/memory-store.ts'
import { groupRecordKey, groupRecordPrefix } from '../src/store-keys.ts'

const suite = nodeProvider.cipherSuite(1)
const GROUP_ID = utf8('a group')

function leaf(name: string): LeafNode {
  return {
    encryptionKey: systemRandom(32),
    signatureKey: systemRandom(32),
    credential: { credentialType: 'basic', identity: utf8(name) },
    capabilities: { versions: [1], cipherSuites: [1], extensions: [], proposals: [], credentials: [1] },
    source: { leafNodeSource: 'key_package', lifetime: { notBefore: 0n, notAfter: 1n } },
    extensions: [],
    signature: systemRandom(64),
  }
}

function crowd(size: number): RatchetTree {
  return RatchetTree.empty(suite).addLeaves(Array.from({ length: size }, (_, i) => leaf(`member ${i}`))).tree
}

/** A store with packs of one group, and what was written last. */
async function packed(...trees: readonly RatchetTree[]) {
  const store = new MemoryStore()
  const packs = new TreePacks(GROUP_ID)
  const write = async ({ operations, written }: ReturnType<TreePacks['add']>) => {
    const puts = operations.filter((operation) => operation.type === 'put').length
    await store.write(operations)
    written()
    return { puts, deletions: operations.length - puts }
  }
  await write(packs.add(trees))
  return { store, packs, write }
}

async function read(store: MemoryStore): Promise<Uint8Array[]> {
  const values: Uint8Array[] = []
  for await (const [, value] of store.entries({ prefix: groupRecordPrefix(GROUP_ID, 'node') })) values.push(value)
  return values
}

async function expectLoads(store: MemoryStore, ...trees: readonly RatchetTree[]): Promise<void> {
  const { nodes } = await TreePacks.load(store, GROUP_ID)
  for (const tree of trees) {
    const loaded = loadTree(suite, tree.treeHash(), (hash) => nodes.get(toHex(hash)))
    expect(loaded.treeHash()).toEqual(tree.treeHash())
    expect(loaded.memberCount).toBe(tree.memberCount)
  }
}

describe('packs of ratchet trees', () => {
  test('hold a thousand members in some sixty records, and what one member changed in one', async () => {
    const tree = crowd(1000)
    const { store, packs, write } = await packed(tree)
    expect((await read(store)).length).toBeLessThan(70)
    const next = tree.updateLeaf(500, leaf('alice'))
    expect(await write(packs.add([next]))).toEqual({ puts: 1, deletions: 0 })
    expect(await write(packs.add([next, tree]))).toEqual({ puts: 0, deletions: 0 })
    await expectLoads(store, tree, next)
  })

  test('forget a leaf that no tree has, and move its neighbours alone', async () => {
    const tree = crowd(1000).updateLeaf(500, leaf('somebody who leaves'))
    const { store, packs, write } = await packed(tree)
    const isThere = async () => (await read(store)).some((value) => Buffer.from(value).includes('somebody who leaves'))
    const next = tree.removeLeaf(500)
    await write(packs.add([next]))
    expect(await write(packs.sweep([tree, next]))).toEqual({ puts: 0, deletions: 0 })
    expect(await isThere()).toBe(true)
    const { puts, deletions } = await write(packs.sweep([next]))
    expect([puts, deletions]).toEqual([1, 1])
    expect(await isThere()).toBe(false)
    await expectLoads(store, next)
  })

  test('hold at most as many dead nodes as living ones after a sweep, in few packs', async () => {
    let tree = crowd(64)
    const { store, packs, write } = await packed(tree)
    for (let i = 0; i < 128; i++) {
      tree = tree.updateLeaf((i * 37) % 64, leaf('alice'))
      await write(packs.add([tree]))
      await write(packs.sweep([tree]))
      expect((await TreePacks.load(store, GROUP_ID)).nodes.size).toBeLessThanOrEqual(2 * 127)
      expect((await read(store)).length).toBeLessThanOrEqual(30)
    }
    await expectLoads(store, tree)
  })

  test('are written again when a tree comes back that was swept away', async () => {
    const tree = crowd(40)
    const { store, packs, write } = await packed(tree)
    const next = tree.updateLeaf(3, leaf('alice'))
    await write(packs.add([next]))
    await write(packs.sweep([next]))
    await write(packs.add([tree]))
    await expectLoads(store, tree, next)
  })

  test.for([false, true])(
    'are written again with what was swept away below them, read again: %s',
    async (readAgain) => {
      const first = crowd(7)
      const { store, packs, write } = await packed(first)
      const tree = first.updateLeaf(0, leaf('alice'))
      await write(packs.add([tree]))
      const wider = tree.addLeaves([leaf('bob')]).tree
      await write(packs.add([wider]))
      await write(packs.sweep([wider]))
      const then = readAgain ? (await TreePacks.load(store, GROUP_ID)).packs : packs
      // above bob all is as it was before he came
      const narrower = wider.removeLeaf(7)
      expect(narrower.treeHash()).toEqual(tree.treeHash())
      await write(then.add([narrower]))
      await expectLoads(store, wider, narrower)
    },
  )

  test('are numbered apart when two are made before one is written', async () => {
    const tree = crowd(40)
    const { store, packs, write } = await packed(tree)
    const next = tree.updateLeaf(3, leaf('alice'))
    const [added, swept] = [packs.add([next]), packs.sweep([next])]
    await write({
      operations: [...added.operations, ...swept.operations],
      written: () => {
        added.written()
        swept.written()
      },
    })
    await expectLoads(store, next)
  })

  test('whose number is none are refused', async () => {
    const { store } = await packed(crowd(2))
    await store.write([{ type: 'put', key: groupRecordKey(GROUP_ID, 'node', utf8('a name')), value: new Uint8Array() }])
    await expect(TreePacks.load(store, GROUP_ID)).rejects.toThrow(expect.objectContaining({ code: 'store_incomplete' }))
  })

  test('that were cut or grew are refused', async () => {
    const key = groupRecordKey(GROUP_ID, 'node', new Uint8Array(8))
    const { store } = await packed(crowd(2))
    const value = (await store.get(key)) as Uint8Array
    for (const changed of [value.slice(0, -1), concatBytes(value, Uint8Array.of(0)), value.slice(0, 20)]) {
      await store.write([{ type: 'put', key, value: changed }])
      await expect(TreePacks.load(store, GROUP_ID)).rejects.toThrow(expect.objectContaining({ name: 'MlsError' }))
    }
  })

  test('give back every tree that is kept, whatever came, went, was swept and read again', async () => {
    const step = fc.record({
      kind: fc.constantFrom('add', 'remove', 'update', 'sweep', 'reopen'),
      at: fc.nat(1000),
      kept: fc.integer({ min: 1, max: 3 }),
    })
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 70 }), fc.array(step, { maxLength: 25 }), async (size, steps) => {
        let trees = [crowd(size)]
        const { store, packs: first, write } = await packed(...trees)
        let packs = first
        for (const { kind, at, kept } of steps) {
          const head = trees.at(-1) as RatchetTree
          const members = [...head.members()].map(({ leafIndex }) => leafIndex)
          const chosen = members[at % members.length] as number
          if (kind === 'sweep') {
            trees = trees.slice(-kept)
            await write(packs.sweep(trees))
            const { nodes } = await TreePacks.load(store, GROUP_ID)
            const isLeaf = (bytes: Uint8Array) => bytes[0] === 0
            const leaves = new Set(
              trees.flatMap((tree) => [...tree.members()].map((m) => toHex(tree.nodeHash(2 * m.leafIndex)))),
            )
            expect(new Set([...nodes].filter(([, bytes]) => isLeaf(bytes)).map(([name]) => name))).toEqual(leaves)
          } else if (kind === 'reopen') {
            packs = (await TreePacks.load(store, GROUP_ID)).packs
          } else {
            if (kind === 'remove' && members.length === 1) continue
            const next =
              kind === 'add'
                ? head.addLeaves([leaf(`newcomer ${at}`)]).tree
                : kind === 'remove'
                  ? head.removeLeaf(chosen)
                  : head.updateLeaf(chosen, leaf(`changed ${at}`))
            trees.push(next)
            await write(packs.add([next]))
          }
          await expectLoads(store, ...trees)
        }
      }),
      { numRuns: 40 },
    )
  })
})
