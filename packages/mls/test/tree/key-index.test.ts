import { toHex } from '@dmls/crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type HeldKey, KEY_SIZE_MAX, KeyIndex } from '../../src/tree/key-index.ts'

/** Few different keys, many common prefixes, one the prefix of another: what a hostile member would choose. */
const key = fc
  .tuple(fc.array(fc.constantFrom(0x00, 0x01, 0x10, 0xff), { maxLength: 4 }), fc.boolean())
  .map(([bytes, long]) => Uint8Array.from(long ? [...new Array<number>(20).fill(7), ...bytes] : bytes))
const held = fc.record({ key, holder: fc.integer({ min: 0, max: 5 }) })

function model(keys: readonly HeldKey[]): Map<string, Set<number>> {
  const map = new Map<string, Set<number>>()
  for (const each of keys) {
    const holders = map.get(toHex(each.key)) ?? new Set()
    map.set(toHex(each.key), holders.add(each.holder))
  }
  return map
}

function expectSame(index: KeyIndex, keys: readonly HeldKey[], asked: readonly HeldKey[]): void {
  const map = model(keys)
  expect(index.size).toBe(map.size)
  expect(index.duplicates).toBe([...map.values()].filter((holders) => holders.size > 1).length)
  for (const { key } of [...keys, ...asked]) {
    expect(new Set(index.holders(key))).toEqual(map.get(toHex(key)) ?? new Set())
    expect(index.has(key)).toBe(map.has(toHex(key)))
  }
}

function distinct(keys: readonly HeldKey[]): HeldKey[] {
  return [...new Map(keys.map((each) => [`${toHex(each.key)}/${each.holder}`, each])).values()]
}

test('an index gives each key its holders, after any additions and removals, and old versions stay', () => {
  fc.assert(
    fc.property(fc.array(held, { maxLength: 60 }), (steps) => {
      const versions: { index: KeyIndex; keys: HeldKey[] }[] = [{ index: KeyIndex.empty, keys: [] }]
      for (const step of steps) {
        const { index, keys } = versions.at(-1) as { index: KeyIndex; keys: HeldKey[] }
        const rest = keys.filter((each) => each.holder !== step.holder || toHex(each.key) !== toHex(step.key))
        // a pair that is there is taken out, another is put in
        const next =
          rest.length < keys.length
            ? { index: index.changed([step], []), keys: rest }
            : { index: index.changed([], [step]), keys: [...keys, step] }
        versions.push(next)
      }
      for (const { index, keys } of versions) expectSame(index, keys, steps)
    }),
  )
})

test('versions that branch off from any other, many changes at a time, are asked in any order', () => {
  const choice = fc.record({ parent: fc.nat(), out: fc.array(fc.boolean()), into: fc.array(held, { maxLength: 6 }) })
  fc.assert(
    fc.property(fc.array(choice, { maxLength: 12 }), fc.array(fc.nat(), { maxLength: 20 }), (choices, questions) => {
      const versions: { index: KeyIndex; keys: HeldKey[] }[] = [{ index: KeyIndex.empty, keys: [] }]
      for (const { parent, out, into } of choices) {
        const { index, keys } = versions[parent % versions.length] as { index: KeyIndex; keys: HeldKey[] }
        const gone = keys.filter((_, i) => out[i] === true)
        const kept = keys.filter((_, i) => out[i] !== true)
        const come = distinct([...kept, ...into]).slice(kept.length)
        versions.push({ index: index.changed(gone, come), keys: [...kept, ...come] })
      }
      const asked = choices.flatMap(({ into }) => into)
      for (const question of questions) {
        const { index, keys } = versions[question % versions.length] as { index: KeyIndex; keys: HeldKey[] }
        expectSame(index, keys, asked)
      }
      for (const { index, keys } of versions) expectSame(index, keys, asked)
    }),
  )
})

test('a change that fails leaves the index as it was', () => {
  const [one, other] = [Uint8Array.of(1), Uint8Array.of(2)]
  const index = KeyIndex.of([{ key: one, holder: 0 }])
  const notThere = { key: other, holder: 1 }
  expect(() => index.changed([{ key: one, holder: 0 }, notThere], [])).toThrow('not in the index')
  expectSame(index, [{ key: one, holder: 0 }], [notThere])
  const long = { key: new Uint8Array(KEY_SIZE_MAX + 1), holder: 2 }
  expect(() => index.changed([{ key: one, holder: 0 }], [long])).toThrow('longer than any cipher suite has')
  expectSame(index, [{ key: one, holder: 0 }], [long])
  expect(index.changed([], [])).toBe(index)
})

test('an index built at once is the index built key by key', () => {
  fc.assert(
    fc.property(fc.array(held, { maxLength: 60 }), (all) => {
      const keys = distinct(all)
      const built = KeyIndex.of(keys)
      expectSame(built, keys, [])
      const emptied = built.changed(keys, [])
      expectSame(emptied, [], keys)
    }),
  )
})

test('a key that no cipher suite has is refused', () => {
  const long = new Uint8Array(KEY_SIZE_MAX + 1)
  expect(() => KeyIndex.empty.changed([], [{ key: long, holder: 0 }])).toThrow('longer than any cipher suite has')
  expect(() => KeyIndex.of([{ key: long, holder: 0 }])).toThrow('longer than any cipher suite has')
  const a = new Uint8Array(KEY_SIZE_MAX)
  const b = Uint8Array.from({ length: KEY_SIZE_MAX }, (_, i) => (i === KEY_SIZE_MAX - 1 ? 1 : 0))
  const keys = [
    { key: a, holder: 0 },
    { key: b, holder: 1 },
  ]
  expect(KeyIndex.of(keys).holders(b)).toEqual([1])
  expect(KeyIndex.of(keys).has(long)).toBe(false)
})

test('forgetting a key that is not there is our own fault', () => {
  const key = new Uint8Array(3)
  expect(() => KeyIndex.empty.changed([{ key, holder: 0 }], [])).toThrow('not in the index')
  expect(() => KeyIndex.of([{ key, holder: 1 }]).changed([{ key, holder: 0 }], [])).toThrow('not in the index')
})
