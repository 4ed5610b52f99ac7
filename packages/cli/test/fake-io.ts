/** The streams of a command that runs inside a test. */
import { PassThrough } from 'node:stream'
import type { Io } from '../src/io.ts'

export interface FakeIo extends Io {
  /** What was written so far. */
  out(): string
  err(): string
  readonly input: PassThrough
}

export function fakeIo(environment: Io['environment'] = {}): FakeIo {
  let out = ''
  let err = ''
  const input = new PassThrough()
  return {
    stdout: { write: (text) => (out += text) },
    stderr: { write: (text) => (err += text) },
    stdin: input,
    input,
    environment,
    stop: new AbortController().signal,
    out: () => out,
    err: () => err,
  }
}
