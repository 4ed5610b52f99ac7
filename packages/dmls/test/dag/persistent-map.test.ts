import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { PersistentMap } from '../../src/dag/persistent-map.ts'

const key = fc.string({ unit: fc.constantFrom('0', '1', '9', 'a', 'f'), maxLength: 4 })
const steps = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('set' as const), key, value: fc.nat(9) }),
    fc.record({ kind: fc.constant('delete' as const), key, value: fc.constant(0) }),
  ),
  { maxLength: 60 },
)

describe('a persistent map', () => {
  test('is a Map that keeps every version, in ascending order of its keys', () => {
    fc.assert(
      fc.property(steps, (todo) => {
        let map = PersistentMap.empty<string, number>()
        const model = new Map<string, number>()
        const versions: [PersistentMap<string, number>, [string, number][]][] = []
        for (const { kind, key: at, value } of todo) {
          if (kind === 'set') model.set(at, value)
          else model.delete(at)
          map = kind === 'set' ? map.set(at, value) : map.delete(at)
          versions.push([map, [...model].sort(([a], [b]) => (a < b ? -1 : 1))])
        }
        for (const [version, entries] of versions) {
          expect([...version.entries()]).toEqual(entries)
          expect(version.size).toBe(entries.length)
          expect([...version.keys()]).toEqual(entries.map(([k]) => k))
          expect([...version.values()]).toEqual(entries.map(([, v]) => v))
          for (const [at, value] of entries) expect(version.get(at)).toBe(value)
          expect(version.get('77')).toBeUndefined()
        }
      }),
    )
  })

  test('is the same object when nothing changes', () => {
    const map = PersistentMap.empty<string, number>().set('aa', 1)
    expect(map.set('aa', 1)).toBe(map)
    expect(map.delete('bb')).toBe(map)
    expect(map.has('aa')).toBe(true)
  })
})
