/** A whole run as text. */
import type { Machine } from '../machine.ts'
import type { Cost } from '../primitives/costs.ts'
import type { Result } from '../results.ts'
import type { MemoryReport } from '../rows/memory.ts'
import type { StartupReport } from '../rows/startup.ts'
import type { StorageReport } from '../rows/storage.ts'
import type { Target } from '../targets.ts'
import {
  costsTable,
  countsTable,
  growthTable,
  memoryTable,
  startupTable,
  storageTable,
  targetsTable,
  timesTable,
} from './table.ts'

/** Everything that one run found out. What it was not asked for is undefined. */
export interface Report {
  readonly machine: Machine
  readonly seconds: number
  readonly results: readonly Result[]
  /** Ours in a small and a large group, measured in turn. */
  readonly growth: readonly Result[]
  readonly costs: readonly Cost[]
  readonly memory: MemoryReport | undefined
  readonly storage: StorageReport | undefined
  readonly startup: StartupReport | undefined
  readonly targets: readonly Target[]
}

/** `size`: of the groups whose counts are shown. */
export function textOf(report: Report, size: number): string {
  const { machine, memory, storage, startup } = report
  const sections = [
    `Node ${machine.node}, OpenSSL ${machine.openssl}, ${machine.threads} × ${machine.cpu}, load ${machine.load}`,
    timesTable(report.results, report.costs),
    ...(report.growth.length === 0 ? [] : [growthTable(report.growth)]),
    countsTable(report.results, size),
    costsTable(report.costs),
    ...(memory === undefined ? [] : [memoryTable(memory)]),
    ...(storage === undefined ? [] : [storageTable(storage)]),
    ...(startup === undefined ? [] : [startupTable(startup)]),
    targetsTable(report.targets),
    `measured in ${Math.round(report.seconds)} s`,
  ]
  return `${sections.join('\n\n')}\n`
}
