import { inspect } from 'node:util'
import { equalBytes, toHex } from '@dmls/crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeWhole } from '../../src/codec/reader.ts'
import { Writer } from '../../src/codec/writer.ts'
import { deriveSecret, deriveTreeSecret } from '../../src/schedule/labeled.ts'
import { PuncturableTree } from '../../src/schedule/puncturable-tree.ts'
import { createExporterTree, safeExportSecret } from '../../src/schedule/safe-exporter.ts'
import { deriveTreeChild } from '../../src/schedule/tree-child.ts'
import { lingering, recording } from '../recording-suite.ts'
import { providers, suite } from '../suites.ts'
import { hex, vectorTest } from '../vectors.ts'

interface DmlsVector {
  readonly hash: string
  readonly pprf: {
    readonly root: string
    readonly evaluations_in_order: readonly {
      readonly input: string
      readonly output: string
      readonly nodes_after: number
    }[]
  }
}

interface SecretTreeVector {
  readonly cipher_suite: number
  readonly encryption_secret: string
  readonly leaves: readonly (readonly { readonly generation: number; readonly application_key: string }[])[]
}

const SUITE_OF_HASH: Readonly<Record<string, number>> = { 'SHA-256': 1, 'SHA-384': 7, 'SHA-512': 5 }

/** The input that names a leaf of a small tree. */
function inputOf(leaf: number, depth: number): Uint8Array {
  const size = Math.ceil(depth / 8)
  const shifted = BigInt(leaf) << BigInt(size * 8 - depth)
  return hex(
    shifted
      .toString(16)
      .padStart(size * 2, '0')
      .slice(0, size * 2),
  )
}

/** The same leaf without any tree: from the root down, nothing kept. */
function eagerLeaf(root: Uint8Array, leaf: number, depth: number): Uint8Array {
  let node = root
  for (let bit = depth - 1; bit >= 0; bit--) node = deriveTreeChild(suite, node, (leaf >> bit) & 1 ? 'right' : 'left')
  return node
}

function encoded(tree: PuncturableTree): Uint8Array {
  const writer = new Writer()
  tree.encode(writer)
  return writer.finish()
}

/** The same shape without a secret. */
function wiped(tree: PuncturableTree): PuncturableTree {
  const copy = decoded(encoded(tree))
  copy.wipe()
  return copy
}

function decoded(bytes: Uint8Array): PuncturableTree {
  return decodeWhole(bytes, (reader) => PuncturableTree.decode(suite, reader))
}

const ROOT: Uint8Array = new Uint8Array(32).fill(0x5a)

for (const provider of providers) {
  vectorTest<DmlsVector>(
    'dmls',
    'dmls-key-schedule',
    `${provider.name}: the puncturable PRF gives the published outputs and node counts`,
    (vectors) => {
      expect(vectors.map((v) => v.hash).sort()).toEqual(['SHA-256', 'SHA-384', 'SHA-512'])
      for (const { hash, pprf } of vectors) {
        const suite = provider.cipherSuite(SUITE_OF_HASH[hash] as number)
        let tree = PuncturableTree.fromRoot(suite, hex(pprf.root), 8 * suite.hashSize)
        for (const evaluation of pprf.evaluations_in_order) {
          const { leaf, next } = tree.evaluate(hex(evaluation.input))
          expect(toHex(deriveSecret(suite, leaf, 'pprf'))).toBe(evaluation.output)
          expect(next.nodeCount).toBe(evaluation.nodes_after)
          tree = next
        }
        for (const { input } of pprf.evaluations_in_order) {
          expect(() => tree.evaluate(hex(input))).toThrow(
            expect.objectContaining({ blame: 'invalid', code: 'pprf_punctured' }),
          )
        }
      }
    },
  )
}

