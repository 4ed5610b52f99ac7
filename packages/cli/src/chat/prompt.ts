/** A prompt at the bottom of a terminal, with lines that appear above it while somebody types. */
import { createInterface, type Interface } from 'node:readline'
import type { Io } from '../io.ts'
import { writeLine } from '../io.ts'

const PROMPT = '> '

export class Prompt {
  readonly #io: Io
  readonly #lines: Interface
  readonly #isTerminal: boolean
  /** The user wants to go, whatever is still to be done; not that the input has just ended. */
  readonly #leaving: PromiseWithResolvers<void> = Promise.withResolvers<void>()
  #isOpen = true

  constructor(io: Io) {
    this.#io = io
    this.#isTerminal = io.stdin.isTTY === true && io.stdout.isTTY === true
    this.#lines = createInterface({
      input: io.stdin,
      ...(this.#isTerminal ? { output: process.stdout, prompt: PROMPT, terminal: true } : { terminal: false }),
    })
    this.#lines.on('SIGINT', () => this.#leaving.resolve())
    this.#lines.on('close', () => {
      this.#isOpen = false
    })
  }

  /** A line above the prompt; what is being typed stays. */
  print(line: string): void {
    if (this.#isTerminal) this.#io.stdout.write('\r\u001b[2K')
    writeLine(this.#io.stdout, line)
    this.#ask(true)
  }

  /**
   * Hands each line to the callback, one after the other, until it says false or the input ends. Ctrl-C and the like end
   * it at once, with what was entered and not begun left undone.
   */
  async each(enter: (line: string) => Promise<boolean>): Promise<void> {
    const leave = (): void => this.#leaving.resolve()
    this.#io.stop.addEventListener('abort', leave, { once: true })
    if (this.#io.stop.aborted) leave()
    let isLeaving = false
    void this.#leaving.promise.then(() => {
      isLeaving = true
    })
    let running: Promise<unknown> = Promise.resolve()
    this.#lines.on('line', (line) => {
      running = running.then(async () => {
        if (isLeaving) return
        if (await enter(line)) this.#ask(false)
        else leave()
      })
    })
    this.#ask(false)
    const ended = new Promise<void>((resolve) => this.#lines.on('close', resolve)).then(() => running)
    await Promise.race([ended, this.#leaving.promise])
    this.#lines.close()
    if (this.#isTerminal) writeLine(this.#io.stdout)
    this.#io.stop.removeEventListener('abort', leave)
  }

  #ask(keepsCursor: boolean): void {
    if (this.#isTerminal && this.#isOpen) this.#lines.prompt(keepsCursor)
  }
}
