/**
 * The names of Welcomes that have done what they were for: their bytes are deleted, and nobody need send them again. Only
 * so many are remembered; one that is forgotten and comes again leads to an epoch that is known.
 */
import { fromHex, toHex } from '@dmls/crypto'
import type { Store, StoreOperation } from './ports.ts'
import { readSequence, SETTLED_PREFIX, settledKey } from './store-keys.ts'

export class SettledWelcomes {
  /** Sequence numbers by hexadecimal identifier, oldest first. */
  readonly #sequences: Map<string, number>
  readonly #capacity: number
  #next: number

  private constructor(sequences: Map<string, number>, capacity: number, next: number) {
    this.#sequences = sequences
    this.#capacity = capacity
    this.#next = next
  }

  static async open(store: Store, capacity: number): Promise<SettledWelcomes> {
    const sequences = new Map<string, number>()
    let next = 0
    for await (const [key, id] of store.entries({ prefix: SETTLED_PREFIX })) {
      const sequence = readSequence(key.slice(SETTLED_PREFIX.length))
      sequences.set(toHex(id), sequence)
      next = sequence + 1
    }
    return new SettledWelcomes(sequences, capacity, next)
  }

  has(id: string): boolean {
    return this.#sequences.has(id)
  }

  ids(): IterableIterator<string> {
    return this.#sequences.keys()
  }

  /** What to write so that the name is remembered, and what to call once that is written. */
  add(id: string): { readonly operations: readonly StoreOperation[]; readonly written: () => void } {
    const sequence = this.#next++
    const [oldest] = this.#sequences.size >= this.#capacity ? this.#sequences : []
    return {
      operations: [
        { type: 'put', key: settledKey(sequence), value: fromHex(id) },
        ...(oldest === undefined ? [] : [{ type: 'delete' as const, key: settledKey(oldest[1]) }]),
      ],
      written: () => {
        if (oldest !== undefined) this.#sequences.delete(oldest[0])
        this.#sequences.set(id, sequence)
      },
    }
  }
}
