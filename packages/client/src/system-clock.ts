/** The system's time and timers: one of the few places that touch it. Timers do not keep a process alive. */
import type { Clock } from './ports.ts'

const { Date: SystemDate, setTimeout: startTimer, clearTimeout: stopTimer } = globalThis

export const systemClock: Clock = {
  nowMs: () => SystemDate.now(),
  schedule: (delayMs, task) => {
    const handle: unknown = startTimer(task, delayMs)
    if (typeof handle === 'object' && handle !== null && 'unref' in handle && typeof handle.unref === 'function') {
      handle.unref()
    }
    return { cancel: () => stopTimer(handle as Parameters<typeof stopTimer>[0]) }
  },
}
