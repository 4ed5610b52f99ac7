/**
 * Messages that miss something: by the name of the epoch that they wait for. Bounded in number, so that nobody can fill
 * it; the bytes themselves are in the topic's log. When it is full, the oldest leaves: a peer can bring it again.
 */
export class WaitingRoom {
  readonly #byEpoch = new Map<string, Set<string>>()
  readonly #epochOf = new Map<string, string>()
  readonly #capacity: number

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  get size(): number {
    return this.#epochOf.size
  }

  has(id: string): boolean {
    return this.#epochOf.has(id)
  }

  /** How many messages wait for an epoch. */
  waitingFor(epoch: string): number {
    return this.#byEpoch.get(epoch)?.size ?? 0
  }

  /** Adds a message and returns the one that had to leave for it, if any. */
  add(id: string, epoch: string): string | undefined {
    this.remove(id)
    let evicted: string | undefined
    if (this.#epochOf.size >= this.#capacity) {
      evicted = this.#epochOf.keys().next().value
      if (evicted !== undefined) this.remove(evicted)
    }
    this.#epochOf.set(id, epoch)
    const ids = this.#byEpoch.get(epoch)
    if (ids === undefined) this.#byEpoch.set(epoch, new Set([id]))
    else ids.add(id)
    return evicted
  }

  remove(id: string): void {
    const epoch = this.#epochOf.get(id)
    if (epoch === undefined) return
    this.#epochOf.delete(id)
    const ids = this.#byEpoch.get(epoch)
    ids?.delete(id)
    if (ids?.size === 0) this.#byEpoch.delete(epoch)
  }

  /** Takes out everything that waited for an epoch, in the order in which it came. */
  take(epoch: string): string[] {
    const ids = [...(this.#byEpoch.get(epoch) ?? [])]
    for (const id of ids) this.remove(id)
    return ids
  }

  /** The epochs that something waits for. */
  epochs(): readonly string[] {
    return [...this.#byEpoch.keys()]
  }
}
