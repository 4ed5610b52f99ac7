/** The benchmark itself, at sizes that take no time: that its rows run, and that what it says could have been otherwise. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { Lane, measureInTurn } from './lanes/lane.ts'
import { beginSection, type Plan } from './lanes/section.ts'
import { libraries, OURS, PEER } from './libraries/index.ts'
import { readOptions, UsageError } from './options.ts'
import { measureCosts, sumOfCosts } from './primitives/costs.ts'
import { type Counts, PRIMITIVES, type Primitive } from './primitives/counts.ts'
import { Floor } from './primitives/floor.ts'
import { MARKS, withFigures } from './report/markdown.ts'
import { textOf } from './report/report.ts'
import { plot } from './report/svg.ts'
import { findResult, OPERATIONS, type Operation, type Result } from './results.ts'
import { measureMemory } from './rows/memory.ts'
import { measurePprf } from './rows/pprf.ts'
import { measureStartup } from './rows/startup.ts'
import { measureStorage, type StorageReport } from './rows/storage.ts'
import { spreadOf } from './sampling.ts'
import { type Target, targets } from './targets.ts'

function counts(calls: Readonly<Partial<Record<Primitive, number>>>, bytesOfOne = 64): Counts {
  return Object.fromEntries(
    PRIMITIVES.map((primitive) => {
      const times = calls[primitive] ?? 0
      return [primitive, { calls: times, bytes: times * bytesOfOne }]
    }),
  ) as Counts
}

function always(ms: number): Result['time'] {
  return { median: ms, low: ms, high: ms, samples: 1 }
}

function result(operation: Operation, library: string, size: number, ms: number, floorMs?: number): Result {
  const floor = floorMs === undefined ? undefined : always(floorMs)
  return { operation, library, size, time: always(ms), floor, counts: undefined }
}

function verdict(results: readonly Result[], name: string, bound: string): Target['met'] {
  const reached = targets({ results, growth: results, memory: undefined, storage: undefined })
  const target = reached.find((each) => each.name === name && each.bound.includes(bound))
  if (target === undefined) throw new Error(`no target for ${name}`)
  return target.met
}

describe('what is asked for', () => {
  test('nothing means all sizes, and --quick fewer', () => {
    expect(readOptions([])).toMatchObject({ sizes: [2, 10, 100, 1000, 10_000, 100_000], quick: false })
    expect(readOptions(['--quick'])).toMatchObject({ sizes: [2, 100, 1000], quick: true })
    expect(readOptions(['--', '--sizes', '100,8,100', '--json', '-'])).toMatchObject({ sizes: [8, 100], json: '-' })
  })

  test.each([
    ['--fast'],
    ['--sizes'],
    ['--sizes', '3'],
    ['--sizes', '10,'],
    ['--sizes', '1e3'],
    ['--sizes', '99999999'],
    ['--json', ''],
    ['1000'],
  ])('"%s %s" is refused in one line', (...args) => {
    const refused = expect(() => readOptions(args.filter((each) => each !== undefined)))
    refused.toThrow(UsageError)
    refused.toThrow(/^[^\n]+$/)
  })

  test('the program ends with 2 and says why on standard error', async () => {
    const program = fileURLToPath(new URL('./main.ts', import.meta.url))
    const run = (...args: string[]): Promise<{ status: unknown; out: string; err: string }> =>
      new Promise((resolve) => {
        execFile(process.execPath, ['--conditions=dmls-source', program, ...args], (error, out, err) => {
          resolve({ status: error === null ? 0 : error.code, out, err })
        })
      })
    const [wrong, help] = await Promise.all([run('--sizes', '7'), run('--help')])
    expect(wrong).toMatchObject({ status: 2, out: '' })
    expect(wrong.err).toMatch(/^bench: "7" is no size[^\n]*\n$/)
    expect(help).toMatchObject({ status: 0, err: '' })
    expect(help.out).toContain('--quick')
  })
})

describe('a floor', () => {
  const cost = (primitive: Primitive, us: number, usPerKib = 0) =>
    ({ primitive, verification: 'one by one', us, usPerKib }) as const

  test('adds up what was counted', () => {
    const costs = [cost('hash', 2, 8), cost('sign', 20), { ...cost('verify', 60) }]
    expect(sumOfCosts(counts({ hash: 10, sign: 1 }), costs, 'one by one')).toBeCloseTo(0.04)
    expect(sumOfCosts(counts({ hash: 10 }, 64 + 1024), costs, 'one by one')).toBeCloseTo(0.1)
    expect(sumOfCosts(counts({}), costs, 'one by one')).toBe(0)
  })

  test('takes signatures that are verified side by side for that, and no others', () => {
    const costs = [cost('verify', 60), { ...cost('verify', 15), verification: 'side by side' } as const]
    expect(sumOfCosts(counts({ verify: 100 }), costs, 'one by one')).toBeCloseTo(6)
    expect(sumOfCosts(counts({ verify: 100 }), costs, 'side by side')).toBeCloseTo(1.5)
  })

  test('that is measured grows with the counts', async () => {
    const few = new Floor(counts({ hpkeSeal: 1, hash: 5 }), 'one by one')
    const many = new Floor(counts({ hpkeSeal: 60, hash: 5 }), 'one by one')
    const least = async (floor: Floor): Promise<number> => {
      const times: number[] = []
      for (let i = 0; i < 8; i++) times.push(await floor.measure())
      return Math.min(...times)
    }
    expect(await least(many)).toBeGreaterThan(5 * (await least(few)))
  })

  test('knows a cost of every primitive', async () => {
    const costs = await measureCosts(2)
    for (const primitive of PRIMITIVES) {
      expect(costs.find((each) => each.primitive === primitive)?.us, primitive).toBeGreaterThan(0)
    }
  })
})

describe('a target', () => {
  const operation = 'process commit, warm'

  test('is met at its bound and not beyond it', () => {
    expect(verdict([result(operation, OURS, 1000, 1.5, 1)], operation, '1.5 × floor')).toBe(true)
    expect(verdict([result(operation, OURS, 1000, 1.51, 1)], operation, '1.5 × floor')).toBe(false)
  })

  test('is about ours with node:crypto at its size, and unknown when that was not measured', () => {
    expect(verdict([], operation, '1.5 × floor')).toBeUndefined()
    expect(verdict([result(operation, OURS, 100, 1, 1)], operation, '1.5 × floor')).toBeUndefined()
    expect(verdict([result(operation, 'dmls, noble', 1000, 1, 1)], operation, '1.5 × floor')).toBeUndefined()
  })

  test('names the ratio of the tenth percentiles beside that of the medians, which decides', () => {
    const noisy = result(operation, OURS, 1000, 3, 1)
    const measured = { ...noisy, time: { ...noisy.time, low: 1.2 } }
    const [target] = targets({ results: [measured], growth: [], memory: undefined, storage: undefined })
    expect(target).toMatchObject({ reached: '3.00 × floor', undisturbed: '1.20', met: false })
  })

  test('compares with the other library and with other sizes', () => {
    const ours = result(operation, OURS, 1000, 1)
    expect(verdict([ours, result(operation, PEER, 1000, 200)], operation, '200 ×')).toBe(true)
    expect(verdict([ours, result(operation, PEER, 1000, 199)], operation, '200 ×')).toBe(false)
    const large = `${operation}, 100 000 members`
    expect(verdict([ours, result(operation, OURS, 100_000, 2.5)], large, '2.5 ×')).toBe(true)
    expect(verdict([ours, result(operation, OURS, 100_000, 2.6)], large, '2.5 ×')).toBe(false)
  })

  test('of memory fails when epochs are heavy', () => {
    const memory = {
      members: 9,
      groupBytes: 1,
      retainedEpochs: 1,
      bytesPerRetainedEpoch: 1,
      senders: 1,
      bytesPerSender: 1,
    }
    const of = (retainedBytes: number): Target['met'] =>
      targets({
        results: [],
        growth: [],
        storage: undefined,
        memory: { ...memory, retainedBytes, retainedBytesMax: 100 },
      }).find(({ name }) => name === '100 retained epochs')?.met
    expect(of(100)).toBe(true)
    expect(of(101)).toBe(false)
  })

  test('of storage fails when loading takes longer than verifying, or a step writes the group', () => {
    const written = (bytes: number) => ({ records: 1, bytes })
    const good: StorageReport = {
      members: 9,
      join: written(1000),
      commit: written(50),
      firstMessage: written(10),
      lastMessage: written(11),
      joined: { loadMs: 1, verifyMs: 1 },
      inUse: { loadMs: 2, verifyMs: 2 },
    }
    const unmet = (storage: StorageReport): string[] =>
      targets({ results: [], growth: [], memory: undefined, storage }).flatMap(({ name, met }) =>
        met === false ? [name] : [],
      )
    expect(unmet(good)).toEqual([])
    const slow = { loadMs: 1.1, verifyMs: 1 }
    expect(unmet({ ...good, joined: slow })).toEqual(['open a stored group, just joined'])
    expect(unmet({ ...good, inUse: slow })).toEqual(['open a stored group, in use'])
    expect(unmet({ ...good, commit: written(51) })).toEqual(['bytes written for a commit'])
    expect(unmet({ ...good, lastMessage: written(12) })).toEqual(['bytes written for a message, most heard'])
  })
})

test('a spread is the median and the tenths beside it', () => {
  expect(spreadOf([5, 1, 3, 2, 4, 6, 7, 8, 9, 10, 11])).toEqual({ median: 6, low: 2, high: 10, samples: 11 })
})

describe('the rows', () => {
  test('of times are there for every operation and library, as a table and a plot', async () => {
    const all = libraries('all').map((library) => ({ ...library, repeats: 1, foundings: 1 }))
    const measure = async (plan: Plan): Promise<readonly Result[]> => {
      const results: Result[] = []
      for (const library of all.filter(({ bareSizeMax }) => plan.section !== 'bare' || bareSizeMax >= plan.size)) {
        const section = await beginSection(library, plan)
        await section.round(false)
        await section.round(true)
        results.push(...section.results())
      }
      return results
    }
    const results = [
      ...(await measurePprf(2)),
      ...(await measure({ section: 'warm', size: 2, joins: 1 })),
      ...(await measure({ section: 'warm', size: 8, joins: 1 })),
      ...(await measure({ section: 'bare', size: 8, groups: 1, commits: 1 })),
    ]
    const growth = (await measure({ section: 'growth', size: 8, beside: 2 })).filter(({ library }) => library === OURS)
    for (const operation of OPERATIONS) {
      const size = operation === 'PPRF evaluation' ? 0 : 8
      const ours = findResult(results, operation, OURS, size)
      expect(ours?.time.median, operation).toBeGreaterThan(0)
      expect(ours?.floor?.median, operation).toBeGreaterThan(0)
      if (size === 0) continue
      for (const library of ['dmls, noble', 'dmls, webcrypto', PEER]) {
        expect(findResult(results, operation, library, size)?.time.median, `${library}: ${operation}`).toBeGreaterThan(
          0,
        )
      }
    }
    const seals = findResult(results, 'make commit, bare', OURS, 8)?.counts?.hpkeSeal.calls
    expect(seals).toBe(7)
    expect(findResult(results, 'PPRF evaluation', OURS, 0)?.counts?.hmac.calls).toBe(513)
    const machine = { node: '', openssl: '', cpu: '', threads: 1, load: '' }
    const rest = {
      growth,
      memory: undefined,
      storage: undefined,
      startup: undefined,
      targets: [],
      costs: [],
      seconds: 1,
    }
    const text = textOf({ machine, results, ...rest }, 8)
    expect(text).toMatch(/^make commit, bare +8 +dmls, node +\d/m)
    expect(text).toMatch(/^decrypt 100 B( +\d+\.\d+){3}$/m)
    const document = `# Figures\n${MARKS.begin}\nold\n${MARKS.end}\nThe end.\n`
    const report = { machine, results, ...rest }
    const filled = withFigures(document, report, 8)
    expect(filled).toMatch(/^# Figures\n.*\| dmls, node \| \d.*\| ratio \| \d.*\nThe end\.\n$/s)
    expect(filled).not.toContain('old')
    expect(withFigures(filled ?? '', report, 8)).toBe(filled)
    expect(withFigures('# No place\n', report, 8)).toBeUndefined()
    expect(plot(results)).toMatch(/^<svg .*<title>.*<\/svg>\n$/s)
  })

  test('run in processes in turn, whose faults are told', async () => {
    const lanes = [new Lane(OURS), new Lane(PEER)]
    try {
      const results = await measureInTurn(lanes, { section: 'warm', size: 2, joins: 1 }, 1)
      expect(new Set(results.map(({ library }) => library))).toEqual(new Set([OURS, PEER]))
      expect(findResult(results, 'make commit, warm', OURS, 2)?.floor?.median).toBeGreaterThan(0)
      await expect(lanes[0]?.round(true)).rejects.toThrow('no section has begun')
    } finally {
      for (const lane of lanes) lane.close()
    }
    const nobody = new Lane('nobody')
    await expect(nobody.begin({ section: 'warm', size: 2, joins: 1 })).rejects.toThrow('its process ended')
  })

  test('of memory, storage and start-up weigh what is there', async () => {
    const memory = await measureMemory(16, 4)
    expect(memory.groupBytes).toBeGreaterThan(0)
    expect(memory.bytesPerRetainedEpoch).toBeGreaterThan(8192)
    const storage = await measureStorage(16, 1)
    expect(storage.join.bytes).toBeGreaterThan(16 * 200)
    const { joined, inUse } = storage
    expect(Math.min(joined.loadMs, joined.verifyMs, inUse.loadMs, inUse.verifyMs)).toBeGreaterThan(0)
    expect(storage.commit.bytes).toBeGreaterThan(storage.firstMessage.bytes)
    const startup = await measureStartup(16, 1)
    expect(startup.openClientMs.median).toBeGreaterThan(0)
  })
})
