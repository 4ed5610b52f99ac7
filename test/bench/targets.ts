/** What is to be reached, as ratios within one run. */
import { OURS, PEER } from './libraries/index.ts'
import { findResult, type Operation, type Result } from './results.ts'
import type { MemoryReport } from './rows/memory.ts'
import type { Opening, StorageReport } from './rows/storage.ts'

export interface Target {
  readonly name: string
  /** `at most` or `at least` the bound. */
  readonly bound: string
  /** Undefined where this run did not measure it. */
  readonly reached: string | undefined
  /**
   * The same ratio of tenth percentiles instead of medians, where there are any: what a busy machine hides, because other
   * programs disturb whatever takes longer more often. For reading; the verdict is about the medians.
   */
  readonly undisturbed: string | undefined
  readonly met: boolean | undefined
}

const SIZE = 1000
const LARGE = 100_000

export interface Measured {
  readonly results: readonly Result[]
  /** Measured in turn at both sizes. */
  readonly growth: readonly Result[]
  readonly memory: MemoryReport | undefined
  readonly storage: StorageReport | undefined
}

export function targets({ results, growth, memory, storage }: Measured): readonly Target[] {
  return [
    floor(results, 'process commit, warm', 1.5),
    faster(results, 'process commit, warm', 200),
    floor(results, 'make commit, warm', 1.5),
    faster(results, 'make commit, warm', 150),
    floor(results, 'make commit, bare', 1.25),
    floor(results, 'join, warm', 1.3),
    floor(results, 'create and add all', 1.3),
    floor(results, 'encrypt 100 B', 1.4),
    floor(results, 'decrypt 100 B', 1.4),
    grown(growth, 'encrypt 100 B', 1.1),
    grown(growth, 'decrypt 100 B', 1.1),
    grown(growth, 'process commit, warm', 2.5),
    floor(results, 'PPRF evaluation', 1.3, 0),
    memoryTarget(memory),
    loadTarget('just joined', storage?.joined),
    loadTarget('in use', storage?.inUse),
    commitTarget(storage),
    messageTarget(storage),
  ]
}

function atMost(name: string, unit: string, bound: number, ratio: number | undefined, tenths?: number): Target {
  const reached = ratio === undefined ? undefined : `${ratio.toFixed(2)} ${unit}`
  const met = ratio === undefined ? undefined : ratio <= bound
  return { name, bound: `≤ ${bound} ${unit}`, reached, undisturbed: tenths?.toFixed(2), met }
}

function floor(results: readonly Result[], operation: Operation, bound: number, size: number = SIZE): Target {
  const result = findResult(results, operation, OURS, size)
  const ratio = result?.floor && result.time.median / result.floor.median
  const tenths = result?.floor && result.time.low / result.floor.low
  return atMost(operation, '× floor', bound, ratio, tenths)
}

function faster(results: readonly Result[], operation: Operation, bound: number): Target {
  const [ours, peer] = [OURS, PEER].map((library) => findResult(results, operation, library, SIZE))
  const ratio = ours && peer && peer.time.median / ours.time.median
  return {
    name: operation,
    bound: `≥ ${bound} × faster than ${PEER}`,
    reached: ratio === undefined ? undefined : `${ratio.toFixed(0)} × faster`,
    undisturbed: ours && peer && (peer.time.low / ours.time.low).toFixed(0),
    met: ratio === undefined ? undefined : ratio >= bound,
  }
}

function grown(growth: readonly Result[], operation: Operation, bound: number): Target {
  const [small, large] = [SIZE, LARGE].map((size) => findResult(growth, operation, OURS, size))
  const ratio = small && large && large.time.median / small.time.median
  const tenths = small && large && large.time.low / small.time.low
  return atMost(`${operation}, 100 000 members`, '× the time at 1000', bound, ratio, tenths)
}

function memoryTarget(memory: MemoryReport | undefined): Target {
  const ratio = memory && memory.retainedBytes / memory.retainedBytesMax
  return atMost('100 retained epochs', '× (1.5 × one epoch + 100 × 16 KiB)', 1, ratio)
}

function loadTarget(which: string, opening: Opening | undefined): Target {
  const ratio = opening && opening.loadMs / opening.verifyMs
  return atMost(`open a stored group, ${which}`, '× verifying it again', 1, ratio)
}

/** Saving a step writes what changed, not the group. */
function commitTarget(storage: StorageReport | undefined): Target {
  const ratio = storage && storage.commit.bytes / storage.join.bytes
  return atMost('bytes written for a commit', '× those for joining', 0.05, ratio)
}

function messageTarget(storage: StorageReport | undefined): Target {
  const ratio = storage && storage.lastMessage.bytes / storage.firstMessage.bytes
  return atMost('bytes written for a message, most heard', '× those with few heard', 1.1, ratio)
}
