/** Results as text. */

import { OURS } from '../libraries/index.ts'
import { type Cost, sumOfCosts } from '../primitives/costs.ts'
import { PRIMITIVES } from '../primitives/counts.ts'
import { findResult, OPERATIONS, type Result, verificationOf } from '../results.ts'
import type { MemoryReport } from '../rows/memory.ts'
import type { StartupReport } from '../rows/startup.ts'
import type { StorageReport, WriteSize } from '../rows/storage.ts'
import type { Spread } from '../sampling.ts'
import type { Target } from '../targets.ts'

/** Columns as wide as their widest cell; the first to the left, the others to the right. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((cell, column) => Math.max(cell.length, ...rows.map((row) => (row[column] ?? '').length)))
  const line = (row: readonly string[]): string =>
    widths
      .map((width, column) => (column === 0 ? (row[0] ?? '').padEnd(width) : (row[column] ?? '').padStart(width)))
      .join('  ')
      .trimEnd()
  return [line(header), widths.map((width) => '─'.repeat(width)).join('  '), ...rows.map(line)].join('\n')
}

export function milliseconds(ms: number): string {
  return ms >= 100 ? ms.toFixed(0) : ms >= 10 ? ms.toFixed(1) : ms.toFixed(3)
}

function between({ low, high }: Spread): string {
  return `${milliseconds(low)} – ${milliseconds(high)}`
}

/** `Σ`: what the counted primitives cost by the table of costs, in milliseconds, beside the floor that was measured. */
export function timesTable(results: readonly Result[], costs: readonly Cost[]): string {
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
  return table(['operation', 'members', 'library', 'ms', '10 – 90 %', 'samples', 'floor', 'ratio', 'Σ'], rows)
}

/** Calls of each primitive, and in brackets the bytes of their data. */
export function countsTable(results: readonly Result[], size: number): string {
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
  return table(['operation', ...used], rows)
}

function round(calls: number): string {
  return Number.isInteger(calls) ? String(calls) : calls.toFixed(1)
}

export function costsTable(costs: readonly Cost[]): string {
  const rows = costs.map(({ primitive, verification, us, usPerKib }) => [
    verification === 'side by side' ? `${primitive}, side by side` : primitive,
    us.toFixed(2),
    usPerKib === 0 ? '' : usPerKib.toFixed(2),
  ])
  return table(['one of', 'µs', 'and for each KiB'], rows)
}

export function targetsTable(targets: readonly Target[]): string {
  const verdict = (met: boolean | undefined): string => (met === undefined ? 'not measured' : met ? 'met' : 'NOT MET')
  const rows = targets.map(({ name, bound, reached, met }) => [name, bound, reached ?? '', verdict(met)])
  return table(['target', 'bound', 'reached', ''], rows)
}

export function memoryTable(memory: MemoryReport): string {
  const kib = (bytes: number): string => `${(bytes / 1024).toFixed(2)} KiB`
  return table(
    [`memory, ${memory.members} members`, ''],
    [
      ['a joined group', kib(memory.groupBytes)],
      ['  for each member', kib(memory.groupBytes / memory.members)],
      [`each of ${memory.retainedEpochs} retained epochs`, kib(memory.bytesPerRetainedEpoch)],
      [`the ratchet of each of ${memory.senders} senders`, kib(memory.bytesPerSender)],
    ],
  )
}

export function storageTable(storage: StorageReport): string {
  const row = (name: string, { records, bytes }: WriteSize): string[] => [name, records.toFixed(1), bytes.toFixed(0)]
  const writes = table(
    [`written, ${storage.members} members`, 'records', 'bytes'],
    [
      row('joining', storage.join),
      row('first message of a sender, few heard', storage.firstMessage),
      row('first message of a sender, most heard', storage.lastMessage),
      row('a commit', storage.commit),
    ],
  )
  const loads = table(
    ['read from the disk', 'ms'],
    [
      ['just joined', milliseconds(storage.loadMs)],
      ['almost everybody heard, and a commit', milliseconds(storage.loadLaterMs)],
      ['for comparison: verifying the tree again', milliseconds(storage.verifyMs)],
    ],
  )
  return `${writes}\n\n${loads}`
}

/** The same operations in a small and a large group, measured in turn. */
export function growthTable(growth: readonly Result[]): string {
  const [small, large] = [Math.min, Math.max].map((pick) => pick(...growth.map(({ size }) => size))) as [number, number]
  const rows = OPERATIONS.flatMap((operation) => {
    const [before, after] = [small, large].map((size) => findResult(growth, operation, OURS, size)?.time.median)
    if (before === undefined || after === undefined) return []
    return [[operation, milliseconds(before), milliseconds(after), (after / before).toFixed(2)]]
  })
  return table(['in turn, ms', `${small} members`, `${large} members`, 'ratio'], rows)
}

export function startupTable(startup: StartupReport): string {
  const row = (name: string, spread: Spread): string[] => [name, milliseconds(spread.median), between(spread)]
  return table(
    [`start in a fresh process, ${startup.members} members`, 'ms', '10 – 90 %'],
    [
      row('import the client package and the provider', startup.importMs),
      row('open the store on disk', startup.openStoreMs),
      row('open the client with the stored group', startup.openClientMs),
    ],
  )
}
