/**
 * Virtual time: an ordered queue of things to happen. Nothing happens between two of them, and what an event starts is
 * finished, as far as it can be without another event, before the next one. So outcomes never depend on real time.
 *
 * This holds for code whose promises settle without help from the outside (timers, threads, sockets): the crypto
 * providers `node` and `noble` and stores in memory. WebCrypto works on other threads and is not one of them.
 */
import type { Timer } from '@dmls/client'
import { drain } from './drain.ts'

interface Entry {
  readonly atMs: number
  readonly sequence: number
  task: (() => void) | undefined
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.sequence < b.sequence)
}

/** When every simulation begins: 2025-01-01, in milliseconds since the Unix epoch. */
export const START_MS = 1_735_689_600_000

export class EventQueue {
  /** A binary heap. */
  readonly #heap: Entry[] = []
  #nowMs = START_MS
  #sequence = 0
  #steps = 0

  get nowMs(): number {
    return this.#nowMs
  }

  /** Events that have happened. */
  get steps(): number {
    return this.#steps
  }

  /** Lets something happen later; events of one moment happen in the order in which they were asked for. */
  schedule(delayMs: number, task: () => void): Timer {
    const entry: Entry = { atMs: this.#nowMs + Math.max(0, delayMs), sequence: this.#sequence++, task }
    this.#push(entry)
    return {
      cancel: () => {
        entry.task = undefined
      },
    }
  }

  /** Resolves that much later. */
  delay(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.schedule(delayMs, resolve))
  }

  /** When the next event is due; undefined if there is none. */
  get nextAtMs(): number | undefined {
    this.#dropCancelled()
    return this.#heap[0]?.atMs
  }

  /** Lets the next event happen and all that follows from it at once. False if there is none. */
  async step(): Promise<boolean> {
    this.#dropCancelled()
    const next = this.#pop()
    if (next === undefined) return false
    this.#nowMs = next.atMs
    this.#steps++
    next.task?.()
    await drain()
    return true
  }

  /** Lets everything happen that is due up to a moment, and moves the time there. */
  async runUntil(atMs: number): Promise<void> {
    await drain()
    for (let next = this.nextAtMs; next !== undefined && next <= atMs; next = this.nextAtMs) await this.step()
    this.#nowMs = Math.max(this.#nowMs, atMs)
  }

  runFor(durationMs: number): Promise<void> {
    return this.runUntil(this.#nowMs + durationMs)
  }

  /** Lets events happen until the promise settles, and returns what it settles to. @throws Error if none is left */
  async finish<T>(promise: Promise<T>): Promise<T> {
    let settled = false
    const mark = (): void => {
      settled = true
    }
    promise.then(mark, mark)
    await drain()
    while (!settled) {
      if (!(await this.step())) throw new Error('nothing is left to happen, and the promise is still pending')
    }
    return promise
  }

  #dropCancelled(): void {
    while (this.#heap.length > 0 && this.#heap[0]?.task === undefined) this.#pop()
  }

  #push(entry: Entry): void {
    const heap = this.#heap
    let at = heap.push(entry) - 1
    while (at > 0) {
      const above = (at - 1) >> 1
      if (!isBefore(entry, heap[above] as Entry)) break
      heap[at] = heap[above] as Entry
      at = above
    }
    heap[at] = entry
  }

  #pop(): Entry | undefined {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (first === undefined || last === undefined || heap.length === 0) return first
    let at = 0
    while (true) {
      let below = 2 * at + 1
      if (below >= heap.length) break
      if (below + 1 < heap.length && isBefore(heap[below + 1] as Entry, heap[below] as Entry)) below++
      if (!isBefore(heap[below] as Entry, last)) break
      heap[at] = heap[below] as Entry
      at = below
    }
    heap[at] = last
    return first
  }
}
