/** A run as Markdown, for a document that has a place for it between two marks. */
import { OPERATIONS, type Operation, type Result } from '../results.ts'
import { detailTables, machineLine, type Report } from './report.ts'
import { between, markdownTable, milliseconds, type Table } from './table.ts'
import { targetsTable } from './tables.ts'

export const MARKS = {
  begin: '<!-- figures: written by `pnpm bench --doc` -->',
  end: '<!-- end of figures -->',
} as const

/** The document with the run between its marks, or undefined if it has none. */
export function withFigures(document: string, report: Report, size: number): string | undefined {
  const [begin, end] = [document.indexOf(MARKS.begin), document.indexOf(MARKS.end)]
  if (begin < 0 || end < begin) return undefined
  const figures = `${MARKS.begin}\n\n${markdownOf(report, size)}\n\n`
  return document.slice(0, begin) + figures + document.slice(end)
}

function markdownOf(report: Report, size: number): string {
  const operations = OPERATIONS.filter((operation) => report.results.some((result) => result.operation === operation))
  return [
    `${machineLine(report)}.`,
    markdownTable(targetsTable(report.targets)),
    ...operations.map((operation) => `**${operation}**, ms\n\n${markdownTable(bySize(operation, report.results))}`),
    ...detailTables(report, size).map(markdownTable),
  ].join('\n\n')
}

/** One row for each library, one column for each size; the floor of ours, and how far above it ours is, below. */
function bySize(operation: Operation, results: readonly Result[]): Table {
  const own = results.filter((result) => result.operation === operation)
  const sizes = [...new Set(own.map(({ size }) => size))].sort((a, b) => a - b)
  const row = (name: string, cell: (size: number) => string | undefined): string[] => [
    name,
    ...sizes.map((size) => cell(size) ?? '–'),
  ]
  const rows = [...new Set(own.map(({ library }) => library))].flatMap((library) => {
    const at = (size: number): Result | undefined => own.find((each) => each.library === library && each.size === size)
    const time = ({ time: spread }: Result): string => `${milliseconds(spread.median)} (${between(spread)})`
    const times = row(library, (size) => map(at(size), time))
    if (!own.some((each) => each.library === library && each.floor !== undefined)) return [times]
    const floors = row('its floor', (size) => map(at(size)?.floor, ({ median }) => milliseconds(median)))
    const ratios = row('ratio', (size) =>
      map(at(size), ({ time: spread, floor }) => floor && (spread.median / floor.median).toFixed(2)),
    )
    return [times, floors, ratios]
  })
  return { header: ['members', ...sizes.map((size) => (size === 0 ? '' : String(size)))], rows }
}

function map<T, R>(value: T | undefined, f: (value: T) => R): R | undefined {
  return value === undefined ? undefined : f(value)
}
