/**
 * Verifying many things that a provider may verify side by side: the leaves of a tree, the key packages of a commit. A few
 * portions are under way at a time, so that no thread waits for the end of one, while an abort is heard soon and others get
 * their turn.
 */

/** Verified at a time: enough to fill a thread pool, few enough to stop soon. */
const PORTION_SIZE = 64
const PORTIONS_AT_ONCE = 4

/** How a caller follows a long verification, and ends it. */
export interface Watch {
  /** Stops after the portion under way. */
  readonly signal?: AbortSignal | undefined
  /** Told after each portion how many are done. A promise that it returns is waited for: others get their turn then. */
  readonly progress?: ((done: number, total: number) => unknown) | undefined
}

/**
 * Begins with the first portions, which may then go on while the caller does something else.
 * @returns what verifies the rest; it rejects with the first fault, in the order of `items`, or the signal's reason
 * @throws the signal's reason when aborted already
 */
export function beginVerifying<T>(
  items: readonly T[],
  verify: (item: T) => Promise<void>,
  { signal, progress }: Watch,
): () => Promise<void> {
  /** What became of each portion under way, oldest first: its fault, or undefined. None of them ever rejects. */
  const underWay: Promise<{ readonly fault: unknown } | undefined>[] = []
  let begun = 0

  const fill = (): void => {
    while (underWay.length < PORTIONS_AT_ONCE && begun < items.length) {
      signal?.throwIfAborted()
      const portion = items.slice(begun, begun + PORTION_SIZE)
      begun += portion.length
      underWay.push(
        Promise.all(portion.map(verify)).then(
          () => undefined,
          (fault: unknown) => ({ fault }),
        ),
      )
    }
  }

  fill()
  return async () => {
    for (let done = 0; done < items.length; ) {
      const outcome = await underWay.shift()
      if (outcome !== undefined) throw outcome.fault
      done = Math.min(done + PORTION_SIZE, items.length)
      fill()
      await progress?.(done, items.length)
      signal?.throwIfAborted()
    }
  }
}
