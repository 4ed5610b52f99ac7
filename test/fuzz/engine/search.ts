/**
 * The search: random tapes, and changed copies of those that led somewhere new. Guided by outcomes: a check that refuses
 * is named by its place in the sources, so that an input which reaches another check is worth keeping.
 */

import { mutateBytes } from './byte-mutation.ts'
import type { KeptInput } from './corpus.ts'
import { Seeded } from './seeded.ts'
import { shrink } from './shrink.ts'
import { Tape } from './tape.ts'
import type { Finding, Run, Target } from './target.ts'
import { type Trial, tryTape } from './trial.ts'

/** Runs spent to make an input that led to something new shorter. */
const SHRINK_ATTEMPTS = 40
const SHRINK_ATTEMPTS_FINDING = 400

interface Seen {
  readonly tape: Uint8Array
  hits: number
}

export interface FoundInput {
  readonly target: string
  readonly tape: Uint8Array
  readonly finding: Finding
}

export interface SearchOptions {
  readonly target: Target
  readonly run: Run
  readonly seed: number
  /** Called with each tape before it is run: for whoever watches from outside. */
  readonly announce?: (tape: Uint8Array) => void
}

export class Search {
  readonly #target: Target
  readonly #run: Run
  readonly #seeded: Seeded
  readonly #announce: (tape: Uint8Array) => void
  readonly #seen = new Map<string, Seen>()
  runs = 0
  slowestMs = 0

  constructor({ target, run, seed, announce }: SearchOptions) {
    this.#target = target
    this.#run = run
    this.#seeded = new Seeded(seed)
    this.#announce = announce ?? (() => undefined)
  }

  get name(): string {
    return this.#target.name
  }

  /** Every outcome that was seen, with the shortest tape for it. */
  get kept(): readonly KeptInput[] {
    return [...this.#seen].map(([outcome, { tape }]) => ({ outcome, tape }))
  }

  /** How often each outcome was seen. */
  get outcomes(): ReadonlyMap<string, number> {
    return new Map([...this.#seen].map(([outcome, { hits }]) => [outcome, hits]))
  }

  /** Runs a given input. */
  async replay(tape: Uint8Array): Promise<FoundInput | undefined> {
    return this.#consider(tape, 'as it is')
  }

  /** Runs an input of its own choice. */
  async step(): Promise<FoundInput | undefined> {
    return this.#consider(this.#next(), 'shrink')
  }

  #next(): Uint8Array {
    const seeded = this.#seeded
    const { tapeMax } = this.#target
    if (this.#seen.size === 0 || seeded.below(3) === 0) return seeded.bytes(seeded.below(tapeMax + 1))
    const changes = new Tape(seeded.bytes(64))
    const changed = mutateBytes(this.#rare().tape, changes, [this.#rare().tape])
    const longer = seeded.below(2) === 0 ? changed : new Uint8Array([...changed, ...seeded.bytes(seeded.below(32))])
    return longer.slice(0, tapeMax)
  }

  /** Of a few outcomes, the one that was seen least often. */
  #rare(): Seen {
    const all = [...this.#seen.values()]
    let rarest = all[this.#seeded.below(all.length)] as Seen
    for (let i = 0; i < 3; i++) {
      const other = all[this.#seeded.below(all.length)] as Seen
      if (other.hits < rarest.hits) rarest = other
    }
    return rarest
  }

  async #consider(tape: Uint8Array, how: 'as it is' | 'shrink'): Promise<FoundInput | undefined> {
    const trial = await this.#try(tape)
    if (trial.finding !== undefined) return this.#report(tape, trial.finding)
    for (const outcome of trial.outcomes) {
      const seen = this.#seen.get(outcome)
      if (seen !== undefined) {
        seen.hits++
        continue
      }
      const read = tape.slice(0, trial.used)
      const leads = async (candidate: Uint8Array): Promise<boolean> =>
        (await this.#try(candidate)).outcomes.includes(outcome)
      const kept = how === 'shrink' ? await shrink(read, leads, SHRINK_ATTEMPTS) : read
      this.#seen.set(outcome, { tape: kept, hits: 1 })
    }
    return undefined
  }

  async #report(tape: Uint8Array, finding: Finding): Promise<FoundInput> {
    const fails = async (candidate: Uint8Array): Promise<boolean> =>
      sameKind((await this.#try(candidate)).finding, finding)
    const shortest = await shrink(tape, fails, SHRINK_ATTEMPTS_FINDING)
    const again = await this.#try(shortest)
    return { target: this.#target.name, tape: shortest, finding: again.finding ?? finding }
  }

  async #try(tape: Uint8Array): Promise<Trial> {
    this.#announce(tape)
    this.runs++
    const trial = await tryTape(this.#run, tape)
    this.slowestMs = Math.max(this.slowestMs, trial.elapsedMs)
    return trial
  }
}

/** Figures in a message differ from run to run. */
function sameKind(a: Finding | undefined, b: Finding): boolean {
  return a !== undefined && a.message.replace(/\d+/g, '') === b.message.replace(/\d+/g, '')
}
