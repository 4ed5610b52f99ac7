/** Runs vitest in a copy of the workspace, for so long at most. */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestReport } from './verdict.ts'

export interface TestRun {
  /** Root of the copy. */
  readonly workspace: string
  readonly files: readonly string[]
  readonly timeLimitMs: number
  readonly workersMax: number
  /** Stops at the first failure. */
  readonly bail: boolean
  /** Where the tests find their vectors. */
  readonly environment: Readonly<Record<string, string>>
}

/** What runs now, to be ended when we are. */
const running = new Set<ChildProcess>()

/** Ends every process that was started here. */
export function endAll(): void {
  for (const child of running) child.kill('SIGKILL')
}

interface Ended {
  readonly code: number | null
  readonly output: string
  readonly timedOut: boolean
}

function runNode(
  args: readonly string[],
  options: { readonly cwd: string; readonly timeLimitMs: number; readonly env?: Readonly<Record<string, string>> },
): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [...args], {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    running.add(child)
    let output = ''
    let timedOut = false
    const collect = (chunk: Buffer): void => {
      output = (output + chunk.toString()).slice(-20_000)
    }
    child.stdout.on('data', collect)
    child.stderr.on('data', collect)
    const timer = setTimeout(() => {
      timedOut = true
      child.kill('SIGKILL')
    }, options.timeLimitMs)
    child.on('close', (code) => {
      clearTimeout(timer)
      running.delete(child)
      resolve({ code, output, timedOut })
    })
  })
}

/** The report, or why there is none. */
export async function runTests(run: TestRun): Promise<TestReport | { readonly failed: string }> {
  const { workspace, files, timeLimitMs, workersMax, bail, environment } = run
  const report = join(workspace, 'report.json')
  const args = [
    join(workspace, 'node_modules/vitest/vitest.mjs'),
    'run',
    ...files,
    '--reporter=json',
    `--outputFile=${report}`,
    `--maxWorkers=${workersMax}`,
    ...(bail ? ['--bail=1'] : []),
  ]
  const ended = await runNode(args, { cwd: workspace, timeLimitMs, env: environment })
  if (ended.timedOut) return { failed: `the tests did not end within ${timeLimitMs / 1000} s` }
  if (!existsSync(report)) return { failed: `vitest ended with ${ended.code}: ${ended.output.trim().slice(-400)}` }
  return JSON.parse(readFileSync(report, 'utf8')) as TestReport
}

/** Why a source file cannot be imported; undefined when it can. */
export async function importFault(workspace: string, file: string): Promise<string | undefined> {
  const source = `await import(${JSON.stringify(join(workspace, file))})`
  const args = ['--conditions=dmls-source', '--input-type=module', '--eval', source]
  const ended = await runNode(args, { cwd: workspace, timeLimitMs: 30_000 })
  if (ended.code === 0) return undefined
  return ended.output.split('\n').find((line) => /Error/.test(line)) ?? `import ended with ${ended.code}`
}
