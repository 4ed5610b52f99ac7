/** Turns many calls in a row into one, a moment after the first of them. */

export interface Coalesced {
  (): void
  cancel(): void
}

export function coalesce(delayMs: number, task: () => void): Coalesced {
  let timer: NodeJS.Timeout | undefined
  const call = (): void => {
    timer ??= setTimeout(() => {
      timer = undefined
      task()
    }, delayMs)
  }
  return Object.assign(call, {
    cancel: () => {
      clearTimeout(timer)
      timer = undefined
    },
  })
}
