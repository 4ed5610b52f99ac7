/** What the measurements hand to the report. */
import { type Counts, meanCounts } from './primitives/counts.ts'
import { Floor, type Verification } from './primitives/floor.ts'
import { type Spread, spreadOf } from './sampling.ts'

/** The operations that are measured. */
export const OPERATIONS = [
  'process commit, warm',
  'make commit, warm',
  'make commit, bare',
  'process commit, bare',
  'join, warm',
  'join, bare',
  'create and add all',
  'encrypt 100 B',
  'decrypt 100 B',
  'PPRF evaluation',
] as const
export type Operation = (typeof OPERATIONS)[number]

/** Those in which many signatures are verified side by side. */
const IN_PARALLEL: ReadonlySet<Operation> = new Set(['join, warm', 'join, bare', 'create and add all'])

export function verificationOf(operation: Operation): Verification {
  return IN_PARALLEL.has(operation) ? 'side by side' : 'one by one'
}

export interface Result {
  readonly operation: Operation
  readonly library: string
  /** Members; 0 where they do not matter. */
  readonly size: number
  /** Milliseconds. */
  readonly time: Spread
  /** Milliseconds; of ours with the provider on node:crypto only. */
  readonly floor: Spread | undefined
  /** The mean over the operations that were counted. */
  readonly counts: Counts | undefined
}

/** Collects times and floors until a section is done. */
export class Samples {
  readonly #counted: string
  readonly #times = new Map<string, number[]>()
  readonly #counts = new Map<Operation, Counts[]>()
  readonly #floors = new Map<Operation, { readonly floor: Floor; readonly ms: number[] }>()

  /** Of `counted` the primitives have been counted: its operations have floors. */
  constructor(counted: string) {
    this.#counted = counted
  }

  /** Before the first {@link add}. */
  count(operation: Operation, counts: Counts): void {
    const all = this.#counts.get(operation)
    if (all === undefined) this.#counts.set(operation, [counts])
    else all.push(counts)
  }

  /** One measurement, followed by one of its floor where it has one. `warmUp`: neither is kept. */
  async add(operation: Operation, library: string, ms: number, warmUp = false): Promise<void> {
    const key = `${operation}|${library}`
    const times = this.#times.get(key) ?? []
    this.#times.set(key, times)
    if (!warmUp) times.push(ms)
    const floor = library === this.#counted ? this.#floorOf(operation) : undefined
    if (floor === undefined) return
    const floorMs = await floor.floor.measure()
    if (!warmUp) floor.ms.push(floorMs)
  }

  #floorOf(operation: Operation): { readonly floor: Floor; readonly ms: number[] } | undefined {
    const known = this.#floors.get(operation)
    const counts = this.#meanCounts(operation)
    if (known !== undefined || counts === undefined) return known
    const made = { floor: new Floor(counts, verificationOf(operation)), ms: [] }
    this.#floors.set(operation, made)
    return made
  }

  #meanCounts(operation: Operation): Counts | undefined {
    const all = this.#counts.get(operation)
    return all && meanCounts(all)
  }

  results(size: number): Result[] {
    return [...this.#times]
      .filter(([, times]) => times.length > 0)
      .map(([key, times]) => {
        const [operation, library] = key.split('|') as [Operation, string]
        const own = library === this.#counted
        const floors = own ? this.#floors.get(operation)?.ms : undefined
        const floor = floors && spreadOf(floors)
        const counts = own ? this.#meanCounts(operation) : undefined
        return { operation, library, size, time: spreadOf(times), floor, counts }
      })
  }
}

export function findResult(
  results: readonly Result[],
  operation: Operation,
  library: string,
  size: number,
): Result | undefined {
  return results.find((each) => each.operation === operation && each.library === library && each.size === size)
}
