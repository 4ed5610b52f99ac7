/**
 * Lays a history out on a grid of characters, one lane per line of descent, the way `git log --graph` does: a row for
 * each epoch, and a row above an epoch on which several branches meet. Says which branch each character belongs to;
 * colours and text are the business of text.ts.
 */
import { branchesOf } from './branches.ts'
import type { EpochHistory, EpochRecord } from './history.ts'
import { newestFirst } from './order.ts'

export interface Cell {
  readonly glyph: string
  /** The branch to colour it for; undefined for blanks. */
  readonly branch?: number
}

export interface Row {
  readonly cells: readonly Cell[]
  /** The epoch that the row shows; undefined on rows that only join lanes. */
  readonly record?: EpochRecord
}

/** What a lane leads down to. */
interface Lane {
  readonly target: string
  readonly branch: number
  /** No child is reached through it, only a commit that resolves its target. */
  readonly resolvesOnly: boolean
}

type Lanes = readonly (Lane | undefined)[]

const BLANK: Cell = { glyph: ' ' }

/** The rows of the picture from the newest epoch down, two characters to a lane. */
export function layOut(history: EpochHistory): readonly Row[] {
  const ordered = newestFirst(history)
  const present = new Set(ordered.map(({ id }) => id))
  const branches = branchesOf(history)
  const rows: Row[] = []
  let lanes: Lanes = []

  for (const record of ordered) {
    const branch = branches.get(record.id) ?? 0
    const arriving = indicesOf(lanes, record.id)
    const column = arriving[0] ?? firstFree(lanes, 0)
    if (arriving.length > 1) {
      const ending = arriving.slice(1)
      rows.push({ cells: connectorRow(lanes, column, ending, { centre: '├', down: false, branch }) })
      lanes = lanes.map((lane, index) => (ending.includes(index) ? undefined : lane))
    }

    const parent = record.parent !== undefined && present.has(record.parent) ? record.parent : undefined
    const parentLane =
      parent === undefined ? undefined : { target: parent, branch: branches.get(record.id) ?? 0, resolvesOnly: false }
    let next = withLane(lanes, column, parentLane)
    const mergedInto: number[] = []
    for (const head of record.resolves) {
      if (!present.has(head)) continue
      const existing = next.findIndex((lane, index) => lane?.target === head && index !== column)
      const index = existing >= 0 ? existing : firstFree(next, column + 1)
      if (existing < 0)
        next = withLane(next, index, { target: head, branch: branches.get(head) ?? 0, resolvesOnly: true })
      mergedInto.push(index)
    }
    const centre = glyphOf(record, history)
    rows.push({ record, cells: nodeRow(lanes, next, column, mergedInto, { centre, branch }) })
    lanes = trimmed(next)
  }
  return rows
}

function glyphOf(record: EpochRecord, { head, openHeads }: EpochHistory): string {
  if (record.id === head) return '◉'
  if (openHeads.includes(record.id)) return '○'
  return record.resolves.length > 0 ? '◆' : '●'
}

function nodeRow(
  before: Lanes,
  after: Lanes,
  column: number,
  mergedInto: readonly number[],
  { centre, branch }: { readonly centre: string; readonly branch: number },
): readonly Cell[] {
  const lanes = Array.from({ length: Math.max(after.length, column + 1) }, (_, index) =>
    index === column || before[index] !== undefined ? before[index] : undefined,
  )
  if (mergedInto.length === 0) {
    return lanes.flatMap((lane, index) => [index === column ? { glyph: centre, branch } : vertical(lane), BLANK])
  }
  const colours = new Map(mergedInto.map((index) => [index, after[index]?.branch ?? branch]))
  return connectorRow(lanes, column, mergedInto, { centre, down: true, branch, colours })
}

/** A row with lines from the lane at `column` to the lanes at `ends`: they go down from it, or come up to it. */
function connectorRow(
  lanes: Lanes,
  column: number,
  ends: readonly number[],
  options: {
    readonly centre: string
    readonly down: boolean
    readonly branch: number
    readonly colours?: ReadonlyMap<number, number>
  },
): readonly Cell[] {
  const left = Math.min(column, ...ends)
  const right = Math.max(column, ...ends)
  const width = Math.max(lanes.length, right + 1)
  const colourAt = (index: number): number => options.colours?.get(index) ?? lanes[index]?.branch ?? options.branch
  /** A horizontal piece belongs to the line that ends farther out. */
  const colourBeside = (index: number): number => {
    const outer = index >= column ? ends.filter((end) => end > index) : ends.filter((end) => end <= index)
    const nearest = index >= column ? Math.min(...outer) : Math.max(...outer)
    return Number.isFinite(nearest) ? colourAt(nearest) : options.branch
  }
  const line = options.down ? '╌' : '─'

  return Array.from({ length: width }, (_, index): readonly Cell[] => {
    const gap = index >= left && index < right ? { glyph: line, branch: colourBeside(index) } : BLANK
    if (index === column) return [{ glyph: options.centre, branch: options.branch }, gap]
    if (ends.includes(index)) {
      const goesOn = options.down && lanes[index] !== undefined
      const isOutermost = index === left || index === right
      return [
        {
          glyph: endGlyph({ down: options.down, goesOn, isOutermost, isRight: index > column }),
          branch: colourAt(index),
        },
        gap,
      ]
    }
    if (index > left && index < right) {
      return [
        lanes[index] === undefined
          ? { glyph: line, branch: colourBeside(index) }
          : { glyph: '┼', branch: colourAt(index) },
        gap,
      ]
    }
    return [vertical(lanes[index]), gap]
  }).flat()
}

function endGlyph(end: { down: boolean; goesOn: boolean; isOutermost: boolean; isRight: boolean }): string {
  if (end.goesOn) return end.isOutermost ? (end.isRight ? '┤' : '├') : '┼'
  if (!end.isOutermost) return end.down ? '┬' : '┴'
  if (end.isRight) return end.down ? '╮' : '╯'
  return end.down ? '╭' : '╰'
}

function vertical(lane: Lane | undefined): Cell {
  return lane === undefined ? BLANK : { glyph: lane.resolvesOnly ? '┊' : '│', branch: lane.branch }
}

function indicesOf(lanes: Lanes, target: string): readonly number[] {
  return lanes.flatMap((lane, index) => (lane?.target === target ? [index] : []))
}

function firstFree(lanes: Lanes, from: number): number {
  for (let index = from; index < lanes.length; index++) if (lanes[index] === undefined) return index
  return Math.max(lanes.length, from)
}

function withLane(lanes: Lanes, at: number, lane: Lane | undefined): Lanes {
  return Array.from({ length: Math.max(lanes.length, at + 1) }, (_, index) => (index === at ? lane : lanes[index]))
}

function trimmed(lanes: Lanes): Lanes {
  let length = lanes.length
  while (length > 0 && lanes[length - 1] === undefined) length--
  return lanes.slice(0, length)
}
