/** All measurements of one run, one after another in one process; what they are called and in which order. */
import { libraries } from './libraries/index.ts'
import { describeMachine } from './machine.ts'
import type { BenchOptions } from './options.ts'
import { measureCosts } from './primitives/costs.ts'
import type { Report } from './report/report.ts'
import type { Result } from './results.ts'
import { type BarePlan, measureBare } from './rows/bare.ts'
import { measureMemory } from './rows/memory.ts'
import { measurePprf } from './rows/pprf.ts'
import { measureStartup } from './rows/startup.ts'
import { measureStorage } from './rows/storage.ts'
import { measureGrowth, measureWarm } from './rows/warm.ts'
import { targets } from './targets.ts'

/** Members of the group in the sections that have one size. */
export const FIXED_SIZE = 1000
/** From here on ours alone is measured, in turn with a group of {@link FIXED_SIZE}. */
const LARGE_SIZE = 20_000
const LARGE_ROUNDS = 4
const RETAINED_EPOCHS = 100

/** `note` is told what is measured next. */
export async function measureAll(
  { sizes, quick }: Pick<BenchOptions, 'sizes' | 'quick'>,
  note: (what: string) => void,
): Promise<Report> {
  const begun = performance.now()
  const measured = libraries(quick ? 'essential' : 'all')
  const results: Result[] = []
  const hasSize = sizes.includes(FIXED_SIZE)
  if (hasSize) note('memory')
  const memory = hasSize ? await measureMemory(FIXED_SIZE, RETAINED_EPOCHS) : undefined
  if (hasSize) note('storage')
  const storage = hasSize ? await measureStorage(FIXED_SIZE) : undefined
  if (hasSize) note('start-up')
  const startup = hasSize ? await measureStartup(FIXED_SIZE, quick ? 3 : 7) : undefined
  note('the PPRF')
  results.push(...(await measurePprf()))
  for (const size of sizes.filter((each) => each < LARGE_SIZE)) {
    note(`a fully populated tree of ${size}`)
    results.push(...(await measureWarm(measured, { size, ...warmRounds(size, quick) })))
  }
  for (const size of sizes.filter((each) => measured.some(({ bareSizeMax }) => each <= bareSizeMax))) {
    note(`a group of ${size} that was just created`)
    results.push(...(await measureBare(measured, { size, ...bareRounds(size) })))
  }
  const growth: Result[] = []
  for (const size of sizes.filter((each) => each >= LARGE_SIZE)) {
    note(`fully populated trees of ${FIXED_SIZE} and ${size}`)
    const grown = await measureGrowth({ size, beside: FIXED_SIZE, rounds: LARGE_ROUNDS })
    results.push(...grown.results)
    growth.splice(0, growth.length, ...grown.beside, ...grown.results)
  }
  note('what one of each primitive costs')
  const costs = await measureCosts()
  const seconds = (performance.now() - begun) / 1000
  const reached = targets({ results, growth, memory, storage })
  return { machine: describeMachine(), seconds, results, growth, costs, memory, storage, startup, targets: reached }
}

function warmRounds(size: number, quick: boolean): { readonly rounds: number; readonly joins: number } {
  if (size > 1000) return { rounds: 2, joins: 1 }
  return { rounds: quick ? 6 : 9, joins: 3 }
}

function bareRounds(size: number): Omit<BarePlan, 'size'> {
  if (size > 1000) return { start: 'cold', rounds: 2, groups: 1, commits: 2 }
  return { start: 'warmed up', rounds: 4, groups: 4, commits: 2 }
}
