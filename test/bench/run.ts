/** All measurements of one run: what they are called, and in which order. */
import { Lane, measureInTurn } from './lanes/lane.ts'
import { libraries, OURS } from './libraries/index.ts'
import { describeMachine } from './machine.ts'
import type { BenchOptions } from './options.ts'
import { measureCosts } from './primitives/costs.ts'
import type { Report } from './report/report.ts'
import type { Result } from './results.ts'
import { measureMemory } from './rows/memory.ts'
import { measurePprf } from './rows/pprf.ts'
import { measureStartup } from './rows/startup.ts'
import { measureStorage } from './rows/storage.ts'
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
  const growth: Result[] = []
  const lanes = measured.map((library) => ({ library, lane: new Lane(library.name) }))
  try {
    for (const size of sizes.filter((each) => each < LARGE_SIZE)) {
      note(`a fully populated tree of ${size}`)
      const able = lanes.filter(({ library }) => size <= library.sizeMax).map(({ lane }) => lane)
      const { rounds, joins } = warmRounds(size, quick)
      results.push(...(await measureInTurn(able, { section: 'warm', size, joins }, rounds)))
    }
    for (const size of sizes) {
      const able = lanes.filter(({ library }) => size <= library.bareSizeMax).map(({ lane }) => lane)
      if (able.length === 0) continue
      note(`a group of ${size} that was just created`)
      const { rounds, groups } = bareRounds(size)
      results.push(...(await measureInTurn(able, { section: 'bare', size, groups, commits: 2 }, rounds)))
    }
    for (const size of sizes.filter((each) => each >= LARGE_SIZE)) {
      note(`fully populated trees of ${FIXED_SIZE} and ${size}`)
      const own = lanes.filter(({ library }) => library.name === OURS).map(({ lane }) => lane)
      const grown = await measureInTurn(own, { section: 'growth', size, beside: FIXED_SIZE }, LARGE_ROUNDS)
      results.push(...grown.filter((result) => result.size === size))
      growth.splice(0, growth.length, ...grown)
    }
  } finally {
    for (const { lane } of lanes) lane.close()
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

function bareRounds(size: number): { readonly rounds: number; readonly groups: number } {
  return size > 1000 ? { rounds: 2, groups: 1 } : { rounds: 4, groups: 4 }
}
