/** `pnpm fuzz`: the long run. Ends with 1 if anything was found, with the command that shows it again. */
import { Worker } from 'node:worker_threads'
import { fromHex, toHex } from '@dmls/crypto'
import { readCommandLine, refuse, wholeNumber } from '../command-line.ts'
import { loadCorpus, saveCorpus } from './engine/corpus.ts'
import { tryTape } from './engine/trial.ts'
import { Watch } from './engine/watch.ts'
import { targets } from './targets/index.ts'
import type { FindingReport, SliceReport, WorkerReport, WorkerTask } from './worker.ts'

const HELP = `pnpm fuzz [--minutes N] [--seed N] [--target NAME,...] [--jobs N] [--keep] [--outcomes]
pnpm fuzz --target NAME --tape HEX

Gives hostile inputs to every entry point: valid messages that were changed where it hurts, and raw bytes. Nothing but
typed errors may come out, in bounded time and memory, and whatever is refused leaves everything as it was.

  --minutes N   how long (1)
  --seed N      another one each time, and printed
  --target A,B  only these: ${targets.map(({ name }) => name).join(', ')}
  --jobs N      threads (1)
  --keep        adds inputs that led somewhere new to test/fuzz/corpus
  --outcomes    what came out, and how often
  --tape HEX    runs one input of one target again and says what comes of it
  --help        this text
`

/** A worker that begins no new input for so long hangs. */
const HANG_MS = 120_000
const PROGRESS_MS = 10_000
const HEAP_MAX_MB = 1024

interface Options {
  readonly minutes: number
  readonly seed: number
  readonly names: readonly string[]
  readonly jobs: number
  readonly keep: boolean
  readonly outcomes: boolean
  readonly tape: string | undefined
}

