/** Tables, as text or Markdown, and numbers in them. */
import type { Spread } from '../sampling.ts'

export interface Table {
  readonly header: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

/** Columns as wide as their widest cell; the first to the left, the others to the right. */
export function textTable({ header, rows }: Table): string {
  const widths = header.map((cell, column) => Math.max(cell.length, ...rows.map((row) => (row[column] ?? '').length)))
  const line = (row: readonly string[]): string =>
    widths
      .map((width, column) => (column === 0 ? (row[0] ?? '').padEnd(width) : (row[column] ?? '').padStart(width)))
      .join('  ')
      .trimEnd()
  return [line(header), widths.map((width) => '─'.repeat(width)).join('  '), ...rows.map(line)].join('\n')
}

export function markdownTable({ header, rows }: Table): string {
  const line = (row: readonly string[]): string => `| ${header.map((_, column) => row[column] ?? '').join(' | ')} |`
  const alignment = header.map((_, column) => (column === 0 ? '---' : '---:'))
  return [line(header), line(alignment), ...rows.map(line)].join('\n')
}

export function milliseconds(ms: number): string {
  return ms >= 100 ? ms.toFixed(0) : ms >= 10 ? ms.toFixed(1) : ms.toFixed(3)
}

export function between({ low, high }: Spread): string {
  return `${milliseconds(low)} – ${milliseconds(high)}`
}
