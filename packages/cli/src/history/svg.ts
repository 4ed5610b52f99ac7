/**
 * A history as an SVG document: a card for each epoch, a colour for each branch, solid arrows from parent to child,
 * dotted ones from a head to the commit that resolved it, and a legend that explains the signs that occur.
 */
import { branchesOf } from './branches.ts'
import { CARD_PADDING, LINE_HEIGHT, TEXT_SIZE } from './card.ts'
import type { EpochHistory } from './history.ts'
import { type Layout, layOutPicture, type PlacedCard, type PlacedLine, type Point } from './layout.ts'

/** More cards than this make no picture that anybody could read, and take Graphviz long. */
export const EPOCHS_DRAWN_MAX = 400

/** A line and a ground for each branch: told apart by colour-blind readers too, and dark enough for text on white. */
const BRANCH_COLOURS = [
  { line: '#0b6e99', ground: '#eef7fa' },
  { line: '#b4489a', ground: '#fcf2f9' },
  { line: '#b36200', ground: '#fef6ec' },
  { line: '#2e7d4f', ground: '#eff8f2' },
  { line: '#6650b3', ground: '#f3f1fb' },
  { line: '#a33b32', ground: '#fdf1ef' },
] as const

const MARGIN = 28
const HEADING_HEIGHT = 62
const LEGEND_HEIGHT = 44
const PICTURE_WIDTH_MIN = 640

const STYLE = `
    text { font: ${TEXT_SIZE}px system-ui, -apple-system, "Segoe UI", Roboto, Helvetica, Arial, sans-serif; fill: #1d2733; }
    .heading { font-size: 18px; font-weight: 600; }
    .quiet { fill: #5c6b7a; }
    .title { font: 11px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
    .who { font-weight: 600; }
    .badge { font-size: 9.5px; font-weight: 700; letter-spacing: .06em; fill: #fff; }
    path { fill: none; stroke-width: 1.6; }
    .resolves { stroke-dasharray: .1 5; stroke-linecap: round; stroke-width: 2.2; }`

export interface PictureOptions {
  readonly title: string
  readonly subtitle?: string
}

