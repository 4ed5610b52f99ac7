/**
 * `pnpm mutants`: makes each mistake of the catalogue in a copy of the workspace and sees whether the tests notice.
 * Ends with 1 when one survives, is broken or does not fit the sources any more.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readCommandLine, refuse, wholeNumber } from '../command-line.ts'
import { CATALOGUE } from './catalogue/index.ts'
import type { Mutant } from './mutant.ts'
import { jsonOf, progressLine, tableOf } from './report.ts'
import { endAll, runTests } from './run-tests.ts'
import { type Trial, tryMutant } from './trial.ts'
import { allPassed, failuresOf } from './verdict.ts'
import { copyWorkspace } from './workspace-copy.ts'

const HELP = `pnpm mutants [--only NAME]... [--jobs N] [--json] [--list]

Makes each mistake of the catalogue in a copy of the workspace and sees whether the tests notice. The live tree is read
and never changed.

  --only NAME  those whose names begin so; may be given several times
  --jobs N     how many at a time (as many as there are processors, at most 4)
  --json       the results as JSON on standard output; progress goes to standard error either way
  --list       what there is, without trying it
  --help       this text
`

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const BASELINE_LIMIT_MS = 300_000

function chosenMutants(only: readonly string[]): readonly Mutant[] {
  if (only.length === 0) return CATALOGUE
  return CATALOGUE.filter(({ name }) => only.some((start) => name.startsWith(start)))
}

/** Tests look for vectors beside the workspace; a copy in a temporary folder has nothing beside it. */
function vectorFolders(): Record<string, string> {
  const folders = { MLS_VECTORS: 'mls', WYCHEPROOF_VECTORS: 'wycheproof', DMLS_VECTORS: 'dmls' }
  const found: Record<string, string> = {}
  for (const [name, folder] of Object.entries(folders)) {
    const path = join(dirname(ROOT), 'shared/vectors', folder)
    if (process.env[name] === undefined && existsSync(path)) found[name] = path
  }
  return found
}

async function baselineFaults(workspace: string, files: readonly string[], jobs: number): Promise<readonly string[]> {
  const environment = vectorFolders()
  const run = { workspace, files, timeLimitMs: BASELINE_LIMIT_MS, workersMax: jobs, bail: false, environment }
  const report = await runTests(run)
  if ('failed' in report) return [report.failed]
  const seen = new Set(report.testResults.map(({ name }) => relative(workspace, name)))
  const missing = files.filter((file) => !seen.has(file)).map((file) => `${file}: did not run`)
  return allPassed(report) ? missing : [...failuresOf(report), ...missing]
}

/** Does the same with every item, so many at a time; results are in the order of the items. */
async function inParallel<T, R>(items: readonly T[], jobs: number, work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  let next = 0
  const worker = async (): Promise<void> => {
    for (let index = next++; index < items.length; index = next++) results[index] = await work(items[index] as T)
  }
  await Promise.all(Array.from({ length: Math.min(jobs, items.length) }, worker))
  return results
}

async function run(mutants: readonly Mutant[], jobs: number, folder: string, say: (line: string) => void) {
  const original = join(folder, 'original')
  copyWorkspace(ROOT, original)
  const files = [...new Set(mutants.flatMap(({ tests }) => tests))].sort()
  const startedMs = performance.now()
  const faults = await baselineFaults(original, files, jobs)
  if (faults.length > 0) {
    for (const fault of faults) say(`unchanged sources: ${fault}`)
    return undefined
  }
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1)
  say(
    `unchanged sources pass the ${files.length} test files (${seconds} s); now ${mutants.length} mutants, ${jobs} at once`,
  )
  let done = 0
  const trials: Trial[] = await inParallel(mutants, jobs, async (mutant) => {
    const options = { original, folder: join(folder, mutant.name), workersMax: 1, environment: vectorFolders() }
    const trial = await tryMutant(mutant, options)
    say(progressLine(trial, ++done, mutants.length))
    return trial
  })
  return trials
}

async function main(): Promise<number> {
  const values = readCommandLine(HELP, {
    only: { type: 'string', multiple: true, default: [] },
    jobs: { type: 'string', default: String(Math.min(4, availableParallelism())) },
    json: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
  })
  const say = (line: string): void => void process.stderr.write(`${line}\n`)
  const jobs = wholeNumber('jobs', values.jobs, 1)
  const mutants = chosenMutants(values.only)
  if (mutants.length === 0) refuse(`no mutant is named so; there are: ${CATALOGUE.map(({ name }) => name).join(', ')}`)
  if (values.list) {
    for (const { name, breaks } of mutants) process.stdout.write(`${name}: ${breaks}\n`)
    return 0
  }

  const folder = mkdtempSync(join(tmpdir(), 'dmls-mutants-'))
  const clean = (): void => {
    endAll()
    rmSync(folder, { recursive: true, force: true })
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      clean()
      process.exit(130)
    })
  }
  const startedMs = performance.now()
  try {
    const trials = await run(mutants, jobs, folder, say)
    if (trials === undefined) return 1
    const elapsedMs = performance.now() - startedMs
    process.stdout.write(values.json ? `${jsonOf(trials, elapsedMs)}\n` : `${tableOf(trials, elapsedMs)}\n`)
    return trials.every(({ outcome }) => outcome.kind === 'caught') ? 0 : 1
  } finally {
    clean()
  }
}

process.exitCode = await main()
