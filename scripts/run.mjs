/** Runs a program in place of this one: same streams, same signals, same end. */
import { spawn } from 'node:child_process'
import { delimiter } from 'node:path'

const FORWARDED = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])

/** How often to look whether npm is still there. */
const PARENT_CHECK_MS = 500

/**
 * Starts the program, forwards signals to it, and ends this process the way the program ended.
 *
 * @param {string} program
 * @param {readonly string[]} args
 * @param {{ cwd: string, pathFirst: readonly string[] }} options `pathFirst`: folders to put first on PATH
 */
export function runAndExit(program, args, { cwd, pathFirst }) {
  const PATH = [...pathFirst, process.env.PATH ?? ''].join(delimiter)
  const child = spawn(program, args, { cwd, env: { ...process.env, PATH }, stdio: 'inherit' })
  for (const signal of FORWARDED) {
    process.on(signal, () => {
      // Ctrl-C in a terminal reaches the program by itself; a second one would make it give up cleaning.
      if (signal === 'SIGINT' && process.stdin.isTTY) return
      child.kill(signal)
    })
  }
  stopWithNpm(child)
  child.on('error', (error) => {
    process.stderr.write(`${program}: ${error.message}\n`)
    process.exit(1)
  })
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1)
    for (const forwarded of FORWARDED) process.removeAllListeners(forwarded)
    process.kill(process.pid, signal)
  })
}

/**
 * A signal to npm ends npm and the shell in between, and never arrives here; but this process then changes its parent.
 *
 * @param {import('node:child_process').ChildProcess} child
 */
function stopWithNpm(child) {
  if (process.env.npm_lifecycle_event === undefined) return
  const parent = process.ppid
  const timer = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(timer)
    child.kill('SIGTERM')
  }, PARENT_CHECK_MS)
  timer.unref()
}
