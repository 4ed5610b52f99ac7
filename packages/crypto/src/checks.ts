/**
 * Checks that every provider makes on what it is given, and the one place where the exceptions of a cryptographic
 * library become {@link CryptoError}. The original exception is dropped: its text is not ours to vouch for.
 */

import type { RandomSource } from './cipher-suite.ts'
import { CryptoError, type CryptoErrorCode } from './errors.ts'
import { NONCE_SIZE, TAG_SIZE } from './suite-table.ts'

/** @throws CryptoError with `code` unless `bytes` has exactly `size` bytes. */
export function requireSize(bytes: Uint8Array, size: number, code: CryptoErrorCode, what: string): void {
  if (bytes.length !== size) throw new CryptoError(code, `${what} of ${bytes.length} bytes, not ${size}`)
}

/** @throws CryptoError `invalid_length` unless `length` is an integer from 0 to `max`. */
export function requireOutputLength(length: number, max: number): void {
  if (!Number.isInteger(length) || length < 0 || length > max) {
    throw new CryptoError('invalid_length', `output of ${length} bytes, not 0 to ${max}`)
  }
}

/** @throws CryptoError `invalid_length` */
export function requireAeadSizes(key: Uint8Array, keySize: number, nonce: Uint8Array): void {
  requireSize(key, keySize, 'invalid_length', 'AEAD key')
  requireSize(nonce, NONCE_SIZE, 'invalid_length', 'AEAD nonce')
}

/** @throws CryptoError `open_failed` if the ciphertext has no room for a tag. */
export function requireTag(ciphertext: Uint8Array): void {
  if (ciphertext.length < TAG_SIZE) throw new CryptoError('open_failed', 'ciphertext shorter than its tag')
}

/** @throws CryptoError `provider_failed` if the source does not return `length` bytes. */
export function drawRandom(random: RandomSource, length: number): Uint8Array {
  const bytes = random(length)
  requireSize(bytes, length, 'provider_failed', 'randomness')
  return bytes
}

/** What `operation` returns; whatever it throws becomes a CryptoError with `code`, unless it is one already. */
export function guarded<T>(code: CryptoErrorCode, message: string, operation: () => T): T {
  try {
    return operation()
  } catch (error) {
    throw asCryptoError(error, code, message)
  }
}

/** What {@link guarded} throws for an exception; for the hottest operations, to which its closure would be a cost. */
export function asCryptoError(error: unknown, code: CryptoErrorCode, message: string): CryptoError {
  return error instanceof CryptoError ? error : new CryptoError(code, message)
}

/** {@link guarded} for an operation that returns a promise. */
export async function guardedAsync<T>(code: CryptoErrorCode, message: string, operation: () => Promise<T>): Promise<T> {
  try {
    return await operation()
  } catch (error) {
    throw asCryptoError(error, code, message)
  }
}

/** Whether every byte is zero, in time that depends on the length only. */
export function isAllZero(bytes: Uint8Array): boolean {
  let any = 0
  for (const byte of bytes) any |= byte
  return any === 0
}
