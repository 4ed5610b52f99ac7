/**
 * An input of the fuzzer is a tape: bytes from which a target draws every decision it makes, in order. So mutating,
 * shrinking and storing an input are the same for all targets, and a tape says everything there is to say about a run.
 * Beyond its end a tape reads zeros, which every target takes as "the ordinary thing".
 */
import type { RandomSource } from '@dmls/crypto'
import { seededBytes } from './seeded.ts'

export class Tape {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  /** How many bytes were drawn, at most the tape's length. */
  get used(): number {
    return Math.min(this.#at, this.#bytes.length)
  }

  byte(): number {
    const value = this.#bytes[this.#at] ?? 0
    this.#at++
    return value
  }

  uint16(): number {
    return (this.byte() << 8) | this.byte()
  }

  uint32(): number {
    return ((this.uint16() << 16) | this.uint16()) >>> 0
  }

  /** 0 ≤ value < `count`; 0 for an exhausted tape. */
  below(count: number): number {
    if (count <= 1) return 0
    const drawn = count <= 0x100 ? this.byte() : count <= 0x10000 ? this.uint16() : this.uint32()
    return drawn % count
  }

  pick<T>(choices: readonly T[]): T {
    if (choices.length === 0) throw new Error('nothing to choose from')
    return choices[this.below(choices.length)] as T
  }

  /** True about once in `times`; false for an exhausted tape. */
  once(times: number): boolean {
    return this.below(times) === times - 1 && times > 1
  }

  take(length: number): Uint8Array {
    const bytes = new Uint8Array(length)
    for (let i = 0; i < length; i++) bytes[i] = this.byte()
    return bytes
  }

  /** Everything that is left. */
  rest(): Uint8Array {
    const bytes = this.#bytes.slice(this.#at)
    this.#at = Math.max(this.#at, this.#bytes.length)
    return bytes
  }

  /** A stream of bytes that four bytes of the tape decide: keys, nonces, whatever needs many. */
  random(): RandomSource {
    return seededBytes(this.uint32())
  }
}
