/** A history as lines for a terminal: the lanes on the left, who did what on the right, the newest epoch on top. */
import type { Style } from '../terminal-style.ts'
import { describeChanges, type EpochHistory, type EpochRecord, shortId } from './history.ts'
import { layOut, type Row } from './lanes.ts'

/** The lines, without a line end each. */
export function renderText(history: EpochHistory, style: Style): readonly string[] {
  const rows = layOut(history)
  const widths = {
    lanes: Math.max(0, ...rows.map(({ cells }) => cells.length)),
    epoch: Math.max(0, ...history.epochs.map(({ epoch }) => String(epoch).length)),
    committer: Math.max(0, ...history.epochs.map(({ committer = '' }) => committer.length)),
  }
  return rows.map((row) => renderRow(row, history, widths, style).trimEnd())
}

interface Widths {
  readonly lanes: number
  readonly epoch: number
  readonly committer: number
}

function renderRow(row: Row, history: EpochHistory, widths: Widths, style: Style): string {
  const lanes = row.cells.map(({ glyph, branch }) => (branch === undefined ? glyph : style.branch(branch, glyph)))
  const graph = lanes.join('') + ' '.repeat(widths.lanes - row.cells.length)
  if (row.record === undefined) return graph
  const branch = row.cells.find(({ glyph }) => '◉○◆●'.includes(glyph))?.branch ?? 0
  return `${graph} ${describe(row.record, history, widths, style, branch)}`
}

function describe(record: EpochRecord, history: EpochHistory, widths: Widths, style: Style, branch: number): string {
  const columns = [
    style.dim(`epoch ${String(record.epoch).padStart(widths.epoch)}`),
    style.branch(branch, shortId(record.id)),
    (record.committer ?? '').padEnd(widths.committer),
    describeChanges(record),
  ]
  const line = columns.join('  ')
  if (record.id === history.head) return `${line}  ${style.bold('← head')}`
  return history.openHeads.includes(record.id) ? `${line}  ${style.bold('← open')}` : line
}
