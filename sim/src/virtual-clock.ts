/** A node's own clock on virtual time: it may be wrong, run fast or slow, and stops with its node. */
import type { Clock, Timer } from '@dmls/client'
import { type EventQueue, START_MS } from './event-queue.ts'

export interface ClockError {
  /** How far ahead of the true time the clock began. */
  readonly skewMs: number
  /** How many of its seconds pass in a true one; 1 is right. */
  readonly rate: number
}

export const RIGHT_CLOCK: ClockError = { skewMs: 0, rate: 1 }

export class VirtualClock implements Clock {
  readonly #queue: EventQueue
  readonly #error: ClockError
  #stopped = false

  constructor(queue: EventQueue, error: ClockError = RIGHT_CLOCK) {
    this.#queue = queue
    this.#error = error
  }

  nowMs(): number {
    const { skewMs, rate } = this.#error
    return Math.floor(START_MS + (this.#queue.nowMs - START_MS) * rate + skewMs)
  }

  schedule(delayMs: number, task: () => void): Timer {
    return this.#queue.schedule(delayMs / this.#error.rate, () => {
      if (!this.#stopped) task()
    })
  }

  /** No timer of this clock goes off any more: its process is dead. */
  stop(): void {
    this.#stopped = true
  }
}
