/** Times against members, both logarithmic, as a plain SVG: one panel for each operation, one line for each library. */
import type { Operation, Result } from '../results.ts'
import { milliseconds } from './table.ts'

const PANELS: readonly Operation[] = [
  'process commit, warm',
  'make commit, warm',
  'make commit, bare',
  'join, warm',
  'create and add all',
  'encrypt 100 B',
]
const COLORS = ['#1f6feb', '#8250df', '#1a7f37', '#9a6700', '#cf222e'] as const
const PANEL = { width: 360, height: 260, left: 58, right: 28, top: 34, bottom: 36 }
const COLUMNS = 3
const LEGEND_HEIGHT = 40

interface Scale {
  readonly from: number
  readonly to: number
}

export function plot(results: readonly Result[]): string {
  const libraries = [...new Set(results.map(({ library }) => library))]
  const shown = PANELS.filter((operation) => results.some((result) => result.operation === operation))
  const rows = Math.ceil(shown.length / COLUMNS)
  const [width, height] = [COLUMNS * PANEL.width, LEGEND_HEIGHT + rows * PANEL.height]
  const panels = shown.map((operation, i) => {
    const x = (i % COLUMNS) * PANEL.width
    const y = LEGEND_HEIGHT + Math.floor(i / COLUMNS) * PANEL.height
    return `<g transform="translate(${x} ${y})">${panel(operation, results, libraries)}</g>`
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}"`,
    ' font-family="system-ui, sans-serif" font-size="11" role="img">',
    '<title>Times against members, a panel for each operation and a line for each library</title>',
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    legend(libraries),
    ...panels,
    '</svg>',
    '',
  ].join('\n')
}

function legend(libraries: readonly string[]): string {
  return libraries
    .map((library, i) => {
      const x = 20 + i * 200
      return `<circle cx="${x}" cy="20" r="5" fill="${colorOf(i)}"/><text x="${x + 10}" y="24">${escaped(library)}</text>`
    })
    .join('')
}

function panel(operation: Operation, results: readonly Result[], libraries: readonly string[]): string {
  const own = results.filter((result) => result.operation === operation)
  const xs = decades(own.map(({ size }) => size))
  const ys = decades(own.flatMap(({ time, floor }) => [time.median, ...(floor === undefined ? [] : [floor.median])]))
  const x = (size: number): number => place(size, xs, PANEL.left, PANEL.width - PANEL.right)
  const y = (ms: number): number => place(ms, ys, PANEL.height - PANEL.bottom, PANEL.top)
  const lines = libraries.map((library, i) => {
    const points = own.filter((result) => result.library === library).sort((a, b) => a.size - b.size)
    const floors = points.flatMap(({ size, floor }) => (floor === undefined ? [] : [{ size, ms: floor.median }]))
    const times = points.map(({ size, time }) => ({ size, ms: time.median }))
    const at = ({ size, ms }: { readonly size: number; readonly ms: number }): string =>
      `${x(size).toFixed(1)},${y(ms).toFixed(1)}`
    const dots = times.map((point) => {
      const [cx, cy] = at(point).split(',')
      const title = `${library}, ${point.size} members: ${milliseconds(point.ms)} ms`
      return `<circle cx="${cx}" cy="${cy}" r="3" fill="${colorOf(i)}"><title>${escaped(title)}</title></circle>`
    })
    return [
      `<polyline points="${times.map(at).join(' ')}" fill="none" stroke="${colorOf(i)}" stroke-width="1.5"/>`,
      `<polyline points="${floors.map(at).join(' ')}" fill="none" stroke="${colorOf(i)}" stroke-dasharray="3 3"/>`,
      ...dots,
    ].join('')
  })
  return [
    `<text x="${PANEL.left}" y="20" font-weight="600">${escaped(operation)}, ms (dashed: floor)</text>`,
    ...ticks(ys).map((ms) => grid(PANEL.left, y(ms), PANEL.width - PANEL.right, y(ms), label(ms), 'left')),
    ...ticks(xs).map((size) => grid(x(size), PANEL.top, x(size), PANEL.height - PANEL.bottom, label(size), 'below')),
    ...lines,
  ].join('')
}

function grid(x1: number, y1: number, x2: number, y2: number, text: string, side: 'left' | 'below'): string {
  const line = `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" stroke="#d0d7de" stroke-width="0.5"/>`
  const [x, y, anchor] = side === 'left' ? [x1 - 6, y1 + 4, 'end'] : [x1, y2 + 16, 'middle']
  return `${line}<text x="${x}" y="${y}" text-anchor="${anchor}" fill="#57606a">${text}</text>`
}

/** Whole powers of ten around the values. */
function decades(values: readonly number[]): Scale {
  const from = Math.floor(Math.log10(Math.min(...values)))
  return { from, to: Math.max(from + 1, Math.ceil(Math.log10(Math.max(...values)))) }
}

function ticks({ from, to }: Scale): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => 10 ** (from + i))
}

function place(value: number, { from, to }: Scale, start: number, end: number): number {
  return start + ((Math.log10(value) - from) / (to - from)) * (end - start)
}

function label(value: number): string {
  return value >= 1 ? value.toLocaleString('en').replaceAll(',', ' ') : String(value)
}

function colorOf(index: number): string {
  return COLORS[index % COLORS.length] as string
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}
