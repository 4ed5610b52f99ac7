/** A whole run as text. */
import type { Machine } from '../machine.ts'
import type { Cost } from '../primitives/costs.ts'
import type { Result } from '../results.ts'
import type { MemoryReport } from '../rows/memory.ts'
import type { StartupReport } from '../rows/startup.ts'
import type { StorageReport } from '../rows/storage.ts'
import type { Target } from '../targets.ts'
import { type Table, textTable } from './table.ts'
import {
  costsTable,
  countsTable,
  growthTable,
  loadsTable,
  memoryTable,
  startupTable,
  targetsTable,
  timesTable,
  writesTable,
} from './tables.ts'

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

export function machineLine({ machine, seconds }: Report): string {
  const { node, openssl, threads, cpu, load } = machine
  return `Node ${node}, OpenSSL ${openssl}, ${threads} × ${cpu}, load ${load}; measured in ${Math.round(seconds)} s`
}

/** All but the times and the targets. `size`: of the groups whose counts are shown. */
export function detailTables(report: Report, size: number): readonly Table[] {
  const { memory, storage, startup } = report
  return [
    ...(report.growth.length === 0 ? [] : [growthTable(report.growth)]),
    countsTable(report.results, size),
    costsTable(report.costs),
    ...(memory === undefined ? [] : [memoryTable(memory)]),
    ...(storage === undefined ? [] : [writesTable(storage), loadsTable(storage)]),
    ...(startup === undefined ? [] : [startupTable(startup)]),
  ]
}

export function textOf(report: Report, size: number): string {
  const tables = [timesTable(report.results, report.costs), ...detailTables(report, size), targetsTable(report.targets)]
  return `${[machineLine(report), ...tables.map(textTable)].join('\n\n')}\n`
}
