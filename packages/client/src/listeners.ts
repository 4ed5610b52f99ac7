/** A set of callbacks that are told of events in the order in which they were added. */
export class Listeners<E> {
  readonly #listeners = new Set<(event: E) => void | Promise<void>>()

  /** Returns a function that removes the listener. */
  add(listener: (event: E) => void | Promise<void>): () => void {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  get size(): number {
    return this.#listeners.size
  }

  /** Resolves when every listener has handled the event; rejects with the first failure. */
  async emit(event: E): Promise<void> {
    for (const listener of [...this.#listeners]) await listener(event)
  }
}
