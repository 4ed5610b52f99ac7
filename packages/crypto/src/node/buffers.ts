/** Between node's Buffers and the plain byte arrays of this library, and between bytes and the texts of a JWK. */

import { Buffer } from 'node:buffer'

/**
 * The bytes of a Buffer that node made for us, as a plain Uint8Array: a Buffer's `slice` would alias. Copies only what
 * lies in a shared pool.
 */
export function plain(buffer: Buffer): Uint8Array {
  return buffer.byteLength === buffer.buffer.byteLength
    ? new Uint8Array(buffer.buffer, 0, buffer.byteLength)
    : new Uint8Array(buffer)
}

export function toBase64Url(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64url')
}

export function fromBase64Url(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'base64url'))
}
