/**
 * HKDF (RFC 5869) from HMAC. Measured on Node 24 this is more than three times as fast as `hkdfSync`.
 */

import { requireOutputLength } from './checks.ts'
import type { Hash, Kdf } from './primitives.ts'

const NOTHING: Uint8Array = new Uint8Array(0)

export function hkdf(hash: Hash): Kdf {
  return {
    size: hash.size,
    extract: hash.extract,
    expand: (prk, info, length, infoRest) => expand(hash, prk, info, length, infoRest ?? NOTHING),
  }
}

/** RFC 5869 §2.3: T(i) = HMAC(PRK, T(i-1) | info | i). */
function expand(hash: Hash, prk: Uint8Array, info: Uint8Array, length: number, infoRest: Uint8Array): Uint8Array {
  requireOutputLength(length, 255 * hash.size)
  if (length <= hash.size) return firstBlock(hash, prk, info, length, infoRest)
  const output = new Uint8Array(length)
  let block = new Uint8Array(0)
  for (let offset = 0, i = 1; offset < length; offset += hash.size, i++) {
    const input = new Uint8Array(block.length + info.length + infoRest.length + 1)
    input.set(block)
    input.set(info, block.length)
    input.set(infoRest, block.length + info.length)
    input[input.length - 1] = i
    block.fill(0)
    block = new Uint8Array(hash.mac(prk, input))
    output.set(block.subarray(0, length - offset), offset)
    input.fill(0)
  }
  block.fill(0)
  return output
}

/** The first block, which is all that almost every secret of the protocol takes. */
function firstBlock(hash: Hash, prk: Uint8Array, info: Uint8Array, length: number, infoRest: Uint8Array): Uint8Array {
  const block = hash.expandOnce(prk, info, infoRest)
  if (length === block.length) return block
  const output = block.slice(0, length)
  block.fill(0)
  return output
}
