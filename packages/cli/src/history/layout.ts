/**
 * Where the cards of a picture stand and how the lines between them run. Graphviz decides it, from a WebAssembly build,
 * so nothing has to be installed; time runs from left to right. Coordinates are points with y growing downwards.
 */
import { instance } from '@viz-js/viz'
import { branchesOf } from './branches.ts'
import { type Card, cardOf } from './card.ts'
import type { EpochHistory } from './history.ts'
import { newestFirst } from './order.ts'

export interface Point {
  readonly x: number
  readonly y: number
}

export interface PlacedCard {
  readonly card: Card
  /** Its middle. */
  readonly at: Point
}

export interface PlacedLine {
  readonly from: string
  readonly to: string
  /** `commit` leads from parent to child, `resolves` from a head to the commit that resolves it. */
  readonly kind: 'commit' | 'resolves'
  /** A start, then three points for each Bézier curve, then the tip if it is apart from the last of them. */
  readonly curve: readonly Point[]
  readonly tip: Point
}

export interface Layout {
  readonly width: number
  readonly height: number
  readonly cards: readonly PlacedCard[]
  readonly lines: readonly PlacedLine[]
}

const POINTS_PER_INCH = 72

/** Commits leave a card on its right and enter on its left; merged heads go the short way, so that the two stay apart. */
const COMMIT = { weight: 8, tailport: 'e', headport: 'w' }
const RESOLVES = { weight: 1 }

/** The layout of a whole history. Edges to epochs that are not there are left out. */
export async function layOutPicture(history: EpochHistory): Promise<Layout> {
  const oldestFirst = [...newestFirst(history)].reverse()
  const present = new Set(oldestFirst.map(({ id }) => id))
  const branches = branchesOf(history)
  const cards = oldestFirst.map(cardOf)
  const edges = oldestFirst.flatMap((record) => [
    ...(record.parent === undefined ? [] : [{ from: record.parent, to: record.id, kind: 'commit' as const }]),
    ...record.resolves.map((head) => ({ from: head, to: record.id, kind: 'resolves' as const })),
  ])
  const drawn = edges.filter(({ from }) => present.has(from))

  const graphviz = await instance()
  const output = graphviz.renderJSON({
    graphAttributes: { rankdir: 'LR', nodesep: 0.3, ranksep: 0.55 },
    nodeAttributes: { shape: 'box', fixedsize: true, label: '' },
    nodes: cards.map(({ record, width, height }) => ({
      name: record.id,
      // One group is drawn as one straight line where possible.
      attributes: {
        width: width / POINTS_PER_INCH,
        height: height / POINTS_PER_INCH,
        group: `branch${branches.get(record.id) ?? 0}`,
      },
    })),
    edges: drawn.map(({ from, to, kind }) => ({
      tail: from,
      head: to,
      attributes: kind === 'commit' ? COMMIT : RESOLVES,
    })),
  })
  return read(output, cards, drawn)
}

/** The part of Graphviz's JSON that is read here. */
interface GraphvizOutput {
  readonly bb: string
  readonly objects?: readonly { readonly name: string; readonly pos: string }[]
  readonly edges?: readonly { readonly pos: string }[]
}

function read(output: object, cards: readonly Card[], edges: readonly Omit<PlacedLine, 'curve' | 'tip'>[]): Layout {
  const { bb, objects = [], edges: routes = [] } = output as GraphvizOutput
  const [left = 0, bottom = 0, right = 0, top = 0] = bb.split(',').map(Number)
  const point = (text: string): Point => {
    const [x = 0, y = 0] = text.split(',').map(Number)
    return { x: x - left, y: top - y }
  }
  const positions = new Map(objects.map(({ name, pos }) => [name, point(pos)]))
  return {
    width: right - left,
    height: top - bottom,
    cards: cards.map((card) => ({ card, at: positions.get(card.record.id) ?? { x: 0, y: 0 } })),
    lines: edges.map((edge, index) => ({ ...edge, ...readRoute(routes[index]?.pos ?? '', point) })),
  }
}

/** `e,x,y` is the tip of the arrow; the other pairs are the control points. */
function readRoute(pos: string, point: (text: string) => Point): { curve: readonly Point[]; tip: Point } {
  const words = pos.split(' ').filter((word) => word !== '')
  const curve = words.filter((word) => !/^[es],/.test(word)).map(point)
  const end = words.find((word) => word.startsWith('e,'))
  return { curve, tip: end === undefined ? (curve.at(-1) ?? { x: 0, y: 0 }) : point(end.slice(2)) }
}
