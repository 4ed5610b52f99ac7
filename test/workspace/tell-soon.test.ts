import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { tellSoon } from '../tell-soon.ts'

/** A property of lists that fails for the long ones, slowly: each case takes a second on this clock. */
function play(shrinkMs: number, settings: fc.Parameters<[number[]]> = {}) {
  const told: string[] = []
  const played: number[][] = []
  let clockMs = 0
  const property = fc.property(fc.array(fc.nat(), { minLength: 1, maxLength: 50, size: 'max' }), (list) => {
    clockMs += 1000
    played.push(list)
    if (list.length > 5) throw new Error('too long')
  })
  const plugins = [tellSoon<[number[]]>({ seed: 7, tell: (text) => told.push(text), shrinkMs, nowMs: () => clockMs })]
  return { told, played, details: fc.check(property, { seed: 7, numRuns: 200, plugins, ...settings }) }
}

describe('a property that fails in a long run', () => {
  test('tells at once with what it fails, once, and in such a way that the case can be played again', () => {
    const { told, played } = play(1_000_000)
    expect(told).toHaveLength(1)
    const failed = played.find((list) => list.length > 5) as number[]
    expect(told[0]).toContain(
      `seed 7, path "${played.indexOf(failed)}", with [${fc.stringify(failed)}]: Error: too long`,
    )
    const path = /path "(\d+)"/.exec(told[0] as string)?.[1] as string
    expect(play(0, { path }).played).toEqual([failed])
  })

  test('looks for a smaller case as long as it may, and still fails with the smallest that it found', () => {
    const { details, played } = play(5_000)
    const first = played.findIndex((list) => list.length > 5)
    expect(played.length - first - 1).toBe(5)
    expect(details).toMatchObject({ failed: true, counterexample: [expect.any(Array)] })
    const smallest = played.slice(first).findLast((list) => list.length > 5)
    expect(details.counterexample).toEqual([smallest])
    expect(play(1_000_000).details.counterexample?.[0]).toHaveLength(6)
  })

  test('that is asynchronous does the same', async () => {
    const told: string[] = []
    const property = fc.asyncProperty(fc.nat(), async (n) => {
      await Promise.resolve()
      expect(n).toBeLessThan(10)
    })
    const plugins = [tellSoon<[number]>({ seed: 7, tell: (text) => told.push(text), shrinkMs: 60_000 })]
    const details = await fc.check(property, { seed: 7, plugins })
    expect(details.counterexample).toEqual([10])
    expect(told).toHaveLength(1)
  })

  test('one that holds says nothing, whatever it refuses to look at', () => {
    const told: string[] = []
    const property = fc.property(fc.nat(), (n) => {
      fc.pre(n % 2 === 0)
    })
    const plugins = [tellSoon<[number]>({ seed: 7, tell: (text) => told.push(text), shrinkMs: 0 })]
    expect(fc.check(property, { seed: 7, plugins }).failed).toBe(false)
    expect(told).toEqual([])
  })
})
