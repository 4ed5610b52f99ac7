/** A prompt at the bottom of a terminal, with lines that appear above it while somebody types. */
import { createInterface, type Interface } from 'node:readline'
import type { Io } from '../io.ts'
import { writeLine } from '../io.ts'

const PROMPT = '> '

export class Prompt {
  readonly #io: Io
  readonly #lines: Interface
  readonly #isTerminal: boolean

  constructor(io: Io) {
    this.#io = io
    this.#isTerminal = io.stdin.isTTY === true && io.stdout.isTTY === true
    this.#lines = createInterface({
      input: io.stdin,
      ...(this.#isTerminal ? { output: process.stdout, prompt: PROMPT, terminal: true } : { terminal: false }),
    })
    this.#lines.on('SIGINT', () => this.#lines.close())
  }

  /** A line above the prompt; what is being typed stays. */
  print(line: string): void {
    if (this.#isTerminal) this.#io.stdout.write('\r\u001b[2K')
    writeLine(this.#io.stdout, line)
    if (this.#isTerminal) this.#lines.prompt(true)
  }

  /** Hands each line to the callback, one after the other, until it says false or the input ends. */
  async each(enter: (line: string) => Promise<boolean>): Promise<void> {
    const close = (): void => this.#lines.close()
    this.#io.stop.addEventListener('abort', close, { once: true })
    if (this.#io.stop.aborted) close()
    let running: Promise<unknown> = Promise.resolve()
    this.#lines.on('line', (line) => {
      running = running.then(async () => {
        if (await enter(line)) this.#isTerminal && this.#lines.prompt()
        else close()
      })
    })
    if (this.#isTerminal) this.#lines.prompt()
    await new Promise<void>((resolve) => this.#lines.on('close', resolve))
    await running
    this.#io.stop.removeEventListener('abort', close)
  }
}
