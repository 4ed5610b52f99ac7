/** All measurements of one run, one after another in one process; what they are called and in which order. */
import { libraries } from './libraries/index.ts'
import { describeMachine } from './machine.ts'
import type { BenchOptions } from './options.ts'
import { measureCosts } from './primitives/costs.ts'
import type { Report } from './report/report.ts'
import type { Result } from './results.ts'
import { measureBare } from './rows/bare.ts'
import { measureMemory } from './rows/memory.ts'
import { measurePprf } from './rows/pprf.ts'
import { measureStartup } from './rows/startup.ts'
import { measureStorage } from './rows/storage.ts'
import { measureWarm } from './rows/warm.ts'
import { targets } from './targets.ts'

/** Members of the group in the sections that have one size. */
export const FIXED_SIZE = 1000
/** Larger groups are not created member by member: their key packages alone would take longer than the rest. */
const BARE_SIZE_MAX = 10_000
const RETAINED_EPOCHS = 100

/** `note` is told what is measured next. */
export async function measureAll(
  { sizes, quick }: Pick<BenchOptions, 'sizes' | 'quick'>,
  note: (what: string) => void,
): Promise<Report> {
  const begun = performance.now()
  const measured = libraries(quick ? 'essential' : 'all')
  const results: Result[] = []
  note('the PPRF')
  results.push(...(await measurePprf()))
  for (const size of sizes) {
    note(`a fully populated tree of ${size}`)
    const rounds = size > 10_000 ? 4 : quick ? 6 : 12
    results.push(...(await measureWarm(measured, { size, rounds, joins: size > 10_000 ? 1 : 5 })))
  }
  for (const size of sizes.filter((each) => each <= BARE_SIZE_MAX)) {
    note(`a group of ${size} that was just created`)
    const [rounds, commits] = size > 1000 ? [2, 1] : quick ? [4, 2] : [8, 2]
    results.push(...(await measureBare(measured, { size, rounds, commits })))
  }
  const hasSize = sizes.includes(FIXED_SIZE)
  if (hasSize) note('memory')
  const memory = hasSize ? await measureMemory(FIXED_SIZE, RETAINED_EPOCHS) : undefined
  if (hasSize) note('storage')
  const storage = hasSize ? await measureStorage(FIXED_SIZE) : undefined
  if (hasSize) note('start-up')
  const startup = hasSize ? await measureStartup(FIXED_SIZE, quick ? 3 : 7) : undefined
  note('what one of each primitive costs')
  const costs = await measureCosts()
  const seconds = (performance.now() - begun) / 1000
  const reached = targets({ results, memory, storage })
  return { machine: describeMachine(), seconds, results, costs, memory, storage, startup, targets: reached }
}
