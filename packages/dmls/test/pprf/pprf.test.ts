import { fromHex, toHex } from '@dmls/crypto'
import { decodeWhole, deriveSecret, deriveTreeSecret, PuncturableTree, Writer } from '@dmls/mls'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Pprf } from '../../src/pprf/pprf.ts'
import { hash, providers, SUITE_OF_HASH, suite } from '../suites.ts'
import { vectorTest } from '../vectors.ts'

interface PprfVector {
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
  readonly leaves: readonly (readonly { readonly generation: number; readonly handshake_key: string }[])[]
}

const PUNCTURED: unknown = expect.objectContaining({ blame: 'invalid', code: 'pprf_punctured' })

for (const provider of providers) {
  vectorTest<PprfVector>(
    'dmls',
    'dmls-key-schedule',
    `${provider.name}: published outputs, for every hash`,
    (vectors) => {
      expect(vectors.map((vector) => vector.hash).sort()).toEqual(['SHA-256', 'SHA-384', 'SHA-512'])
      for (const { hash: name, pprf } of vectors) {
        const own = provider.cipherSuite(SUITE_OF_HASH[name] as number)
        let state = Pprf.fromKey(own, fromHex(pprf.root))
        for (const { input, output, nodes_after } of pprf.evaluations_in_order) {
          const evaluation = state.evaluate(fromHex(input))
          expect(toHex(evaluation.output)).toBe(output)
          expect(evaluation.next.nodeCount).toBe(nodes_after)
          state = evaluation.next
          expect(() => state.evaluate(fromHex(input))).toThrow(PUNCTURED)
        }
      }
    },
  )
}

vectorTest<SecretTreeVector>(
  'mls',
  'secret-tree',
  "the tree underneath is RFC 9420's: at the depth of a group its leaves start the group's ratchets",
  (vectors) => {
    for (const { cipher_suite, encryption_secret, leaves } of vectors) {
      const own = providers[0]?.cipherSuite(cipher_suite)
      if (own === undefined) throw new Error('no provider')
      const depth = Math.log2(leaves.length)
      let tree = PuncturableTree.fromRoot(own, fromHex(encryption_secret), depth)
      for (const [index, generations] of leaves.entries()) {
        const size = Math.ceil(depth / 8)
        const bits = (BigInt(index) << BigInt(8 * size - depth)).toString(16).padStart(2 * size, '0')
        const { leaf, next } = tree.evaluate(depth === 0 ? new Uint8Array(0) : fromHex(bits))
        tree = next
        const first = generations.find(({ generation }) => generation === 0)
        const ratchet = deriveSecret(own, leaf, 'handshake')
        if (first === undefined) continue
        expect(toHex(deriveTreeSecret(own, ratchet, 'key', 0, own.keySize))).toBe(first.handshake_key)
      }
    }
  },
)

function stored(pprf: Pprf): Uint8Array {
  const writer = new Writer()
  pprf.encode(writer)
  return writer.finish()
}

/** Inputs that agree on long stretches, which is where trees go wrong, and unrelated ones. */
const input: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc.uint8Array({ minLength: 32, maxLength: 32 }),
  fc.tuple(fc.constantFrom(0, 255), fc.nat(31), fc.nat(255)).map(([fill, at, byte]) => {
    const bytes = new Uint8Array(32).fill(fill)
    bytes[at] = byte
    return bytes
  }),
)
const inputs: fc.Arbitrary<Uint8Array[]> = fc.uniqueArray(input, { minLength: 1, maxLength: 6, selector: toHex })
const key: fc.Arbitrary<Uint8Array> = fc.uint8Array({ minLength: 32, maxLength: 32 })

