/** The card that stands for one epoch in a picture: its lines of text and how much room they need. No drawing here. */
import { describeChanges, type EpochRecord, shortId } from './history.ts'

export interface Card {
  readonly record: EpochRecord
  readonly title: string
  readonly lines: readonly string[]
  /** In points of 1/72 inch, as Graphviz and SVG count. */
  readonly width: number
  readonly height: number
}

export const TEXT_SIZE = 12
export const LINE_HEIGHT = 16
export const CARD_PADDING = { left: 14, right: 12, top: 9, bottom: 8 } as const

/**
 * Room for an average character, as a share of the text size. On the wide side: the reader's font is not known, and
 * text that ends early looks better than text that leaves its card.
 */
const CHARACTER_WIDTH = 0.62
const NAMES_PER_LINE_MAX = 3
const NAME_LINES_MAX = 3
const CARD_WIDTH_MIN = 122

/** The card of an epoch. */
export function cardOf(record: EpochRecord): Card {
  const title = `${shortId(record.id)} · epoch ${record.epoch}`
  const lines = [...(record.committer === undefined ? [] : [record.committer]), ...changeLines(record)]
  const longest = Math.max(title.length * 0.92, ...lines.map(({ length }) => length))
  const textWidth = Math.ceil(longest * TEXT_SIZE * CHARACTER_WIDTH)
  return {
    record,
    title,
    lines,
    width: Math.max(CARD_WIDTH_MIN, CARD_PADDING.left + textWidth + CARD_PADDING.right),
    height: CARD_PADDING.top + LINE_HEIGHT * (lines.length + 1) + CARD_PADDING.bottom,
  }
}

/** What happened, broken into lines that keep the card narrow; a long list of names is cut and counted. */
function changeLines(record: EpochRecord): readonly string[] {
  if (record.parent === undefined) return [describeChanges(record)]
  const names = [...record.added.map((name) => `+${name}`), ...record.removed.map((name) => `−${name}`)]
  const roomFor = NAMES_PER_LINE_MAX * NAME_LINES_MAX
  const shown =
    names.length > roomFor ? [...names.slice(0, roomFor - 1), `… ${names.length - roomFor + 1} more`] : names
  const lines = Array.from({ length: Math.ceil(shown.length / NAMES_PER_LINE_MAX) }, (_, index) =>
    shown.slice(index * NAMES_PER_LINE_MAX, (index + 1) * NAMES_PER_LINE_MAX).join(' '),
  )
  const merges = record.resolves.length === 0 ? [] : [`merges ${record.resolves.map(shortId).join(', ')}`]
  const settings = record.settingsChanged ? ['new settings'] : []
  const all = [...merges, ...lines, ...settings]
  return all.length === 0 ? ['new keys'] : all
}
