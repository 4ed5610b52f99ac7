/** The system's clock, which a test can put forward. Timers run as they would without that. */
import type { Clock, Timer } from '../src/ports.ts'
import { systemClock } from '../src/system-clock.ts'

const DAY_MS = 86_400_000

export class TurnedClock implements Clock {
  #aheadMs = 0

  nowMs(): number {
    return systemClock.nowMs() + this.#aheadMs
  }

  schedule(delayMs: number, task: () => void): Timer {
    return systemClock.schedule(delayMs, task)
  }

  passDays(days: number): void {
    this.#aheadMs += days * DAY_MS
  }
}
