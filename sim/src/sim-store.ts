/**
 * A Store on a disk in memory that outlives its process: the process can be killed at any write, just before or just
 * after it took effect, and the disk can refuse one. What a killed process asked for never answers.
 */

import type { MemoryStore } from '@dmls/client/memory-store'
import { type Store, StoreError, type StoreOperation, type StoreRange } from '@dmls/client/ports'

/** What a node's data lives on. Survives every process; can be copied (`copy()`), as backups and thieves do. */
export type Disk = MemoryStore

export interface WriteFault {
  /** Which write from now on, counted from 1. */
  readonly write: number
  /** `before`: the process dies and the write is lost. `after`: it dies, the write is kept. `refuse`: the write fails. */
  readonly what: 'before' | 'after' | 'refuse'
}

export interface SimStoreHooks {
  /** The process that uses the store must die now. */
  readonly kill: () => void
  readonly wrote: (operations: readonly StoreOperation[]) => void
}

/** What a dead process gets. */
function never(): Promise<never> {
  return new Promise(() => undefined)
}

export class SimStore implements Store {
  readonly #disk: Disk
  readonly #hooks: SimStoreHooks
  #fault: WriteFault | undefined
  #writes = 0
  #faultAt = 0
  #dead = false
  #closed = false

  constructor(disk: Disk, hooks: SimStoreHooks) {
    this.#disk = disk
    this.#hooks = hooks
  }

  /** Writes that took effect. */
  get writes(): number {
    return this.#writes
  }

  /** Lets one write go wrong. A second fault replaces the first. */
  arm(fault: WriteFault): void {
    this.#fault = fault
    this.#faultAt = this.#writes + fault.write
  }

  /** No write goes wrong any more. */
  disarm(): void {
    this.#fault = undefined
  }

  /** From here on nothing reads, nothing is written and nothing answers. */
  die(): void {
    this.#dead = true
  }

  async get(key: Uint8Array): Promise<Uint8Array | undefined> {
    this.#requireOpen()
    return this.#dead ? never() : this.#disk.get(key)
  }

  async *entries(range: StoreRange): AsyncGenerator<readonly [key: Uint8Array, value: Uint8Array]> {
    this.#requireOpen()
    if (this.#dead) await never()
    for await (const entry of this.#disk.entries(range)) {
      if (this.#dead) await never()
      yield entry
    }
  }

  async *keys(range: StoreRange): AsyncGenerator<Uint8Array> {
    this.#requireOpen()
    if (this.#dead) await never()
    for await (const key of this.#disk.keys(range)) {
      if (this.#dead) await never()
      yield key
    }
  }

  // no await before the disk copies what it is given
  async write(operations: readonly StoreOperation[]): Promise<void> {
    this.#requireOpen()
    if (this.#dead) return never()
    const fault = this.#writes + 1 === this.#faultAt ? this.#fault : undefined
    if (fault !== undefined) this.#fault = undefined
    if (fault?.what === 'refuse') throw new StoreError('store_failed', 'The simulated disk refused this write.')
    if (fault?.what === 'before') {
      this.#hooks.kill()
      return never()
    }
    const written = this.#disk.write(operations)
    this.#writes++
    this.#hooks.wrote(operations)
    await written
    if (fault?.what === 'after') {
      this.#hooks.kill()
      return never()
    }
  }

  async forget(): Promise<void> {
    this.#requireOpen()
    return this.#dead ? never() : this.#disk.forget()
  }

  /** The disk stays for the next process. */
  async close(): Promise<void> {
    this.#closed = true
  }

  #requireOpen(): void {
    if (this.#closed) throw new StoreError('store_closed', 'The store is closed.')
  }
}