describe('the puncturable PRF', () => {
  test('gives every output once, in any order, and a second evaluation changes nothing', () => {
    fc.assert(
      fc.property(key, inputs, fc.nat(), (root, all, turn) => {
        const fresh = Pprf.fromKey(suite, root)
        const alone = all.map((one) => toHex(fresh.evaluate(one).output))
        const rotated = all.map((_, i) => (i + turn) % all.length)
        let pprf = fresh
        for (const i of rotated) {
          const evaluation = pprf.evaluate(all[i] as Uint8Array)
          expect(toHex(evaluation.output)).toBe(alone[i])
          pprf = evaluation.next
          const before = stored(pprf)
          expect(() => pprf.evaluate(all[i] as Uint8Array)).toThrow(PUNCTURED)
          expect(stored(pprf)).toEqual(before)
        }
      }),
      { numRuns: 25 },
    )
  })

  test('keeps no secret from which an evaluated output follows (scenario 13)', () => {
    fc.assert(
      fc.property(key, inputs, (root, all) => {
        let pprf = Pprf.fromKey(suite, root)
        for (const one of all) pprf = pprf.evaluate(one).next
        const bytes = toHex(stored(pprf))
        for (const one of all) {
          // every secret on the way from the root to the leaf, computed here with nothing but the RFC's derivation
          for (const secret of wayTo(root, one)) expect(bytes.includes(toHex(secret))).toBe(false)
        }
        // while everything beside the ways is still there: other inputs work after storing
        const loaded = decodeWhole(stored(pprf), (reader) => Pprf.decode(suite, reader))
        const other = hash(root)
        const expected = Pprf.fromKey(suite, root).evaluate(other).output
        expect(loaded.evaluate(other).output).toEqual(expected)
        for (const one of all) expect(() => loaded.evaluate(one)).toThrow(PUNCTURED)
      }),
      { numRuns: 15 },
    )
  })

  test('works as before until the superseded buffers are wiped, and its successor works after', () => {
    const old = Pprf.fromKey(suite, new Uint8Array(32).fill(7))
    const [a, b] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)]
    const { next, superseded, output } = old.evaluate(a)
    expect(old.evaluate(a).output).toEqual(output)
    for (const buffer of superseded) buffer.fill(0)
    expect(old.evaluate(a).output).not.toEqual(output)
    expect(next.evaluate(b).output).toEqual(Pprf.fromKey(suite, new Uint8Array(32).fill(7)).evaluate(b).output)
  })

  test('takes inputs of KDF.Nh bytes only, and its stored form only in its own suite', () => {
    const pprf = Pprf.fromKey(suite, new Uint8Array(32))
    for (const size of [0, 31, 33]) {
      expect(() => pprf.evaluate(new Uint8Array(size))).toThrow(expect.objectContaining({ code: 'bad_input_length' }))
    }
    const writer = new Writer()
    PuncturableTree.fromRoot(suite, new Uint8Array(32), 16).encode(writer)
    expect(() => decodeWhole(writer.finish(), (reader) => Pprf.decode(suite, reader))).toThrow(
      expect.objectContaining({ blame: 'malformed', code: 'bad_pprf_depth' }),
    )
  })

  test('holds nothing after it was wiped', () => {
    const pprf = Pprf.fromKey(suite, new Uint8Array(32).fill(9)).evaluate(new Uint8Array(32)).next
    pprf.wipe()
    const zeros = '00'.repeat(32)
    expect(toHex(stored(pprf)).split(zeros).length).toBeGreaterThan(255)
    expect(toHex(stored(pprf)).replaceAll(zeros, '').length).toBeLessThan(2 * 600)
  })
})

/** The root, every node on the path of an input, and its leaf. */
function wayTo(root: Uint8Array, one: Uint8Array): Uint8Array[] {
  const way = [root]
  let node = root
  for (let depth = 0; depth < 256; depth++) {
    const right = (((one[depth >> 3] as number) >> (7 - (depth & 7))) & 1) === 1
    node = expandNode(node, right ? 'right' : 'left')
    way.push(node)
  }
  return way
}

/** RFC 9420 §9: `ExpandWithLabel(tree_node_secret, "tree", "left" | "right", KDF.Nh)`, written out. */
function expandNode(secret: Uint8Array, side: 'left' | 'right'): Uint8Array {
  const ascii = (text: string): number[] => [...text].map((character) => character.charCodeAt(0))
  const label = ascii('MLS 1.0 tree')
  const info = new Uint8Array([0, 32, label.length, ...label, side.length, ...ascii(side)])
  return suite.expand(secret, info, 32)
}