function readOptions(): Options {
  const values = readCommandLine(HELP, {
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string' },
    target: { type: 'string' },
    jobs: { type: 'string', default: '1' },
    keep: { type: 'boolean', default: false },
    outcomes: { type: 'boolean', default: false },
    tape: { type: 'string' },
  })
  const known = targets.map(({ name }) => name)
  const names = values.target?.split(',') ?? known
  const unknown = names.find((name) => !known.includes(name))
  if (unknown !== undefined) refuse(`there is no target ${unknown}; there are ${known.join(', ')}`)
  const minutes = Number(values.minutes)
  if (!(minutes > 0)) refuse(`--minutes wants a number above 0, not ${values.minutes}`)
  const jobs = wholeNumber('jobs', values.jobs, 1)
  const seed = values.seed === undefined ? Date.now() % 2 ** 31 : wholeNumber('seed', values.seed)
  return { minutes, seed, names, jobs, keep: values.keep, outcomes: values.outcomes, tape: values.tape }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

async function runOne(name: string, tape: string): Promise<number> {
  const target = targets.find((each) => each.name === name)
  if (target === undefined) refuse('one input belongs to one target: --target NAME --tape HEX')
  const { outcomes, finding, elapsedMs } = await tryTape(await target.open(), fromHex(tape))
  say(`${name}: ${outcomes.join(' | ')} (${elapsedMs.toFixed(1)} ms)`)
  if (finding === undefined) return 0
  say(`FINDING ${finding.message}`)
  if (finding.cause instanceof Error) say(finding.cause.stack ?? finding.cause.message)
  return 1
}

/** What all workers together have come to. */
class Tally {
  readonly #slices = new Map<string, SliceReport>()
  readonly findings = new Map<string, FindingReport>()

  take(worker: number, report: WorkerReport): void {
    if (report.kind === 'slice') this.#slices.set(`${worker} ${report.target}`, report)
    else this.#takeFinding(report)
  }

  #takeFinding(report: FindingReport): void {
    const key = `${report.target} ${report.message}`
    const known = this.findings.get(key)
    if (known !== undefined && known.tape.length <= report.tape.length) return
    this.findings.set(key, report)
    if (known === undefined) sayFinding(report)
  }

  of(name: string): readonly SliceReport[] {
    return [...this.#slices.values()].filter(({ target }) => target === name)
  }

  get runs(): number {
    return [...this.#slices.values()].reduce((sum, { runs }) => sum + runs, 0)
  }

  outcomes(name: string): ReadonlyMap<string, { readonly tape: Uint8Array; readonly hits: number }> {
    const merged = new Map<string, { tape: Uint8Array; hits: number }>()
    for (const { kept } of this.of(name)) {
      for (const { outcome, tape, hits } of kept) {
        const known = merged.get(outcome)
        const shorter = known !== undefined && known.tape.length <= tape.length ? known.tape : tape
        merged.set(outcome, { tape: shorter, hits: hits + (known?.hits ?? 0) })
      }
    }
    return merged
  }
}

function sayFinding({ target, message, stack, tape }: FindingReport): void {
  say(`\nFINDING in ${target}: ${message}`)
  say(stack.split('\n').slice(0, 12).join('\n'))
  say(`  again: pnpm fuzz --target ${target} --tape ${toHex(tape) || "''"}\n`)
}

function startWorker(index: number, options: Options, endsAtMs: number, tally: Tally): Promise<void> {
  const watch = new Watch()
  const names = options.names.filter((_, i) => options.jobs <= 1 || i % options.jobs === index % options.jobs)
  const task: WorkerTask = {
    seed: options.seed + 1000 * index,
    names: names.length > 0 ? names : options.names,
    endsAtMs,
    watch: watch.buffer,
  }
  const worker = new Worker(new URL('./worker.ts', import.meta.url), {
    workerData: task,
    execArgv: ['--conditions=dmls-source'],
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MAX_MB },
  })
  const atLast = (message: string): void => {
    const { target, tape } = watch.look()
    const name = targets[target]?.name ?? 'nothing'
    tally.take(index, { kind: 'finding', target: name, message, stack: '', tape })
  }
  let seen = { runs: -1, atMs: Date.now() }
  const watcher = setInterval(() => {
    const { runs } = watch.look()
    if (runs !== seen.runs) seen = { runs, atMs: Date.now() }
    else if (Date.now() - seen.atMs > HANG_MS) {
      atLast(`no end after ${HANG_MS / 1000} s`)
      worker.terminate().catch(() => undefined)
    }
  }, 1000)
  return new Promise((resolve) => {
    worker.on('message', (report: WorkerReport) => tally.take(index, report))
    worker.on('error', (error) => atLast(`the worker died: ${String(error)}`))
    worker.on('exit', (code) => {
      clearInterval(watcher)
      if (code !== 0) atLast(`the worker ended with ${code}`)
      resolve()
    })
  })
}

function sayTable(names: readonly string[], tally: Tally): void {
  say(
    `\n${'target'.padEnd(16)}${'inputs'.padStart(10)}${'per s'.padStart(8)}${'outcomes'.padStart(10)}${'slowest'.padStart(10)}`,
  )
  for (const name of names) {
    const slices = tally.of(name)
    const runs = slices.reduce((sum, slice) => sum + slice.runs, 0)
    const seconds = slices.reduce((sum, slice) => sum + slice.elapsedMs, 0) / 1000
    const slowest = `${Math.round(Math.max(0, ...slices.map((slice) => slice.slowestMs)))} ms`
    const rate = seconds > 0 ? Math.round(runs / seconds) : 0
    const columns = [
      String(runs).padStart(10),
      String(rate).padStart(8),
      String(tally.outcomes(name).size).padStart(10),
    ]
    say(`${name.padEnd(16)}${columns.join('')}${slowest.padStart(10)}`)
  }
}

function keepNew(names: readonly string[], tally: Tally): void {
  for (const name of names) {
    const outcomes = tally.outcomes(name)
    if (outcomes.size === 0) continue
    const kept = [...outcomes].map(([outcome, { tape }]) => ({ outcome, tape }))
    const before = loadCorpus(name).length
    saveCorpus(name, kept)
    say(`${name}: ${before} inputs were kept, now ${kept.length}`)
  }
}

async function runAll(options: Options): Promise<number> {
  const { minutes, seed, names, jobs } = options
  say(`fuzzing ${names.join(', ')} for ${minutes} min with seed ${seed}`)
  const start = Date.now()
  const endsAtMs = start + minutes * 60_000
  const tally = new Tally()
  const progress = setInterval(() => {
    const outcomes = names.reduce((sum, name) => sum + tally.outcomes(name).size, 0)
    const elapsed = Math.round((Date.now() - start) / 1000)
    say(`${elapsed} s: ${tally.runs} inputs, ${outcomes} outcomes, ${tally.findings.size} findings`)
  }, PROGRESS_MS)
  await Promise.all(Array.from({ length: jobs }, (_, index) => startWorker(index, options, endsAtMs, tally)))
  clearInterval(progress)
  sayTable(names, tally)
  if (options.outcomes) {
    for (const name of names) {
      say(`\n${name}`)
      const sorted = [...tally.outcomes(name)].sort((a, b) => b[1].hits - a[1].hits)
      for (const [outcome, { hits }] of sorted) say(`${String(hits).padStart(9)}  ${outcome}`)
    }
  }
  if (options.keep) keepNew(names, tally)
  for (const finding of tally.findings.values()) sayFinding(finding)
  say(`${tally.runs} inputs, ${tally.findings.size} findings, seed ${seed}`)
  return tally.findings.size === 0 ? 0 : 1
}

const options = readOptions()
const [only] = options.names
process.exitCode =
  options.tape === undefined
    ? await runAll(options)
    : await runOne(options.names.length === 1 ? (only as string) : '', options.tape)
