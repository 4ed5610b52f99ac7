/** Runs `dmls` from the sources as a process. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const MAIN: string = fileURLToPath(new URL('../../packages/cli/src/main.ts', import.meta.url))

export interface Running {
  readonly process: ChildProcessWithoutNullStreams
  out(): string
  err(): string
  /** The exit status. */
  readonly ended: Promise<number | null>
}

/** Starts the command and collects what it writes. */
export function startDmls(args: readonly string[]): Running {
  const child = spawn(process.execPath, ['--conditions=dmls-source', MAIN, ...args])
  let out = ''
  let err = ''
  child.stdout.on('data', (part) => {
    out += part
  })
  child.stderr.on('data', (part) => {
    err += part
  })
  child.stdin.on('error', () => undefined)
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve))
  return { process: child, out: () => out, err: () => err, ended }
}
