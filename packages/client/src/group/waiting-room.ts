/**
 * Messages that miss something: by the name of the epoch that they wait for. Bounded in number and in bytes, so that
 * nobody can fill it; the bytes themselves are in the topic's log. When it is full, the oldest leave: a peer can bring
 * them again.
 */

export interface Waiting {
  /** What it waits for, hexadecimal. */
  readonly epoch: string
  readonly sizeBytes: number
}

/** A message that was taken out. */
export interface Taken {
  readonly id: string
  readonly waiting: Waiting
}

export class WaitingRoom {
  readonly #byEpoch = new Map<string, Set<string>>()
  /** Oldest first. */
  readonly #messages = new Map<string, Waiting>()
  readonly #capacity: number
  readonly #sizeMaxBytes: number
  #sizeBytes = 0

  constructor(capacity: number, sizeMaxBytes: number) {
    this.#capacity = capacity
    this.#sizeMaxBytes = sizeMaxBytes
  }

  get size(): number {
    return this.#messages.size
  }

  has(id: string): boolean {
    return this.#messages.has(id)
  }

  /** How many messages wait for an epoch. */
  waitingFor(epoch: string): number {
    return this.#byEpoch.get(epoch)?.size ?? 0
  }

  /** Adds a message and returns those that had to leave for it. */
  add(id: string, waiting: Waiting): readonly string[] {
    this.remove(id)
    const evicted: string[] = []
    for (const oldest of this.#messages.keys()) {
      const isFull = this.size >= this.#capacity || this.#sizeBytes + waiting.sizeBytes > this.#sizeMaxBytes
      if (!isFull) break
      this.remove(oldest)
      evicted.push(oldest)
    }
    this.#messages.set(id, waiting)
    this.#sizeBytes += waiting.sizeBytes
    const ids = this.#byEpoch.get(waiting.epoch)
    if (ids === undefined) this.#byEpoch.set(waiting.epoch, new Set([id]))
    else ids.add(id)
    return evicted
  }

  remove(id: string): void {
    const waiting = this.#messages.get(id)
    if (waiting === undefined) return
    this.#messages.delete(id)
    this.#sizeBytes -= waiting.sizeBytes
    const ids = this.#byEpoch.get(waiting.epoch)
    ids?.delete(id)
    if (ids?.size === 0) this.#byEpoch.delete(waiting.epoch)
  }

  /** Takes out everything that waited for an epoch, in the order in which it came. */
  take(epoch: string): readonly Taken[] {
    const taken = [...(this.#byEpoch.get(epoch) ?? [])].map((id) => ({
      id,
      waiting: this.#messages.get(id) as Waiting,
    }))
    for (const { id } of taken) this.remove(id)
    return taken
  }

  /** The epochs that something waits for. */
  epochs(): readonly string[] {
    return [...this.#byEpoch.keys()]
  }
}
