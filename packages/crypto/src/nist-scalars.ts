/**
 * Private keys of the NIST curves: scalars from 1 to n - 1, big-endian, as long as the order of the curve.
 */

import { compareBytes, fromHex, wipe } from './bytes.ts'
import { drawRandom, isAllZero } from './checks.ts'
import type { RandomSource } from './cipher-suite.ts'
import { CryptoError } from './errors.ts'
import { KEM, type NistCurveName } from './suite-table.ts'

/** The order n of each curve: SP 800-186 §3.2.1. */
const ORDER: Readonly<Record<NistCurveName, Uint8Array>> = {
  'P-256': fromHex('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551'),
  'P-384': fromHex('ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973'),
  'P-521': fromHex(
    `01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa${'51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409'}`,
  ),
}

/** Whether `bytes` is a private key of `curve`. */
export function isNistScalar(curve: NistCurveName, bytes: Uint8Array): boolean {
  const order = ORDER[curve]
  return bytes.length === order.length && compareBytes(bytes, order) < 0 && !isAllZero(bytes)
}

/** RFC 9180 §7.1.3 `bitmask`, for the first byte of a candidate. */
export function nistScalarMask(curve: NistCurveName): number {
  return curve === 'P-521' ? 0x01 : 0xff
}

/** @throws CryptoError `invalid_private_key` */
export function requireNistScalar(curve: NistCurveName, bytes: Uint8Array): void {
  if (!isNistScalar(curve, bytes)) throw new CryptoError('invalid_private_key', `not a private key of ${curve}`)
}

/** A uniform private key, by rejection. @throws CryptoError `provider_failed` if the source is broken. */
export function randomNistScalar(curve: NistCurveName, random: RandomSource): Uint8Array {
  for (let attempt = 0; attempt < 256; attempt++) {
    const candidate = drawRandom(random, KEM[curve].privateKeySize)
    candidate[0] = (candidate[0] as number) & nistScalarMask(curve)
    if (isNistScalar(curve, candidate)) return candidate
    wipe(candidate)
  }
  throw new CryptoError('provider_failed', 'the random source yields no scalar')
}
