/**
 * What happened in a simulation, in order. Cheap enough to be always on: a running hash of everything, and the last
 * lines as they were. Two runs are the same when their hashes are.
 */

export interface TraceEvent {
  readonly atMs: number
  /** Where it happened: a node's name, or `world`. */
  readonly where: string
  readonly what: string
  readonly detail: string
}

/** Any hash of 16 bytes or more. */
export type TraceHash = (bytes: Uint8Array) => Uint8Array

export interface TraceOptions {
  readonly hash: TraceHash
  readonly nowMs: () => number
  readonly startMs: number
  /** How many of the last events are kept. Default 4000. */
  readonly keep?: number
}

export class Trace {
  readonly #options: TraceOptions
  readonly #keep: number
  #events: TraceEvent[] = []
  #digest: Uint8Array = new Uint8Array(0)
  #unhashed: string[] = []
  #size = 0
  readonly #listeners = new Set<(event: TraceEvent) => void>()

  constructor(options: TraceOptions) {
    this.#options = options
    this.#keep = options.keep ?? 4000
  }

  add(where: string, what: string, detail = ''): void {
    const event: TraceEvent = { atMs: this.#options.nowMs() - this.#options.startMs, where, what, detail }
    this.#size++
    this.#events.push(event)
    if (this.#events.length > 2 * this.#keep) this.#events = this.#events.slice(-this.#keep)
    this.#unhashed.push(traceLine(event))
    if (this.#unhashed.length >= 256) this.#absorb()
    for (const listener of this.#listeners) listener(event)
  }

  /** Events so far. */
  get size(): number {
    return this.#size
  }

  /** Of everything so far, hexadecimal: equal for two runs of one seed. */
  hash(): string {
    this.#absorb()
    return Buffer.from(this.#digest).toString('hex')
  }

  /** The last events, oldest first. */
  last(count: number = this.#keep): readonly TraceEvent[] {
    return this.#events.slice(-count)
  }

  /** Calls back for every event from now on; returns a function that stops. */
  on(listener: (event: TraceEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #absorb(): void {
    if (this.#unhashed.length === 0) return
    const text = Buffer.from(this.#unhashed.join('\n'))
    this.#digest = this.#options.hash(Buffer.concat([this.#digest, text]))
    this.#unhashed = []
  }
}

/** One event as one line; the time is since the beginning of the simulation. */
export function traceLine({ atMs, where, what, detail }: TraceEvent): string {
  return `${atMs.toFixed(3)} ${where} ${what}${detail === '' ? '' : ` ${detail}`}`
}
