/** One mutant: a copy of the workspace, the mistake in it, and the tests that have to notice. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Mutant, mutate } from './mutant.ts'
import { importFault, runTests } from './run-tests.ts'
import { type Verdict, verdictOf } from './verdict.ts'
import { copyWorkspace } from './workspace-copy.ts'

export type Outcome = Verdict | { readonly kind: 'stale'; readonly because: string }

export interface Trial {
  readonly mutant: Mutant
  readonly outcome: Outcome
  readonly elapsedMs: number
}

export interface TrialOptions {
  /** The unchanged copy that the baseline ran in. */
  readonly original: string
  /** A folder for this trial, not made yet; gone afterwards. */
  readonly folder: string
  readonly workersMax: number
  readonly environment: Readonly<Record<string, string>>
}

const TIME_LIMIT_MS = 120_000

export async function tryMutant(mutant: Mutant, options: TrialOptions): Promise<Trial> {
  const startedMs = performance.now()
  const outcome = await outcomeOf(mutant, options)
  rmSync(options.folder, { recursive: true, force: true })
  return { mutant, outcome, elapsedMs: performance.now() - startedMs }
}

async function outcomeOf(mutant: Mutant, options: TrialOptions): Promise<Outcome> {
  const { original, folder: workspace, workersMax, environment } = options
  copyWorkspace(original, workspace)
  const path = join(workspace, mutant.file)
  const mutated = mutate(readFileSync(path, 'utf8'), mutant)
  if (mutated === undefined) return { kind: 'stale', because: 'the text to replace is not in the file exactly once' }
  writeFileSync(path, mutated)
  const fault = await importFault(workspace, mutant.file)
  if (fault !== undefined) return { kind: 'broken', because: fault }
  const run = { workspace, files: mutant.tests, timeLimitMs: TIME_LIMIT_MS, workersMax, bail: true, environment }
  const report = await runTests(run)
  return 'failed' in report ? { kind: 'broken', because: report.failed } : verdictOf(report)
}
