/**
 * A store that remembers the values that it handed out and that it was handed, so that a test sees which of them were
 * overwritten by whoever has them.
 */
import type { Store } from '@dmls/client'
import type { StoreOperation, StoreRange } from '@dmls/client/ports'

export class ReadStore implements Store {
  readonly #inner: Store
  #values: Uint8Array[] = []

  constructor(inner: Store) {
    this.#inner = inner
  }

  async get(key: Uint8Array): Promise<Uint8Array | undefined> {
    const value = await this.#inner.get(key)
    if (value !== undefined) this.#values.push(value)
    return value
  }

  async *entries(range: StoreRange): AsyncGenerator<readonly [key: Uint8Array, value: Uint8Array]> {
    for await (const [key, value] of this.#inner.entries(range)) {
      this.#values.push(value)
      yield [key, value]
    }
  }

  keys(range: StoreRange): AsyncIterable<Uint8Array> {
    return this.#inner.keys(range)
  }

  write(operations: readonly StoreOperation[]): Promise<void> {
    for (const operation of operations) if (operation.type === 'put') this.#values.push(operation.value)
    return this.#inner.write(operations)
  }

  forget(): Promise<void> {
    return this.#inner.forget()
  }

  close(): Promise<void> {
    return this.#inner.close()
  }

  /** What was read or written and not overwritten, one after the other. */
  leftOver(): Uint8Array {
    this.#values = this.#values.filter((value) => value.some((byte) => byte !== 0))
    return Buffer.concat(this.#values)
  }
}
