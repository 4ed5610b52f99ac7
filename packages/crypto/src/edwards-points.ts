/**
 * Which byte strings are public keys of Ed25519 and Ed448: canonical encodings (RFC 8032 §5.1.3, §5.2.3) of a point on
 * the curve that has not low order. A key of low order would make one signature valid for many messages. RFC 8032 lets
 * implementations differ here; this package does not, because members that disagree about a signature part for good.
 * Public values only: the arithmetic is not constant-time.
 */

import { fromHex, toHex } from './bytes.ts'
import { requireSize } from './checks.ts'
import { CryptoError } from './errors.ts'
import { EDWARDS_KEY_SIZE, type EdwardsCurveName } from './suite-table.ts'

interface Curve {
  readonly p: bigint
  /** The coefficient of x²: a x² + y² = 1 + d x² y². */
  readonly a: bigint
  readonly d: bigint
  /** The y of every point whose order divides the cofactor. */
  readonly lowOrderY: readonly bigint[]
}

/** What a public key is compared with, laid out as its y is: that takes a fraction of making a number of it. */
interface EncodedCurve {
  readonly p: Uint8Array
  readonly lowOrderY: readonly Uint8Array[]
}

const P25519 = 2n ** 255n - 19n
const P448 = 2n ** 448n - 2n ** 224n - 1n
/** The y of two of the four points of order 8 on edwards25519; the other two have its negative. */
const ORDER_8_Y = 0x7a03ac92_77fdc74e_c6cc392c_fa53202a_0f67100d_760b3cba_4fd84d3d_706a17c7n

const CURVES: Readonly<Record<EdwardsCurveName, Curve>> = {
  Ed25519: {
    p: P25519,
    a: P25519 - 1n,
    d: 0x52036cee2b6ffe738cc740797779e89800700a4d4141d8ab75eb4dca135978a3n,
    lowOrderY: [0n, 1n, P25519 - 1n, ORDER_8_Y, P25519 - ORDER_8_Y],
  },
  Ed448: { p: P448, a: 1n, d: P448 - 39081n, lowOrderY: [0n, 1n, P448 - 1n] },
}

const ENCODED: Readonly<Record<EdwardsCurveName, EncodedCurve>> = {
  Ed25519: encodedCurve('Ed25519'),
  Ed448: encodedCurve('Ed448'),
}

function encodedCurve(curve: EdwardsCurveName): EncodedCurve {
  const encode = (y: bigint): Uint8Array => fromHex(y.toString(16).padStart(2 * EDWARDS_KEY_SIZE[curve], '0')).reverse()
  const { p, lowOrderY } = CURVES[curve]
  return { p: encode(p), lowOrderY: lowOrderY.map(encode) }
}

/** @throws CryptoError `invalid_public_key` */
export function requireEdwardsPoint(curve: EdwardsCurveName, publicKey: Uint8Array): void {
  requireSize(publicKey, EDWARDS_KEY_SIZE[curve], 'invalid_public_key', `${curve} public key`)
  if (!isPlausibleEdwardsPoint(curve, publicKey) || !isOnCurve(curve, publicKey)) {
    throw new CryptoError('invalid_public_key', `not a public key of ${curve}`)
  }
}

/**
 * Whether `publicKey` has the right size, is canonical and is not of low order; all but whether it is on the curve, which
 * verification finds out anyway.
 */
export function isPlausibleEdwardsPoint(curve: EdwardsCurveName, publicKey: Uint8Array): boolean {
  if (publicKey.length !== EDWARDS_KEY_SIZE[curve]) return false
  // RFC 8032 §5.2.3: the last byte of an Ed448 encoding holds the sign only.
  if (curve === 'Ed448' && ((publicKey[56] as number) & 0x7f) !== 0) return false
  const { p, lowOrderY } = ENCODED[curve]
  if (compareY(publicKey, p) >= 0) return false
  for (const y of lowOrderY) if (compareY(publicKey, y) === 0) return false
  return true
}

/** The order of a public key's y and an encoded one: negative, zero or positive. */
function compareY(publicKey: Uint8Array, y: Uint8Array): number {
  const last = y.length - 1
  // RFC 8032 §5.1.3, §5.2.3: y is little-endian, and the top bit of the last byte is the sign of x
  let difference = ((publicKey[last] as number) & 0x7f) - (y[last] as number)
  for (let i = last - 1; i >= 0 && difference === 0; i--) difference = (publicKey[i] as number) - (y[i] as number)
  return difference
}

/** Whether x² = (1 - y²) / (a - d y²) has a root. Low order is excluded before, so x = 0 does not occur. */
function isOnCurve(curve: EdwardsCurveName, publicKey: Uint8Array): boolean {
  const { p, a, d } = CURVES[curve]
  const y = decodeY(publicKey)
  const y2 = (y * y) % p
  const numerator = (1n + p - y2) % p
  const denominator = (a + p - ((d * y2) % p)) % p
  return power((numerator * denominator) % p, (p - 1n) / 2n, p) === 1n
}

/** RFC 8032 §5.1.3, §5.2.3: y is little-endian, and the top bit of the last byte is the sign of x. */
function decodeY(publicKey: Uint8Array): bigint {
  const bytes = publicKey.slice().reverse()
  bytes[0] = (bytes[0] as number) & 0x7f
  return BigInt(`0x${toHex(bytes)}`)
}

/** base ^ exponent modulo p, five bits of the exponent at a time. */
function power(base: bigint, exponent: bigint, p: bigint): bigint {
  const powers = [1n]
  for (let i = 1; i < 32; i++) powers.push(((powers[i - 1] as bigint) * base) % p)
  let result = 1n
  for (const digit of exponent.toString(32)) {
    for (let i = 0; i < 5; i++) result = (result * result) % p
    result = (result * (powers[Number.parseInt(digit, 32)] as bigint)) % p
  }
  return result
}
