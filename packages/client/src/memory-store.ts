/**
 * A Store in memory, for tests, simulations and clients that must leave nothing behind. Batches are atomic; nothing
 * survives the process. What is overwritten or deleted is wiped at once, so that {@link MemoryStore.forget} has
 * nothing left to do.
 */
import type { Store, StoreOperation, StoreRange } from './ports.ts'
import { StoreError } from './store-error.ts'

export class MemoryStore implements Store {
  /** By {@link keyText}, whose order as strings is the order of the keys as bytes. */
  readonly #values = new Map<string, Uint8Array>()
  /** Keys in order; undefined when one came or went since. */
  #order: readonly string[] | undefined = []
  #isClosed = false

  async get(key: Uint8Array): Promise<Uint8Array | undefined> {
    this.#requireOpen()
    return this.#values.get(keyText(key))?.slice()
  }

  async *entries(range: StoreRange): AsyncGenerator<readonly [key: Uint8Array, value: Uint8Array]> {
    this.#requireOpen()
    // copies of the values as they are now
    const selected = this.#within(keyText(range.prefix)).map((text) => [text, this.#valueOf(text)] as const)
    for (const [text, value] of selected) yield [keyBytes(text), value]
  }

  async *keys(range: StoreRange): AsyncGenerator<Uint8Array> {
    this.#requireOpen()
    for (const text of this.#within(keyText(range.prefix))) yield keyBytes(text)
  }

  async write(operations: readonly StoreOperation[]): Promise<void> {
    this.#requireOpen()
    for (const operation of operations) {
      const key = keyText(operation.key)
      const old = this.#values.get(key)
      if (operation.type === 'put') {
        this.#values.set(key, new Uint8Array(operation.value))
        if (old === undefined) this.#order = undefined
      } else if (this.#values.delete(key)) {
        this.#order = undefined
      }
      old?.fill(0)
    }
  }

  async forget(): Promise<void> {
    this.#requireOpen()
  }

  async close(): Promise<void> {
    this.#isClosed = true
  }

  /** A second store with the same entries: what a restart finds, or what a thief takes, while this one goes on. */
  copy(): MemoryStore {
    const copy = new MemoryStore()
    for (const [key, value] of this.#values) copy.#values.set(key, value.slice())
    copy.#order = undefined
    return copy
  }

  /** Bytes of all keys and values. */
  get sizeBytes(): number {
    let size = 0
    for (const [key, value] of this.#values) size += key.length + value.length
    return size
  }

  #requireOpen(): void {
    if (this.#isClosed) throw new StoreError('store_closed', 'The store is closed.')
  }

  #valueOf(text: string): Uint8Array {
    return (this.#values.get(text) as Uint8Array).slice()
  }

  /** The keys that start with `prefix`, as they are now, in order. */
  #within(prefix: string): readonly string[] {
    this.#order ??= [...this.#values.keys()].sort()
    const start = firstNotBelow(this.#order, prefix)
    let end = start
    while (this.#order[end]?.startsWith(prefix) === true) end++
    return this.#order.slice(start, end)
  }
}

/** One character per byte. */
function keyText(key: Uint8Array): string {
  let text = ''
  for (const byte of key) text += String.fromCharCode(byte)
  return text
}

function keyBytes(text: string): Uint8Array {
  const key = new Uint8Array(text.length)
  for (let i = 0; i < key.length; i++) key[i] = text.charCodeAt(i)
  return key
}

function firstNotBelow(sorted: readonly string[], key: string): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((sorted[middle] as string) < key) low = middle + 1
    else high = middle
  }
  return low
}
