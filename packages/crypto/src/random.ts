/** The system's source of randomness, the only ambient one in this package; whoever wants it passes it in. */

import type { RandomSource } from './cipher-suite.ts'

/** `getRandomValues` refuses to fill more than this in one call. */
const CHUNK_BYTES = 65_536

/** Fresh bytes from the operating system, through Web Crypto; any length. */
export const systemRandom: RandomSource = (length) => {
  const bytes = new Uint8Array(length)
  for (let offset = 0; offset < length; offset += CHUNK_BYTES) {
    globalThis.crypto.getRandomValues(bytes.subarray(offset, offset + CHUNK_BYTES))
  }
  return bytes
}
