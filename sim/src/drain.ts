/** Lets everything finish that was started and waits for nothing outside of the program. */
export function drain(): Promise<void> {
  // all promise callbacks run before the event loop goes on, also those that they add
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}
