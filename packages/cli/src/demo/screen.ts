/**
 * Where the demonstration tells what happens: lines with the time and who did it, headings, and, on a terminal, one
 * line at the bottom that shows how far a wait has come and is overwritten by whatever is said next.
 */
import type { Output } from '../io.ts'
import { type Style, withoutStyle } from '../terminal-style.ts'

const NAME_WIDTH = 8
const CLEAR_LINE = '\r\u001b[2K'

export class Screen {
  readonly style: Style
  readonly #output: Output
  readonly #startedAtMs: number = performance.now()
  /** What the line at the bottom shows. */
  #shown = ''

  constructor(output: Output, style: Style) {
    this.#output = output
    this.style = style
  }

  heading(text: string): void {
    this.#write(`\n${this.style.bold(text)}\n`)
  }

  /** A line of the story. The side is the part of the network that it happens on, while there are several. */
  tell(who: string, text: string, side = -1): void {
    const { style } = this
    const time = style.dim(`${((performance.now() - this.#startedAtMs) / 1000).toFixed(1).padStart(5)} s`)
    const mark = side < 0 ? '   ' : style.branch(side, ` ${sideName(side)} `)
    const name = who.padEnd(NAME_WIDTH)
    this.#write(`${time} ${mark} ${side < 0 ? name : style.branch(side, name)} ${text}\n`)
  }

  /** Plain lines. */
  lines(lines: readonly string[]): void {
    this.#write(lines.map((line) => `${line}\n`).join(''))
  }

  /** Overwrites the line at the bottom; says nothing where there is no terminal. */
  progress(text: string): void {
    if (this.#output.isTTY !== true) return
    if (text === this.#shown) return
    this.#shown = text
    const width = (this.#output.columns ?? 80) - 1
    const shown = withoutStyle(text).length > width ? withoutStyle(text).slice(0, width) : text
    this.#output.write(`${CLEAR_LINE}${shown}`)
  }

  #write(text: string): void {
    if (this.#shown !== '') this.#output.write(CLEAR_LINE)
    this.#shown = ''
    this.#output.write(text)
  }
}

/** The name of a side of the cut: A, B, … */
export function sideName(side: number): string {
  return String.fromCharCode('A'.charCodeAt(0) + side)
}
