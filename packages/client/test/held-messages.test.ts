/** What a group's log holds, and what leaves it when somebody floods (scenario 1). */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type HeldMessage, HeldMessages } from '../src/group/held-messages.ts'

function text(author: string, sizeBytes: number, shelf = 'an epoch'): HeldMessage {
  return { shelf, messageId: undefined, sizeBytes, kind: 'other', author }
}

test('whoever has most in it loses first, the oldest first, and what it said before what it committed (scenario 1)', () => {
  const held = new HeldMessages()
  held.add('bob', text('bob', 300))
  held.add('commit', { ...text('mallory', 100), kind: 'commit' })
  for (let i = 0; i < 10; i++) held.add(`flood ${i}`, text('mallory', 100))
  expect(held.sizeBytes).toBe(1400)
  expect(held.beyond(1400, new Set())).toEqual([])
  expect(held.beyond(1050, new Set())).toEqual(['flood 0', 'flood 1', 'flood 2', 'flood 3'])
  // what goes anyway counts as gone
  expect(held.beyond(1050, new Set(['flood 0', 'flood 5', 'bob']))).toEqual([])
  // and no more of hers than of anybody else
  expect(held.beyond(700, new Set())).toHaveLength(7)
  expect(held.beyond(0, new Set())).toHaveLength(12)
  expect(held.beyond(0, new Set()).indexOf('commit')).toBeGreaterThan(9)
  // what we made ourselves is not counted, and never goes
  held.add('own', { ...text('ourselves', 5000), kind: 'own' })
  expect([held.sizeBytes, held.beyond(0, new Set()).includes('own')]).toEqual([1400, false])
})

test('whatever comes and goes, shelves, sizes and inner names are those of what is held', () => {
  const id = fc.constantFrom('a', 'b', 'c', 'd', 'e')
  const change = fc.oneof(
    fc.record({ id, size: fc.nat(50), shelf: fc.constantFrom('x', 'y'), author: fc.constantFrom('alice', 'bob') }),
    fc.record({ id }),
  )
  fc.assert(
    fc.property(fc.array(change, { maxLength: 30 }), fc.nat(100), (changes, sizeMaxBytes) => {
      const held = new HeldMessages()
      const model = new Map<string, HeldMessage>()
      for (const each of changes) {
        if ('size' in each) {
          const message = { ...text(each.author, each.size, each.shelf), messageId: `inner ${each.id}` }
          held.add(each.id, message)
          model.set(each.id, message)
        } else {
          held.remove(each.id)
          model.delete(each.id)
        }
      }
      const size = (ids: Iterable<string>): number =>
        [...ids].reduce((sum, i) => sum + (model.get(i)?.sizeBytes ?? 0), 0)
      expect(held.sizeBytes).toBe(size(model.keys()))
      for (const shelf of ['x', 'y']) {
        const expected = [...model].filter(([, message]) => message.shelf === shelf).map(([each]) => each)
        expect([...held.on(shelf)].sort()).toEqual(expected.sort())
      }
      expect([...held.shelves()].sort()).toEqual([...new Set([...model.values()].map(({ shelf }) => shelf))].sort())
      for (const each of ['a', 'b', 'c', 'd', 'e']) expect(held.hasInner(`inner ${each}`)).toBe(model.has(each))
      expect(held.sizeBytes - size(held.beyond(sizeMaxBytes, new Set()))).toBeLessThanOrEqual(sizeMaxBytes)
    }),
    { numRuns: 300 },
  )
})
