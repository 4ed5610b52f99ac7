/** The system's time and timers: one of the few places that touch it. Timers do not keep a process alive. */
import type { Clock } from './ports.ts'

const { Date: SystemDate, setTimeout: startTimer, clearTimeout: stopTimer } = globalThis

/** A timer of Node, as opposed to the number that a browser gives. */
interface NodeTimer {
  unref(): unknown
}

function isNodeTimer(handle: unknown): handle is NodeTimer {
  return typeof handle === 'object' && handle !== null && 'unref' in handle
}

export const systemClock: Clock = {
  nowMs: () => SystemDate.now(),
  schedule: (delayMs, task) => {
    const handle = startTimer(task, delayMs)
    if (isNodeTimer(handle)) handle.unref()
    return { cancel: () => stopTimer(handle) }
  },
}
