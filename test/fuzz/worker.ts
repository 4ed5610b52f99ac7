/** One thread of the long run: gives each of its targets a slice of time in turn, and tells what came of it. */
import { parentPort, workerData } from 'node:worker_threads'
import { loadCorpus } from './engine/corpus.ts'
import { type FoundInput, Search } from './engine/search.ts'
import { Watch } from './engine/watch.ts'
import { targets } from './targets/index.ts'

export interface WorkerTask {
  readonly seed: number
  /** Names of targets. */
  readonly names: readonly string[]
  readonly endsAtMs: number
  readonly watch: SharedArrayBuffer
}

export interface SliceReport {
  readonly kind: 'slice'
  readonly target: string
  /** Of the whole run so far. */
  readonly runs: number
  readonly elapsedMs: number
  readonly slowestMs: number
  readonly kept: readonly { readonly outcome: string; readonly tape: Uint8Array; readonly hits: number }[]
}

export interface FindingReport {
  readonly kind: 'finding'
  readonly target: string
  readonly message: string
  readonly stack: string
  readonly tape: Uint8Array
}

export type WorkerReport = SliceReport | FindingReport

const SLICE_MS = 2000

interface Turn {
  readonly search: Search
  elapsedMs: number
}

const { seed, names, endsAtMs, watch: buffer } = workerData as WorkerTask
const watch = new Watch(buffer)
const turns = new Map<string, Turn>()

function tell(report: WorkerReport): void {
  parentPort?.postMessage(report)
}

function tellFound({ target, tape, finding }: FoundInput): void {
  const { cause } = finding
  const stack = cause instanceof Error ? (cause.stack ?? '') : (finding.stack ?? '')
  tell({ kind: 'finding', target, tape, message: finding.message, stack })
}

async function turnOf(name: string): Promise<Turn> {
  const begun = turns.get(name)
  if (begun !== undefined) return begun
  const at = targets.findIndex((target) => target.name === name)
  const target = targets[at]
  if (target === undefined) throw new Error(`there is no target ${name}`)
  const announce = (tape: Uint8Array): void => watch.begin(at, tape)
  const search = new Search({ target, run: await target.open(), seed: seed + at, announce })
  for (const { tape } of loadCorpus(name)) {
    const found = await search.replay(tape)
    if (found !== undefined) tellFound(found)
  }
  const turn: Turn = { search, elapsedMs: 0 }
  turns.set(name, turn)
  return turn
}

async function takeTurn(name: string): Promise<void> {
  const turn = await turnOf(name)
  const start = performance.now()
  const end = Math.min(start + SLICE_MS, start + endsAtMs - Date.now())
  do {
    const found = await turn.search.step()
    if (found !== undefined) tellFound(found)
  } while (performance.now() < end)
  turn.elapsedMs += performance.now() - start
  const { runs, slowestMs, kept, outcomes } = turn.search
  const withHits = kept.map(({ outcome, tape }) => ({ outcome, tape, hits: outcomes.get(outcome) ?? 0 }))
  tell({ kind: 'slice', target: name, runs, elapsedMs: turn.elapsedMs, slowestMs, kept: withHits })
}

while (Date.now() < endsAtMs) {
  for (const name of names) if (Date.now() < endsAtMs) await takeTurn(name)
}