vectorTest<SecretTreeVector>(
  'mls',
  'secret-tree',
  'a puncturable tree of the depth of a group has the leaves of its secret tree',
  (vectors) => {
    for (const vector of vectors) {
      const suite = providers[0]?.cipherSuite(vector.cipher_suite)
      if (suite === undefined) throw new Error('no provider')
      const depth = Math.log2(vector.leaves.length)
      let tree = PuncturableTree.fromRoot(suite, hex(vector.encryption_secret), depth)
      for (const [index, generations] of vector.leaves.entries()) {
        const { leaf, next } = tree.evaluate(inputOf(index, depth))
        tree = next
        let ratchet = deriveSecret(suite, leaf, 'application')
        for (let generation = 0; generation <= (generations.at(-1)?.generation ?? -1); generation++) {
          const expected = generations.find((entry) => entry.generation === generation)
          if (expected !== undefined) {
            expect(toHex(deriveTreeSecret(suite, ratchet, 'key', generation, suite.keySize))).toBe(
              expected.application_key,
            )
          }
          ratchet = deriveTreeSecret(suite, ratchet, 'secret', generation, suite.hashSize)
        }
      }
      expect(tree.nodeCount).toBe(0)
    }
  },
)

const DEPTH = 5
const leaves = fc.uniqueArray(fc.integer({ min: 0, max: 2 ** DEPTH - 1 }), { minLength: 1, maxLength: 2 ** DEPTH })

