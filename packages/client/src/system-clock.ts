/** The system's time and timers. Timers do not keep a process alive. */
import type { Clock } from './ports.ts'

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  schedule: (delayMs, task) => {
    const handle: unknown = setTimeout(task, delayMs)
    if (typeof handle === 'object' && handle !== null && 'unref' in handle && typeof handle.unref === 'function') {
      handle.unref()
    }
    return { cancel: () => clearTimeout(handle as Parameters<typeof clearTimeout>[0]) }
  },
}
