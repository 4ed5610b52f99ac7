import { describe, expect, test } from 'vitest'
import { EventQueue, START_MS } from '../src/event-queue.ts'
import { VirtualClock } from '../src/virtual-clock.ts'

describe('the event queue', () => {
  test('lets events happen in the order of their times, and in the order of asking at one time', async () => {
    const queue = new EventQueue()
    const seen: string[] = []
    for (const [delay, name] of [
      [30, 'c'],
      [10, 'a'],
      [10, 'b'],
      [70, 'd'],
    ] as const) {
      queue.schedule(delay, () => seen.push(`${name} ${queue.nowMs - START_MS}`))
    }
    await queue.runUntil(START_MS + 50)
    expect(seen).toEqual(['a 10', 'b 10', 'c 30'])
    expect(queue.nowMs).toBe(START_MS + 50)
    await queue.runFor(20)
    expect(seen.at(-1)).toBe('d 70')
    expect(await queue.step()).toBe(false)
  })

  test('sorts thousands of events as a sort does', async () => {
    const queue = new EventQueue()
    const delays = Array.from({ length: 3000 }, (_, i) => (i * 7919) % 997)
    const seen: number[] = []
    for (const delay of delays) queue.schedule(delay, () => seen.push(delay))
    await queue.runFor(1000)
    expect(seen).toEqual(delays.toSorted((a, b) => a - b))
  })

  test('forgets what was cancelled', async () => {
    const queue = new EventQueue()
    const seen: string[] = []
    queue.schedule(1, () => seen.push('kept'))
    queue.schedule(2, () => seen.push('cancelled')).cancel()
    expect(queue.nextAtMs).toBe(START_MS + 1)
    await queue.runFor(10)
    expect(seen).toEqual(['kept'])
    expect(queue.nextAtMs).toBeUndefined()
  })

  test('finishes what an event starts before the next one of the same moment', async () => {
    const queue = new EventQueue()
    const seen: string[] = []
    const slow = async (): Promise<void> => {
      for (let i = 0; i < 50; i++) await Promise.resolve()
      seen.push('finished')
    }
    queue.schedule(5, () => void slow())
    queue.schedule(5, () => seen.push('next'))
    await queue.runFor(5)
    expect(seen).toEqual(['finished', 'next'])
  })

  test('runs until a promise settles, and says when it never can', async () => {
    const queue = new EventQueue()
    expect(await queue.finish(queue.delay(100).then(() => 7))).toBe(7)
    expect(queue.nowMs).toBe(START_MS + 100)
    await expect(queue.finish(Promise.reject(new Error('no')))).rejects.toThrow('no')
    await expect(queue.finish(new Promise(() => undefined))).rejects.toThrow('nothing is left')
  })
})

describe('a virtual clock', () => {
  test('can be ahead and slow, and stops with its process', async () => {
    const queue = new EventQueue()
    const clock = new VirtualClock(queue, { skewMs: 500, rate: 0.5 })
    const seen: number[] = []
    clock.schedule(100, () => seen.push(queue.nowMs - START_MS))
    clock.schedule(300, () => seen.push(-1))
    await queue.runFor(400)
    expect(seen).toEqual([200])
    expect(clock.nowMs()).toBe(START_MS + 500 + 200)
    clock.stop()
    await queue.runFor(1000)
    expect(seen).toEqual([200])
  })
})