describe('a puncturable tree', () => {
  test('gives every leaf once, in any order, and equals the eager derivation, also after storage', () => {
    fc.assert(
      fc.property(leaves, fc.infiniteStream(fc.boolean()), (order, store) => {
        let tree = PuncturableTree.fromRoot(suite, ROOT, DEPTH)
        for (const leaf of order) {
          const result = tree.evaluate(inputOf(leaf, DEPTH))
          expect(result.leaf).toEqual(eagerLeaf(ROOT, leaf, DEPTH))
          for (const secret of result.superseded) secret.fill(0)
          tree = store.next().value ? decoded(encoded(result.next)) : result.next
          expect(tree.nodeCount).toBe(result.next.nodeCount)
        }
        for (let leaf = 0; leaf < 2 ** DEPTH; leaf++) {
          if (order.includes(leaf)) {
            expect(() => tree.evaluate(inputOf(leaf, DEPTH))).toThrow(
              expect.objectContaining({ code: 'pprf_punctured' }),
            )
          } else {
            expect(tree.evaluate(inputOf(leaf, DEPTH)).leaf).toEqual(eagerLeaf(ROOT, leaf, DEPTH))
          }
        }
      }),
    )
  })

  test('is encoded the same for the same punctures, whatever their order, and decodes to the same bytes', () => {
    fc.assert(
      fc.property(
        leaves.chain((order) => fc.tuple(fc.constant(order), fc.shuffledSubarray(order, { minLength: order.length }))),
        ([order, other]) => {
          const puncture = (tree: PuncturableTree, leaf: number) => tree.evaluate(inputOf(leaf, DEPTH)).next
          const bytes = encoded(order.reduce(puncture, PuncturableTree.fromRoot(suite, ROOT, DEPTH)))
          expect(encoded(other.reduce(puncture, PuncturableTree.fromRoot(suite, ROOT, DEPTH)))).toEqual(bytes)
          expect(encoded(decoded(bytes))).toEqual(bytes)
        },
      ),
    )
  })

  test('refuses a second evaluation and is unchanged by it', () => {
    const { next } = PuncturableTree.fromRoot(suite, ROOT, 256).evaluate(new Uint8Array(32).fill(1))
    const before = encoded(next)
    expect(() => next.evaluate(new Uint8Array(32).fill(1))).toThrow(expect.objectContaining({ code: 'pprf_punctured' }))
    expect(encoded(next)).toEqual(before)
  })

  test('stays usable after a step, until what the step superseded is wiped', () => {
    const [one, two] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(0xfe)]
    const first = PuncturableTree.fromRoot(suite, ROOT, 256).evaluate(one).next
    const expected = PuncturableTree.fromRoot(suite, ROOT, 256).evaluate(two).leaf
    const step = first.evaluate(two)
    expect(step.leaf).toEqual(expected)
    expect(first.evaluate(two).leaf).toEqual(expected)
    const nextBytes = encoded(step.next)
    for (const secret of step.superseded) secret.fill(0)
    expect(encoded(step.next)).toEqual(nextBytes)
    expect(first.evaluate(two).leaf).not.toEqual(expected)
  })

  test('works as before when a step is given up and what it created is wiped, however much was punctured before', () => {
    fc.assert(
      fc.property(leaves, fc.nat(2 ** DEPTH - 1), (order, leaf) => {
        let tree = PuncturableTree.fromRoot(suite, ROOT, DEPTH)
        for (const other of order) if (other !== leaf) tree = tree.evaluate(inputOf(other, DEPTH)).next
        const before = encoded(tree)
        const { created, next } = tree.evaluate(inputOf(leaf, DEPTH))
        for (const secret of created) secret.fill(0)
        expect(encoded(tree)).toEqual(before)
        expect(tree.evaluate(inputOf(leaf, DEPTH)).leaf).toEqual(eagerLeaf(ROOT, leaf, DEPTH))
        // what it shares with the tree that stays is all that is left of it
        tree.wipe()
        expect(toHex(encoded(next))).toBe(toHex(encoded(wiped(next))))
      }),
    )
  })

  test('holds nothing from which a punctured leaf follows', () => {
    const leaf = 13
    const { next, superseded } = PuncturableTree.fromRoot(suite, ROOT, DEPTH).evaluate(inputOf(leaf, DEPTH))
    for (const secret of superseded) secret.fill(0)
    const bytes = toHex(encoded(next))
    let node = ROOT
    for (let bit = DEPTH - 1; bit >= 0; bit--) {
      expect(bytes).not.toContain(toHex(node))
      node = deriveTreeChild(suite, node, (leaf >> bit) & 1 ? 'right' : 'left')
    }
    expect(bytes).not.toContain(toHex(node))
  })

  test('names all that a step supersedes and leaves no derived secret behind that nobody owns', () => {
    const recorded = recording(suite)
    const tree = PuncturableTree.fromRoot(recorded, ROOT, DEPTH)
    const first = tree.evaluate(inputOf(3, DEPTH))
    expect(lingering(recorded, [first.leaf])).toEqual([])
    for (const secret of first.superseded) secret.fill(0)
    expect(
      encoded(tree)
        .subarray(3)
        .every((byte) => byte === 0),
    ).toBe(true)
    const second = first.next.evaluate(inputOf(20, DEPTH))
    expect(lingering(recorded, [first.leaf, second.leaf])).toEqual([])
    // the right half of the tree was one secret: that one goes, the left half stays
    const [before, after] = [encoded(first.next), encoded(second.next)]
    for (const secret of second.superseded) secret.fill(0)
    const wiped = encoded(first.next)
    expect(wiped.subarray(0, -32)).toEqual(before.subarray(0, -32))
    expect(wiped.subarray(-32).every((byte) => byte === 0)).toBe(true)
    expect(encoded(second.next)).toEqual(after)
  })

  test('shows no secret in logs and JSON', () => {
    for (const tree of [
      PuncturableTree.fromRoot(suite, ROOT, 8),
      PuncturableTree.fromRoot(suite, ROOT, 8).evaluate(new Uint8Array(1)).next,
    ]) {
      const shown = inspect(tree, { depth: Number.POSITIVE_INFINITY, showHidden: true }) + JSON.stringify(tree)
      expect(shown).not.toMatch(/Uint8Array|secret"|ratchet/)
      expect(shown.length).toBeLessThan(120)
    }
  })

  test('copies its root and wipes what it holds', () => {
    const root = ROOT.slice()
    const tree = PuncturableTree.fromRoot(suite, root, DEPTH)
    root.fill(0)
    expect(tree.evaluate(inputOf(3, DEPTH)).leaf).toEqual(eagerLeaf(ROOT, 3, DEPTH))
    const punctured = tree.evaluate(inputOf(3, DEPTH)).next.evaluate(inputOf(9, DEPTH)).next
    punctured.wipe()
    const rest = encoded(punctured).filter((byte) => byte > 2)
    expect(rest.length).toBeLessThanOrEqual(1) // the depth
    tree.wipe()
    expect(equalBytes(tree.evaluate(inputOf(3, DEPTH)).leaf, eagerLeaf(ROOT, 3, DEPTH))).toBe(false)
  })

  test('grows by what one evaluation leaves, in memory and in storage', () => {
    let tree = PuncturableTree.fromRoot(suite, ROOT, 256)
    for (let i = 0; i < 20; i++) tree = tree.evaluate(suite.hash(new Uint8Array([i]))).next
    expect(tree.nodeCount).toBeLessThanOrEqual(20 * 256)
    expect(encoded(tree).length).toBeLessThanOrEqual(20 * 256 * (suite.hashSize + 2))
  })

  test('refuses inputs of another size and bits beyond its depth', () => {
    const tree = PuncturableTree.fromRoot(suite, ROOT, DEPTH)
    expect(() => tree.evaluate(new Uint8Array(2))).toThrow(expect.objectContaining({ code: 'bad_input_length' }))
    expect(() => tree.evaluate(new Uint8Array([1]))).toThrow(expect.objectContaining({ code: 'bad_input' }))
    expect(() => PuncturableTree.fromRoot(suite, ROOT, 513)).toThrow(expect.objectContaining({ code: 'bad_depth' }))
    expect(() => PuncturableTree.fromRoot(suite, new Uint8Array(31), 8)).toThrow(
      expect.objectContaining({ code: 'bad_root_secret' }),
    )
  })

  test('is read strictly: nothing that the encoder would not write', () => {
    const secret = [...ROOT]
    const refused: readonly (readonly number[])[] = [
      [0, 1, 3], // no such kind
      [0, 1, 2, 0, 0], // a split with nothing left below
      [0, 1, 2, 1, ...secret, 1, ...secret], // a split with nothing consumed below
      [0, 0, 2, 0, 1, ...secret], // a split leaf
      [0, 1, 2, 2, 0, 0, 1, ...secret], // a split below the leaves
      [2, 1, 0], // too deep
    ]
    for (const bytes of refused) {
      expect(() => decoded(Uint8Array.from(bytes))).toThrow(
        expect.objectContaining({ blame: 'malformed', code: 'bad_puncturable_tree' }),
      )
    }
    expect(() => decoded(Uint8Array.from([0, 1, 1, ...secret.slice(1)]))).toThrow(
      expect.objectContaining({ code: 'truncated' }),
    )
    const valid = Uint8Array.from([0, 1, 2, 0, 1, ...secret])
    expect(encoded(decoded(valid))).toEqual(valid)
    expect(encoded(decoded(Uint8Array.from([0, 1, 0])))).toEqual(Uint8Array.from([0, 1, 0]))
  })
})

describe('the safe exporter', () => {
  test('exports one secret for each component, once', () => {
    const tree = createExporterTree(suite, ROOT)
    const root = deriveSecret(suite, ROOT, 'application_export')
    for (const componentId of [0, 1, 0x8000, 0xffff]) {
      expect(safeExportSecret(tree, componentId).secret).toEqual(eagerLeaf(root, componentId, 16))
    }
    const exported = safeExportSecret(tree, 0x1234)
    expect(() => safeExportSecret(exported.tree, 0x1234)).toThrow(expect.objectContaining({ code: 'pprf_punctured' }))
    expect(safeExportSecret(exported.tree, 0x1235).secret).toEqual(eagerLeaf(root, 0x1235, 16))
    expect(exported.tree.nodeCount).toBe(16)
  })

  test('refuses component ids that are no 16-bit numbers', () => {
    const tree = createExporterTree(suite, ROOT)
    for (const id of [-1, 0x10000, 1.5]) {
      expect(() => safeExportSecret(tree, id)).toThrow(
        expect.objectContaining({ blame: 'usage', code: 'bad_component_id' }),
      )
    }
  })
})
