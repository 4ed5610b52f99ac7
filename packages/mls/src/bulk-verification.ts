/**
 * Verifying many things that a provider may verify side by side: the leaves of a tree, the key packages of a commit. In
 * portions, so that an abort is heard soon and others get their turn; several of them under way where the provider has
 * threads for them, so that none waits for the end of one.
 */

/** Few enough to stop soon. */
const PORTION_SIZE = 64

/** How a caller follows a long verification, and ends it. */
export interface Watch {
  /** Stops after the portion under way. */
  readonly signal?: AbortSignal | undefined
  /** Told after each portion how many are done. A promise that it returns is waited for: others get their turn then. */
  readonly progress?: ((done: number, total: number) => unknown) | undefined
}

/**
 * Begins with the first portions, which may then go on while the caller does something else.
 * @param atOnce how many have profit of being under way together; at least one portion is
 * @returns what verifies the rest; it rejects with the first fault, in the order of `items`, or the signal's reason
 * @throws the signal's reason when aborted already
 */
export function beginVerifying<T>(
  items: readonly T[],
  verify: (item: T) => Promise<void>,
  { signal, progress }: Watch,
  atOnce = 1,
): () => Promise<void> {
  /** What became of each portion under way, oldest first: its fault, or undefined. None of them ever rejects. */
  const underWay: Promise<{ readonly fault: unknown } | undefined>[] = []
  const portionsAtOnce = Math.ceil(atOnce / PORTION_SIZE)
  let begun = 0

  const fill = (): void => {
    while (underWay.length < portionsAtOnce && begun < items.length) {
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
