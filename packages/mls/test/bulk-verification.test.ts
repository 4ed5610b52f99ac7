/** Verifying many things a few portions at a time, with things that are verified when the test says so. */
import { describe, expect, test } from 'vitest'
import { beginVerifying } from '../src/bulk-verification.ts'

const MANY = Array.from({ length: 1000 }, (_, i) => i)

describe('many things to verify', () => {
  test('are each verified once, and progress is told up to the last', async () => {
    const verified: number[] = []
    const told: number[] = []
    const finish = beginVerifying(MANY, async (item) => void verified.push(item), {
      progress: (done, total) => told.push(done, total),
    })
    await finish()
    expect(verified).toEqual(MANY)
    expect(told.at(-2)).toBe(1000)
    expect(told.filter((_, i) => i % 2 === 0)).toEqual([...Array.from({ length: 15 }, (_, i) => 64 * (i + 1)), 1000])
    expect(told.filter((_, i) => i % 2 === 1).every((total) => total === 1000)).toBe(true)
  })

  test('begin before the caller waits, and are no more under way than threads have use for', async () => {
    const waiting: (() => void)[] = []
    const finish = beginVerifying(MANY, () => new Promise<void>((resolve) => waiting.push(resolve)), {}, 256)
    expect(waiting.length).toBeGreaterThan(0)
    expect(waiting.length).toBeLessThan(MANY.length / 2)
    const finished = finish()
    for (let i = 0; i < MANY.length; i++) {
      if (waiting[i] === undefined) await new Promise(setImmediate)
      waiting[i]?.()
    }
    await finished
    expect(waiting).toHaveLength(MANY.length)
  })

  test('end with the first fault in their order, and what follows is not begun', async () => {
    const begun: number[] = []
    const finish = beginVerifying(
      MANY,
      async (item) => {
        begun.push(item)
        if (item === 70) await new Promise(setImmediate)
        if (item === 70 || item === 200) throw new Error(`number ${item} is bad`)
      },
      {},
    )
    await expect(finish()).rejects.toThrow('number 70 is bad')
    expect(begun.length).toBeLessThan(MANY.length / 2)
  })

  test('that nobody waits for fail silently', async () => {
    beginVerifying([1], () => Promise.reject(new Error('nobody asked')), {})
    await new Promise(setImmediate)
  })

  test('stop after the portion in which they are aborted, also the last', async () => {
    for (const stopAt of [128, 1000]) {
      const stop = new AbortController()
      const begun: number[] = []
      const finish = beginVerifying(MANY, async (item) => void begun.push(item), {
        signal: stop.signal,
        progress: (done) => done === stopAt && stop.abort(new Error('never mind')),
      })
      await expect(finish()).rejects.toThrow('never mind')
      expect(begun.length).toBeLessThanOrEqual(Math.min(1000, stopAt + 5 * 64))
    }
  })

  test('are not even begun when they were aborted before', () => {
    const signal = AbortSignal.abort(new Error('never mind'))
    const begun: number[] = []
    expect(() => beginVerifying(MANY, async (item) => void begun.push(item), { signal })).toThrow('never mind')
    expect(begun).toEqual([])
  })

  test('wait for what their progress returns', async () => {
    let turns = 0
    const finish = beginVerifying(MANY, async () => undefined, {
      progress: () => new Promise<void>((resolve) => setImmediate(() => resolve(void turns++))),
    })
    await finish()
    expect(turns).toBe(16)
  })
})
