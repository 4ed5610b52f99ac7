/** The results of a run as tables. */
import { OURS } from '../libraries/index.ts'
import { type Cost, sumOfCosts } from '../primitives/costs.ts'
import { PRIMITIVES } from '../primitives/counts.ts'
import { findResult, OPERATIONS, type Result, verificationOf } from '../results.ts'
import type { MemoryReport } from '../rows/memory.ts'
import type { StartupReport } from '../rows/startup.ts'
import type { StorageReport, WriteSize } from '../rows/storage.ts'
import type { Spread } from '../sampling.ts'
import type { Target } from '../targets.ts'
import { between, milliseconds, type Table } from './table.ts'

/** `Σ`: what the counted primitives cost by the table of costs, in milliseconds, beside the floor that was measured. */
export function timesTable(results: readonly Result[], costs: readonly Cost[]): Table {
  const rows = OPERATIONS.flatMap((operation) =>
    results
      .filter((result) => result.operation === operation)
      .sort((a, b) => a.size - b.size)
      .map(({ library, size, time, floor, counts }) => [
        operation,
        size === 0 ? '' : String(size),
        library,
        milliseconds(time.median),
        between(time),
        String(time.samples),
        floor === undefined ? '' : milliseconds(floor.median),
        floor === undefined ? '' : (time.median / floor.median).toFixed(2),
        counts === undefined ? '' : milliseconds(sumOfCosts(counts, costs, verificationOf(operation))),
      ]),
  )
  return { header: ['operation', 'members', 'library', 'ms', '10 – 90 %', 'samples', 'floor', 'ratio', 'Σ'], rows }
}

/** Calls of each primitive, and in brackets the bytes of their data. */
export function countsTable(results: readonly Result[], size: number): Table {
  const counted = results.filter((result) => result.counts !== undefined && (result.size === size || result.size === 0))
  const used = PRIMITIVES.filter((primitive) => counted.some(({ counts }) => (counts?.[primitive].calls ?? 0) > 0))
  const rows = counted.map(({ operation, counts }) => [
    operation,
    ...used.map((primitive) => {
      const { calls, bytes } = counts?.[primitive] ?? { calls: 0, bytes: 0 }
      if (calls === 0) return ''
      return bytes === 0 ? round(calls) : `${round(calls)} (${Math.round(bytes)})`
    }),
  ])
  return { header: ['operation', ...used], rows }
}

function round(calls: number): string {
  return Number.isInteger(calls) ? String(calls) : calls.toFixed(1)
}

export function costsTable(costs: readonly Cost[]): Table {
  const rows = costs.map(({ primitive, verification, us, usPerKib }) => [
    verification === 'side by side' ? `${primitive}, side by side` : primitive,
    us.toFixed(2),
    usPerKib === 0 ? '' : usPerKib.toFixed(2),
  ])
  return { header: ['one of', 'µs', 'and for each KiB'], rows }
}

export function targetsTable(targets: readonly Target[]): Table {
  const verdict = (met: boolean | undefined): string => (met === undefined ? 'not measured' : met ? 'met' : 'NOT MET')
  const rows = targets.map(({ name, bound, reached, undisturbed, met }) => [
    name,
    bound,
    reached ?? '',
    undisturbed ?? '',
    verdict(met),
  ])
  return { header: ['target', 'bound', 'reached', 'at 10 %', ''], rows }
}

export function memoryTable(memory: MemoryReport): Table {
  const kib = (bytes: number): string => `${(bytes / 1024).toFixed(2)} KiB`
  return {
    header: [`memory, ${memory.members} members`, ''],
    rows: [
      ['a joined group', kib(memory.groupBytes)],
      ['for each member', kib(memory.groupBytes / memory.members)],
      [`each of ${memory.retainedEpochs} retained epochs`, kib(memory.bytesPerRetainedEpoch)],
      [`the ratchet of each of ${memory.senders} senders`, kib(memory.bytesPerSender)],
    ],
  }
}

export function writesTable(storage: StorageReport): Table {
  const row = (name: string, { records, bytes }: WriteSize): string[] => [name, records.toFixed(1), bytes.toFixed(0)]
  return {
    header: [`written, ${storage.members} members`, 'records', 'bytes'],
    rows: [
      row('joining', storage.join),
      row('first message of a sender, few heard', storage.firstMessage),
      row('first message of a sender, most heard', storage.lastMessage),
      row('a commit', storage.commit),
    ],
  }
}

export function loadsTable(storage: StorageReport): Table {
  return {
    header: [`read from the disk, ${storage.members} members`, 'ms'],
    rows: [
      ['just joined', milliseconds(storage.joined.loadMs)],
      ['for comparison: verifying the tree again', milliseconds(storage.joined.verifyMs)],
      ['in use: almost everybody heard, and a commit', milliseconds(storage.inUse.loadMs)],
      ['for comparison: verifying the tree again', milliseconds(storage.inUse.verifyMs)],
    ],
  }
}

/** The same operations in a small and a large group, measured in turn. */
export function growthTable(growth: readonly Result[]): Table {
  const [small, large] = [Math.min, Math.max].map((pick) => pick(...growth.map(({ size }) => size))) as [number, number]
  const rows = OPERATIONS.flatMap((operation) => {
    const [before, after] = [small, large].map((size) => findResult(growth, operation, OURS, size)?.time.median)
    if (before === undefined || after === undefined) return []
    return [[operation, milliseconds(before), milliseconds(after), (after / before).toFixed(2)]]
  })
  return { header: ['in turn, ms', `${small} members`, `${large} members`, 'ratio'], rows }
}

export function startupTable(startup: StartupReport): Table {
  const row = (name: string, spread: Spread): string[] => [name, milliseconds(spread.median), between(spread)]
  return {
    header: [`start in a fresh process, ${startup.members} members`, 'ms', '10 – 90 %'],
    rows: [
      row('import the client package and the provider', startup.importMs),
      row('open the store on disk', startup.openStoreMs),
      row('open the client with the stored group', startup.openClientMs),
    ],
  }
}
