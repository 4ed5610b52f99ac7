/** What a command may touch of the process that runs it, so that tests can hand it something else. */
import { type Style, styleFor } from './terminal-style.ts'

export interface Output {
  write(text: string): unknown
  readonly isTTY?: boolean | undefined
  readonly columns?: number | undefined
}

export interface Io {
  readonly stdout: Output
  readonly stderr: Output
  readonly stdin: NodeJS.ReadableStream & { readonly isTTY?: boolean | undefined }
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Aborted when the user or the system asks the program to end. */
  readonly stop: AbortSignal
}

/** Writes one line. */
export function writeLine(output: Output, line = ''): void {
  output.write(`${line}\n`)
}

/** The colours that suit an output. */
export function styleOf(io: Io, output: Output): Style {
  return styleFor(output, io.environment)
}
