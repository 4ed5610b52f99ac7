/** One input, tried: what came of it, how long it took and how much memory it left behind. */
import { getHeapStatistics } from 'node:v8'
import { Tape } from './tape.ts'
import { Finding, type Run } from './target.ts'

/** An input, whatever it is, is dealt with in this time; an ordinary one takes a few milliseconds. */
const TIME_MAX_MS = 2000
/** An input that is not dealt with by then never will be: a promise was forgotten. */
const END_MAX_MS = 20_000
/** And leaves less garbage than this. */
const GARBAGE_MAX_BYTES = 256 * 1024 * 1024

export interface Trial {
  /** The outcome's parts: receivers may come to different ones. */
  readonly outcomes: readonly string[]
  readonly finding: Finding | undefined
  /** Bytes of the tape that were read. */
  readonly used: number
  readonly elapsedMs: number
}

function memoryInUse(): number {
  const { used_heap_size, external_memory } = getHeapStatistics()
  return used_heap_size + external_memory
}

async function tryOnce(run: Run, bytes: Uint8Array): Promise<Trial & { readonly garbage: number }> {
  const tape = new Tape(bytes)
  const before = memoryInUse()
  const start = performance.now()
  let outcome = 'finding'
  let finding: Finding | undefined
  try {
    outcome = await withEnd(run, tape)
  } catch (error) {
    finding = error instanceof Finding ? error : new Finding(`an untyped error: ${String(error)}`, { cause: error })
  }
  const elapsedMs = performance.now() - start
  const outcomes = [...new Set(outcome.split(' | '))]
  return { outcomes, finding, used: tape.used, elapsedMs, garbage: memoryInUse() - before }
}

async function withEnd(run: Run, tape: Tape): Promise<string> {
  let timer: NodeJS.Timeout | undefined
  const end = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Finding('an input is never done with')), END_MAX_MS)
  })
  try {
    return await Promise.race([run(tape), end])
  } finally {
    clearTimeout(timer)
  }
}

/** Runs an input. One that seems slow or greedy is tried again: the machine may have been busy. */
export async function tryTape(run: Run, bytes: Uint8Array): Promise<Trial> {
  let trial = await tryOnce(run, bytes)
  for (let again = 0; again < 2 && trial.finding === undefined && isExcessive(trial); again++)
    trial = await tryOnce(run, bytes)
  if (trial.finding !== undefined || !isExcessive(trial)) return trial
  const { elapsedMs, garbage } = trial
  const what = `took ${Math.round(elapsedMs)} ms and ${Math.round(garbage / 1024)} KiB`
  return { ...trial, finding: new Finding(`an input ${what}`) }
}

function isExcessive({ elapsedMs, garbage }: { readonly elapsedMs: number; readonly garbage: number }): boolean {
  return elapsedMs > TIME_MAX_MS || garbage > GARBAGE_MAX_BYTES
}
