import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { branchesOf } from '../../src/history/branches.ts'
import type { EpochHistory, EpochRecord } from '../../src/history/history.ts'
import { layOut } from '../../src/history/lanes.ts'
import { newestFirst, predecessors } from '../../src/history/order.ts'
import { epoch } from './histories.ts'

/** Any DAG in which commits have earlier parents and resolve earlier epochs. */
const histories: fc.Arbitrary<EpochHistory> = fc
  .array(fc.record({ parent: fc.nat(), resolves: fc.array(fc.nat(), { maxLength: 3 }) }), {
    minLength: 1,
    maxLength: 24,
  })
  .map((choices) => {
    const epochs: EpochRecord[] = []
    for (const [index, { parent, resolves }] of choices.entries()) {
      const before = epochs[parent % Math.max(1, index)]
      const resolved = before === undefined ? [] : resolves.map((choice) => epochs[choice % index]?.id ?? '')
      const others = [...new Set(resolved)].filter((id) => id !== before?.id)
      epochs.push(epoch(`e${index}`, before?.id, (before?.epoch ?? -1) + 1, 'bob', { resolves: others }))
    }
    const behind = new Set(epochs.flatMap(predecessors))
    const heads = epochs.filter(({ id }) => !behind.has(id)).map(({ id }) => id)
    return { epochs, head: heads[0] ?? '', openHeads: heads }
  })

describe('the order of a listing', () => {
  test('names every epoch once, after all that follow from it', () => {
    fc.assert(
      fc.property(histories, (history) => {
        const order = newestFirst(history).map(({ id }) => id)
        expect([...order].sort()).toEqual(history.epochs.map(({ id }) => id).sort())
        for (const record of history.epochs) {
          for (const before of predecessors(record))
            expect(order.indexOf(record.id)).toBeLessThan(order.indexOf(before))
        }
        expect(order[0]).toBe(history.head)
      }),
    )
  })

  test('does not depend on the order of the records', () => {
    fc.assert(
      fc.property(histories, fc.infiniteStream(fc.nat()), (history, numbers) => {
        const ranks = new Map(history.epochs.map(({ id }) => [id, numbers.next().value ?? 0]))
        const shuffled = {
          ...history,
          epochs: history.epochs.toSorted((a, b) => (ranks.get(a.id) ?? 0) - (ranks.get(b.id) ?? 0)),
        }
        expect(newestFirst(shuffled)).toEqual(newestFirst(history))
      }),
    )
  })

  test('every epoch has a row, and every commit but a root is on the branch of a parent or starts one', () => {
    fc.assert(
      fc.property(histories, (history) => {
        const rows = layOut(history)
        expect(rows.flatMap(({ record }) => record?.id ?? [])).toEqual(newestFirst(history).map(({ id }) => id))
        const branches = branchesOf(history)
        expect(branches.size).toBe(history.epochs.length)
        expect(branches.get(history.head)).toBe(0)
      }),
    )
  })

  test('no line of the picture ends in the air', () => {
    fc.assert(
      fc.property(histories, (history) => {
        const rows = layOut(history)
        const last = rows.at(-1)
        expect(last?.cells.filter(({ glyph }) => '│┊┼┤├'.includes(glyph))).toEqual([])
        for (const [index, { cells }] of rows.entries()) {
          const below = rows[index + 1]?.cells ?? []
          const above = rows[index - 1]?.cells ?? []
          for (const [column, { glyph }] of cells.entries()) {
            if ('│┊├┤┼╮╭┬'.includes(glyph))
              expect(below[column]?.glyph ?? ' ', `below ${index}:${column}`).not.toBe(' ')
            if ('│┊├┤┼╯╰┴'.includes(glyph))
              expect(above[column]?.glyph ?? ' ', `above ${index}:${column}`).not.toBe(' ')
          }
        }
      }),
    )
  })
})
