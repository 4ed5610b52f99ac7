/**
 * Which byte strings are public keys of P-256, P-384 and P-521: uncompressed points on the curve (RFC 9180 §7.1.1,
 * RFC 9420 §5.1.2). These curves have cofactor 1, so a point on the curve has the right order. Public values only: the
 * arithmetic is not constant-time.
 */

import { toHex } from './bytes.ts'
import { requireSize } from './checks.ts'
import { CryptoError } from './errors.ts'
import { KEM, type NistCurveName } from './suite-table.ts'

interface Curve {
  readonly p: bigint
  readonly b: bigint
}

/** SP 800-186 §3.2.1: y² = x³ - 3x + b modulo p. */
const CURVES: Readonly<Record<NistCurveName, Curve>> = {
  'P-256': {
    p: 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n,
    b: 0x5ac635d8_aa3a93e7_b3ebbd55_769886bc_651d06b0_cc53b0f6_3bce3c3e_27d2604bn,
  },
  'P-384': {
    p: 2n ** 384n - 2n ** 128n - 2n ** 96n + 2n ** 32n - 1n,
    b: 0xb3312fa7_e23ee7e4_988e056b_e3f82d19_181d9c6e_fe814112_0314088f_5013875a_c656398d_8a2ed19d_2a85c8ed_d3ec2aefn,
  },
  'P-521': {
    p: 2n ** 521n - 1n,
    b: 0x0051_953eb961_8e1c9a1f_929a21a0_b68540ee_a2da725b_99b315f3_b8b48991_8ef109e1_56193951_ec7e937b_1652c0bd_3bb1bf07_3573df88_3d2c34f1_ef451fd4_6b503f00n,
  },
}

/** SEC 1 §2.3.3: the first byte of an uncompressed point. */
const UNCOMPRESSED = 0x04

/** @throws CryptoError `invalid_public_key` unless `publicKey` is an uncompressed point of `curve`. */
export function requireNistPoint(curve: NistCurveName, publicKey: Uint8Array): void {
  requireSize(publicKey, KEM[curve].publicKeySize, 'invalid_public_key', `${curve} public key`)
  if (!isOnCurve(curve, publicKey)) throw new CryptoError('invalid_public_key', `not a point of ${curve}`)
}

/** Whether `publicKey` is an uncompressed point of `curve`. */
export function isNistPoint(curve: NistCurveName, publicKey: Uint8Array): boolean {
  return publicKey.length === KEM[curve].publicKeySize && isOnCurve(curve, publicKey)
}

function isOnCurve(curve: NistCurveName, publicKey: Uint8Array): boolean {
  if (publicKey[0] !== UNCOMPRESSED) return false
  const { p, b } = CURVES[curve]
  const middle = 1 + (publicKey.length - 1) / 2
  const x = toBigInt(publicKey.subarray(1, middle))
  const y = toBigInt(publicKey.subarray(middle))
  if (x >= p || y >= p) return false
  // x³ - 3x + b - y², without a negative remainder.
  return (((x * x) % p) * x + b + 3n * (p - x) + (p - ((y * y) % p))) % p === 0n
}

function toBigInt(bytes: Uint8Array): bigint {
  return BigInt(`0x${toHex(bytes)}`)
}
