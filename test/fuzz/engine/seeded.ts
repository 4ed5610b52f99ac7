/** Bytes and numbers that one 32-bit seed decides (xorshift128, seeded by splitmix). Not for secrets. */
import type { RandomSource } from '@dmls/crypto'

export class Seeded {
  #a: number
  #b: number
  #c: number
  #d: number

  constructor(seed: number) {
    let state = seed >>> 0
    const next = (): number => {
      state = (state + 0x9e3779b9) >>> 0
      let mixed = state
      mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad)
      mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97)
      return (mixed ^ (mixed >>> 15)) >>> 0
    }
    this.#a = next()
    this.#b = next()
    this.#c = next()
    this.#d = next() | 1
  }

  uint32(): number {
    let t = this.#d
    const s = this.#a
    this.#d = this.#c
    this.#c = this.#b
    this.#b = s
    t ^= t << 11
    t ^= t >>> 8
    this.#a = (t ^ s ^ (s >>> 19)) >>> 0
    return this.#a
  }

  /** 0 ≤ value < `count`. */
  below(count: number): number {
    return this.uint32() % count
  }

  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length)
    for (let i = 0; i < length; ) {
      const word = this.uint32()
      for (let shift = 0; shift < 32 && i < length; shift += 8) bytes[i++] = word >>> shift
    }
    return bytes
  }
}

/** A source of randomness for the library: every array is a new one, as it asks for. */
export function seededBytes(seed: number): RandomSource {
  const seeded = new Seeded(seed)
  return (length) => seeded.bytes(length)
}