/** The document, for a browser or an image viewer. */
export async function renderSvg(history: EpochHistory, { title, subtitle = '' }: PictureOptions): Promise<string> {
  const layout = await layOutPicture(history)
  const branches = branchesOf(history)
  const branchOf = (id: string): number => branches.get(id) ?? 0
  const width = Math.max(PICTURE_WIDTH_MIN, layout.width + 2 * MARGIN)
  const height = MARGIN + HEADING_HEIGHT + layout.height + LEGEND_HEIGHT + MARGIN
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<svg xmlns="http://www.w3.org/2000/svg" width="${round(width)}" height="${round(height)}" viewBox="0 0 ${round(width)} ${round(height)}" role="img" aria-label="${escapeMarkup(title)}">`,
    `  <style>${STYLE}\n  </style>`,
    '  <defs>',
    ...usedColours(history).map(arrowHead),
    '  </defs>',
    '  <rect width="100%" height="100%" fill="#fff"/>',
    `  <text class="heading" x="${MARGIN}" y="${MARGIN + 16}">${escapeMarkup(title)}</text>`,
    `  <text class="quiet" x="${MARGIN}" y="${MARGIN + 36}">${escapeMarkup(subtitle)}</text>`,
    `  <g transform="translate(${MARGIN} ${MARGIN + HEADING_HEIGHT})">`,
    ...layout.lines.map((line) => `    ${drawLine(line, branchOf)}`),
    ...layout.cards.map((card) => `    ${drawCard(card, history, branchOf(card.card.record.id))}`),
    '  </g>',
    `  <g transform="translate(${MARGIN} ${round(legendTop(layout))})">`,
    ...drawLegend(history),
    '  </g>',
    '</svg>',
    '',
  ].join('\n')
}

function drawCard({ card, at }: PlacedCard, history: EpochHistory, branch: number): string {
  const { line, ground } = colours(branch)
  const [x, y] = [at.x - card.width / 2, at.y - card.height / 2]
  const isHead = card.record.id === history.head
  const isOpen = !isHead && history.openHeads.includes(card.record.id)
  const frame = `x="${round(x)}" y="${round(y)}" width="${round(card.width)}" height="${round(card.height)}" rx="7"`
  const textX = round(x + CARD_PADDING.left)
  const firstLine = y + CARD_PADDING.top + LINE_HEIGHT * 0.75
  const badge = isHead ? 'HEAD' : isOpen ? 'OPEN' : undefined
  return [
    `<g><title>${escapeMarkup(`${card.record.id}\n${card.lines.join(' ')}`)}</title>`,
    `<rect ${frame} fill="${ground}" stroke="${line}" stroke-width="${isHead ? 2.4 : 1.2}"${isOpen ? ' stroke-dasharray="5 3"' : ''}/>`,
    `<rect x="${round(x)}" y="${round(y + 6)}" width="4" height="${round(card.height - 12)}" rx="2" fill="${line}"/>`,
    `<text class="title" x="${textX}" y="${round(firstLine)}" style="fill:${line}">${escapeMarkup(card.title)}</text>`,
    ...card.lines.map((text, index) => {
      const isWho = index === 0 && card.record.committer !== undefined
      return `<text${isWho ? ' class="who"' : ''} x="${textX}" y="${round(firstLine + LINE_HEIGHT * (index + 1))}">${escapeMarkup(text)}</text>`
    }),
    ...(badge === undefined ? [] : [drawBadge(badge, { x: x + card.width - 8, y }, line)]),
    '</g>',
  ].join('')
}

/** A small sign on the upper edge of a card, right-aligned at the point. */
function drawBadge(text: string, at: Point, colour: string): string {
  const width = 36
  return (
    `<rect x="${round(at.x - width)}" y="${round(at.y - 8)}" width="${width}" height="15" rx="7.5" fill="${colour}"/>` +
    `<text class="badge" text-anchor="middle" x="${round(at.x - width / 2)}" y="${round(at.y + 3)}">${text}</text>`
  )
}

function drawLine(line: PlacedLine, branchOf: (id: string) => number): string {
  const branch = branchOf(line.kind === 'commit' ? line.to : line.from)
  const [start, ...rest] = line.curve
  if (start === undefined) return ''
  const curves = rest.map(coordinates).join(' ')
  const path = `M${coordinates(start)} C${curves} L${coordinates(line.tip)}`
  return `<path class="${line.kind}" d="${path}" stroke="${colours(branch).line}" marker-end="url(#arrow${branch % BRANCH_COLOURS.length})"/>`
}

function arrowHead(index: number): string {
  return (
    `    <marker id="arrow${index}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="9" markerHeight="9" markerUnits="userSpaceOnUse" orient="auto">` +
    `<path d="M0 0.8 L10 5 L0 9.2 z" style="fill:${colours(index).line};stroke:none"/></marker>`
  )
}

function legendTop(layout: Layout): number {
  return MARGIN + HEADING_HEIGHT + layout.height + LEGEND_HEIGHT
}

/** The signs that occur in the picture, each with its meaning. */
function drawLegend(history: EpochHistory): readonly string[] {
  const line = (kind: PlacedLine['kind'], index: number): string =>
    `<path class="${kind}" d="M0 -4 H26" stroke="${colours(index).line}" marker-end="url(#arrow${index})"/>`
  const used = usedColours(history)
  const hasMerges = history.epochs.some(({ resolves }) => resolves.length > 0)
  const entries = [
    ...used.map((index) => ({
      sign: `<rect y="-10" width="14" height="11" rx="3" fill="${colours(index).line}"/>`,
      signWidth: 14,
      text: index === 0 ? 'chosen branch' : `branch ${index + 1}`,
    })),
    { sign: line('commit', 0), signWidth: 28, text: 'commit' },
    ...(hasMerges ? [{ sign: line('resolves', used.at(-1) ?? 0), signWidth: 28, text: 'resolved by' }] : []),
  ]
  let x = 0
  return entries.map(({ sign, signWidth, text }) => {
    const entry = `    <g transform="translate(${round(x)} 0)">${sign}<text class="quiet" x="${signWidth + 7}" y="0">${text}</text></g>`
    x += signWidth + 7 + text.length * TEXT_SIZE * 0.58 + 22
    return entry
  })
}

function usedColours(history: EpochHistory): readonly number[] {
  const used = new Set([...branchesOf(history).values()].map((branch) => branch % BRANCH_COLOURS.length))
  return [...used].sort((a, b) => a - b)
}

function colours(branch: number): (typeof BRANCH_COLOURS)[number] {
  return BRANCH_COLOURS[branch % BRANCH_COLOURS.length]!
}

function coordinates({ x, y }: Point): string {
  return `${round(x)},${round(y)}`
}

function round(value: number): string {
  return String(Math.round(value * 10) / 10)
}

function escapeMarkup(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;')
}
