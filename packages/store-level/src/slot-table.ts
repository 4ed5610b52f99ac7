/** Which slots of the key file are taken, which are free, and which wait to be erased. In memory only: rebuilt on open. */
export class SlotTable {
  readonly #free: number[]
  /** Slots from here on were never used. */
  #next: number
  /** Slots of values that are deleted or overwritten, whose secrets are still there. */
  #stale: number[] = []

  /** `used` ascends; every other slot must be empty. */
  constructor(used: Iterable<number>) {
    this.#free = []
    this.#next = 0
    for (const slot of used) {
      for (; this.#next < slot; this.#next++) this.#free.push(this.#next)
      this.#next = slot + 1
    }
  }

  /** One more than the highest slot that may hold something. */
  get end(): number {
    return this.#next
  }

  take(): number {
    return this.#free.pop() ?? this.#next++
  }

  /** The slot's value is gone; its secret is not. */
  release(slot: number): void {
    this.#stale.push(slot)
  }

  get stale(): readonly number[] {
    return this.#stale
  }

  /** The secrets of all stale slots were erased: the slots can be used again. */
  recycle(): void {
    for (const slot of this.#stale) this.#free.push(slot)
    this.#stale = []
  }
}
