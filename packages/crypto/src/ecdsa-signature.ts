/**
 * The two encodings of an ECDSA signature: DER (RFC 3279 §2.2.3), which MLS has on the wire like TLS 1.3, and the fixed
 * one of IEEE P1363, r followed by s, which WebCrypto speaks. The parser takes DER only, not BER: one signature, one
 * encoding.
 */

import { concatBytes } from './bytes.ts'

const SEQUENCE = 0x30
const INTEGER = 0x02
/** The first byte of a length of one more byte; no signature is longer than 255 bytes. */
const LONG_FORM = 0x81

/** From r followed by s, each of the size of the order, to DER. */
export function encodeDerSignature(fixed: Uint8Array): Uint8Array {
  const size = fixed.length / 2
  const body = concatBytes(encodeInteger(fixed.subarray(0, size)), encodeInteger(fixed.subarray(size)))
  const length = body.length < 0x80 ? [body.length] : [LONG_FORM, body.length]
  return Uint8Array.of(SEQUENCE, ...length, ...body)
}

/** From DER to r followed by s, each of `size` bytes; undefined if it is not DER or does not fit. */
export function decodeDerSignature(der: Uint8Array, size: number): Uint8Array | undefined {
  const sequence = takeElement(der, SEQUENCE)
  if (sequence === undefined || sequence.rest.length > 0) return undefined
  const r = takeElement(sequence.content, INTEGER)
  if (r === undefined) return undefined
  const s = takeElement(r.rest, INTEGER)
  if (s === undefined || s.rest.length > 0) return undefined
  const fixed = new Uint8Array(2 * size)
  const fits = putInteger(r.content, fixed.subarray(0, size)) && putInteger(s.content, fixed.subarray(size))
  return fits ? fixed : undefined
}

/** X.690 §8.3: without leading zeros, but one before a set top bit, which would be a sign. */
function encodeInteger(bytes: Uint8Array): Uint8Array {
  let start = 0
  while (start < bytes.length - 1 && bytes[start] === 0) start++
  const magnitude = bytes.subarray(start)
  const sign = (magnitude[0] as number) & 0x80 ? [0] : []
  return Uint8Array.of(INTEGER, sign.length + magnitude.length, ...sign, ...magnitude)
}

interface Element {
  readonly content: Uint8Array
  readonly rest: Uint8Array
}

/** X.690 §10.1: the length in as few bytes as possible. */
function takeElement(bytes: Uint8Array, tag: number): Element | undefined {
  if (bytes[0] !== tag || bytes[1] === undefined) return undefined
  let length = bytes[1]
  let start = 2
  if (length === LONG_FORM) {
    length = bytes[2] ?? 0
    start = 3
    if (length < 0x80) return undefined
  } else if (length >= 0x80) {
    return undefined
  }
  const end = start + length
  if (end > bytes.length) return undefined
  return { content: bytes.subarray(start, end), rest: bytes.subarray(end) }
}

/** Right-aligns a DER integer in `target`; false if it is negative, not minimal or too large. */
function putInteger(content: Uint8Array, target: Uint8Array): boolean {
  const first = content[0]
  if (first === undefined || first >= 0x80) return false
  const second = content[1]
  if (first === 0 && second !== undefined && second < 0x80) return false
  const magnitude = first === 0 ? content.subarray(1) : content
  if (magnitude.length > target.length) return false
  target.set(magnitude, target.length - magnitude.length)
  return true
}
