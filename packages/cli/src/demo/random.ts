/** Numbers that look random and are the same for the same seed. Never for secrets: those come from the system. */

/** Returns a function that draws whole numbers from 0 up to, not including, its bound. */
export function seededRandom(seed: number): (bound: number) => number {
  let state = seed >>> 0
  return (bound) => {
    // Mulberry32, a 32-bit generator of a few operations.
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound
  }
}
