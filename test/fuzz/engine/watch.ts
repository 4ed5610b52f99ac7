/**
 * What a worker is doing, in memory that its watcher can read even when the worker no longer answers: how many inputs it
 * has begun, and the one that it is at.
 */

const HEADER_BYTES = 12
const TAPE_MAX_BYTES = 4096

const RUNS = 0
const TARGET = 1
const LENGTH = 2

export interface Glimpse {
  readonly runs: number
  readonly target: number
  readonly tape: Uint8Array
}

export class Watch {
  readonly buffer: SharedArrayBuffer
  readonly #header: Int32Array
  readonly #tape: Uint8Array

  constructor(buffer: SharedArrayBuffer = new SharedArrayBuffer(HEADER_BYTES + TAPE_MAX_BYTES)) {
    this.buffer = buffer
    this.#header = new Int32Array(buffer, 0, HEADER_BYTES / 4)
    this.#tape = new Uint8Array(buffer, HEADER_BYTES)
  }

  /** Called by the worker before it runs a tape. */
  begin(target: number, tape: Uint8Array): void {
    const known = tape.subarray(0, TAPE_MAX_BYTES)
    this.#tape.set(known)
    Atomics.store(this.#header, TARGET, target)
    Atomics.store(this.#header, LENGTH, known.length)
    Atomics.add(this.#header, RUNS, 1)
  }

  look(): Glimpse {
    const length = Atomics.load(this.#header, LENGTH)
    return {
      runs: Atomics.load(this.#header, RUNS),
      target: Atomics.load(this.#header, TARGET),
      tape: new Uint8Array(this.#tape.subarray(0, length)),
    }
  }
}
