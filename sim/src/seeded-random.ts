/**
 * Randomness that one seed decides. A stream is named by its seed and a path of labels, so that what one part of the
 * simulation draws never shifts what another draws. Not for secrets outside of a simulation.
 */
import { uniformInt } from 'pure-rand/distribution/uniformInt'
import { xoroshiro128plusFromState } from 'pure-rand/generator/xoroshiro128plus'
import type { RandomGenerator } from 'pure-rand/types/RandomGenerator'

/** Four words of 32 bits that depend on every character of the text. */
function stateOf(text: string): readonly number[] {
  const words = [0x9e3779b9, 0x243f6a88, 0xb7e15162, 0x6a09e667]
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    for (let w = 0; w < 4; w++) {
      const mixed = Math.imul((words[w] as number) ^ unit ^ ((words[(w + 1) & 3] as number) >>> 7), 0x01000193 + 2 * w)
      words[w] = (mixed ^ (mixed >>> 15)) | 0
    }
  }
  // a few rounds without input, so that the last characters reach every bit
  for (let round = 0; round < 8; round++) {
    for (let w = 0; w < 4; w++) {
      const mixed = Math.imul((words[w] as number) ^ ((words[(w + 3) & 3] as number) >>> 11), 0x85ebca6b)
      words[w] = (mixed ^ (mixed >>> 13)) | 0
    }
  }
  return words
}

export class SeededRandom {
  readonly #path: string
  readonly #generator: RandomGenerator

  constructor(seed: number | string) {
    this.#path = String(seed)
    this.#generator = xoroshiro128plusFromState(stateOf(this.#path))
  }

  /** A stream of its own; the same for the same label, however much was drawn here. */
  fork(label: string): SeededRandom {
    return new SeededRandom(`${this.#path}/${label}`)
  }

  /** An integer from `min` to `max`, both included. */
  int(min: number, max: number): number {
    return uniformInt(this.#generator, min, max)
  }

  /** True with the given probability, in steps of a millionth. Draws nothing when that is 0 or less. */
  chance(probability: number): boolean {
    return probability > 0 && this.int(0, 999_999) < probability * 1_000_000
  }

  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length)
    for (let i = 0; i < length; i++) bytes[i] = this.int(0, 255)
    return bytes
  }

  /** One of the list. @throws RangeError if it is empty */
  pick<T>(list: readonly T[]): T {
    if (list.length === 0) throw new RangeError('nothing to pick from')
    return list[this.int(0, list.length - 1)] as T
  }

  /** Up to `count` of the list, each at most once, in random order. */
  sample<T>(list: readonly T[], count: number): T[] {
    const rest = [...list]
    const drawn: T[] = []
    while (drawn.length < count && rest.length > 0) {
      drawn.push(...rest.splice(this.int(0, rest.length - 1), 1))
    }
    return drawn
  }
}
