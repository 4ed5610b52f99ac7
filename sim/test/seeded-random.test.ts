import { describe, expect, test } from 'vitest'
import { SeededRandom } from '../src/seeded-random.ts'

describe('seeded randomness', () => {
  test('is the same for the same seed and different for another', () => {
    const draw = (seed: number): string => Buffer.from(new SeededRandom(seed).bytes(64)).toString('hex')
    expect(draw(1)).toBe(draw(1))
    expect(new Set([0, 1, 2, 3, -1, 256, 65_536, 2 ** 31].map(draw)).size).toBe(8)
  })

  test('has streams that do not depend on what others drew', () => {
    const used = new SeededRandom(7)
    used.bytes(1000)
    expect(used.fork('alice').bytes(16)).toEqual(new SeededRandom(7).fork('alice').bytes(16))
    expect(used.fork('alice').bytes(16)).not.toEqual(used.fork('bob').bytes(16))
    expect(used.fork('alice').fork('bob').bytes(16)).not.toEqual(used.fork('bob').fork('alice').bytes(16))
  })

  test('has thousands of streams that all differ, and bytes that are spread evenly', () => {
    const root = new SeededRandom(1)
    const streams = Array.from({ length: 5000 }, (_, i) => Buffer.from(root.fork(`node ${i}`).bytes(8)).toString('hex'))
    expect(new Set(streams).size).toBe(5000)
    const counts = new Map<number, number>()
    for (const byte of root.bytes(256_000)) counts.set(byte, (counts.get(byte) ?? 0) + 1)
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(200)
  })

  test('draws with the probability that was asked for', () => {
    const random = new SeededRandom(3)
    const hits = Array.from({ length: 20_000 }, () => random.chance(0.25)).filter(Boolean).length
    expect(hits).toBeGreaterThan(4700)
    expect(hits).toBeLessThan(5300)
    expect(random.chance(0)).toBe(false)
    expect(random.chance(1)).toBe(true)
  })

  test('picks and samples without repeating', () => {
    const random = new SeededRandom(4)
    expect(random.sample([1, 2, 3], 5).sort((a, b) => a - b)).toEqual([1, 2, 3])
    expect(
      new Set(
        random.sample(
          Array.from({ length: 50 }, (_, i) => i),
          20,
        ),
      ).size,
    ).toBe(20)
    expect(() => random.pick([])).toThrow(RangeError)
  })
})
