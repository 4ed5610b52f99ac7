/**
 * A store that remembers the values of groups that it handed out, so that a test sees which of them were overwritten. The
 * client does not overwrite what it reads of its key packages.
 */
import type { Store } from '@dmls/client'
import type { StoreOperation, StoreRange } from '@dmls/client/ports'

const OF_GROUPS = 'g/'

export class ReadStore implements Store {
  readonly #inner: Store
  #handedOut: Uint8Array[] = []

  constructor(inner: Store) {
    this.#inner = inner
  }

  async get(key: Uint8Array): Promise<Uint8Array | undefined> {
    const value = await this.#inner.get(key)
    if (value !== undefined) this.#note(key, value)
    return value
  }

  async *entries(range: StoreRange): AsyncGenerator<readonly [key: Uint8Array, value: Uint8Array]> {
    for await (const [key, value] of this.#inner.entries(range)) {
      this.#note(key, value)
      yield [key, value]
    }
  }

  keys(range: StoreRange): AsyncIterable<Uint8Array> {
    return this.#inner.keys(range)
  }

  write(operations: readonly StoreOperation[]): Promise<void> {
    return this.#inner.write(operations)
  }

  forget(): Promise<void> {
    return this.#inner.forget()
  }

  close(): Promise<void> {
    return this.#inner.close()
  }

  #note(key: Uint8Array, value: Uint8Array): void {
    if (new TextDecoder().decode(key.subarray(0, 2)) === OF_GROUPS) this.#handedOut.push(value)
  }

  /** What was read and not overwritten, one after the other. */
  leftOver(): Uint8Array {
    this.#handedOut = this.#handedOut.filter((value) => value.some((byte) => byte !== 0))
    return Buffer.concat(this.#handedOut)
  }
}
