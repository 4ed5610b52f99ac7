/** One `dmls member` as a child process: requests with replies, reports, and how it ended. */
import { type ChildProcess, spawn } from 'node:child_process'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { MemberReply, MemberReport, MemberRequest } from '../member/protocol.ts'

/** The process is gone, so the request may or may not have been carried out. */
export class MemberDied extends Error {
  override readonly name = 'MemberDied'
}

/** The member answered that it cannot. */
export class RequestFailed extends Error {
  override readonly name = 'RequestFailed'
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

export interface ProcessEnd {
  readonly status: number | null
  readonly signal: NodeJS.Signals | null
  /** The last lines that it wrote to its standard error. */
  readonly lastWords: readonly string[]
}

export interface ProcessListener {
  onReport(report: Exclude<MemberReport, MemberReply>): void
  onEnd(end: ProcessEnd): void
}

const LAST_WORDS_MAX = 12

interface Waiting {
  readonly resolve: (value: unknown) => void
  readonly reject: (error: Error) => void
}

export class MemberProcess {
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, Waiting>()
  readonly #lastWords: string[] = []
  readonly #ended: Promise<void>
  #requests = 0

  /** @param nodeArgs what Node is started with: the program and its arguments */
  constructor(nodeArgs: readonly string[], listener: ProcessListener) {
    const child = spawn(process.execPath, nodeArgs, {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, NO_COLOR: '1' },
    })
    this.#child = child
    // A request to a process that has just died: its end tells.
    child.stdin.on('error', () => undefined)
    createInterface({ input: child.stdout }).on('line', (line) => this.#onLine(line, listener))
    createInterface({ input: child.stderr }).on('line', (line) => {
      this.#lastWords.push(line)
      if (this.#lastWords.length > LAST_WORDS_MAX) this.#lastWords.shift()
    })
    this.#ended = new Promise((resolve) => {
      let isOver = false
      const end = (status: number | null, signal: NodeJS.Signals | null): void => {
        if (isOver) return
        isOver = true
        for (const { reject } of this.#waiting.values()) reject(new MemberDied('the process has ended'))
        this.#waiting.clear()
        resolve()
        listener.onEnd({ status, signal, lastWords: this.#lastWords })
      }
      child.on('error', (error) => {
        this.#lastWords.push(error.message)
        if (child.pid === undefined) end(null, null)
      })
      child.on('close', end)
    })
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /** Rejects only after the listener has been told of the end. @throws RequestFailed, MemberDied */
  request(request: MemberRequest): Promise<unknown> {
    const id = ++this.#requests
    return new Promise((resolve, reject) => {
      if (this.#child.exitCode !== null || this.#child.signalCode !== null || this.#child.pid === undefined) {
        // What it said last may still be in the pipe: until that is read, whoever asks again would ask this one.
        void this.#ended.then(() => reject(new MemberDied('the process has ended')))
        return
      }
      this.#waiting.set(id, { resolve, reject })
      this.#child.stdin?.write(`${JSON.stringify({ ...request, id })}\n`)
    })
  }

  /** SIGKILL: no goodbye. Resolves when the process is gone. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#ended
  }

  /** Asks the process to end and waits; one that does not is killed. */
  async close(graceMs: number): Promise<void> {
    this.#child.stdin?.end(`${JSON.stringify({ id: ++this.#requests, do: 'close' })}\n`)
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), graceMs)
    await this.#ended
    clearTimeout(timer)
  }

  #onLine(line: string, { onReport }: ProcessListener): void {
    let report: MemberReport
    try {
      report = JSON.parse(line) as MemberReport
    } catch {
      // A line that SIGKILL cut short.
      return
    }
    if (report.type !== 'reply') {
      onReport(report)
      return
    }
    if (report.id === null) return
    const waiting = this.#waiting.get(report.id)
    this.#waiting.delete(report.id)
    if (report.ok) waiting?.resolve(report.value)
    else waiting?.reject(new RequestFailed(report.error.code, report.error.message))
  }
}

/** How a process ended, in words. */
export function describeEnd({ status, signal }: ProcessEnd): string {
  return signal === null ? `it had ended with status ${status}` : `${signal} had ended it`
}

/** `dmls member` as arguments of Node: from sources or from the build, whichever this is. */
export function memberProgram(): readonly string[] {
  const isFromSources = import.meta.url.endsWith('.ts')
  const main = fileURLToPath(new URL(`../main.${isFromSources ? 'ts' : 'js'}`, import.meta.url))
  return [...(isFromSources ? ['--conditions=dmls-source'] : []), main, 'member']
}
