/**
 * Which byte strings are public keys of X25519 and X448. RFC 7748 gives every string of the right size a meaning, so
 * that only points of low order remain to be refused: with them the shared secret is all zero (RFC 7748 §6.1, §6.2;
 * RFC 9180 §7.1.4). Needs no arithmetic: there are few such points.
 */

import { fromHex } from './bytes.ts'
import { requireSize } from './checks.ts'
import { CryptoError } from './errors.ts'
import { KEM, type MontgomeryCurveName } from './suite-table.ts'

const zeros = (bytes: number): string => '00'.repeat(bytes)
const ones = (bytes: number): string => 'ff'.repeat(bytes)

/** Every encoding of every u of low order on the curve or its twist, canonical or not; the top bit of X25519 is clear. */
const LOW_ORDER: Readonly<Record<MontgomeryCurveName, readonly Uint8Array[]>> = {
  X25519: [
    `00${zeros(31)}`,
    `01${zeros(31)}`,
    'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
    '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
    `ec${ones(30)}7f`,
    `ed${ones(30)}7f`,
    `ee${ones(30)}7f`,
  ].map(fromHex),
  X448: [
    `00${zeros(55)}`,
    `01${zeros(55)}`,
    `fe${ones(27)}fe${ones(27)}`,
    `${ones(28)}fe${ones(27)}`,
    `${zeros(28)}${ones(28)}`,
  ].map(fromHex),
}

/** @throws CryptoError `invalid_public_key` if `publicKey` has another size or low order. */
export function requireMontgomeryPoint(curve: MontgomeryCurveName, publicKey: Uint8Array): void {
  requireSize(publicKey, KEM[curve].publicKeySize, 'invalid_public_key', `${curve} public key`)
  if (hasLowOrder(curve, publicKey)) throw new CryptoError('invalid_public_key', `${curve} public key of low order`)
}

/** Whether a public key of the right size has low order. */
export function hasLowOrder(curve: MontgomeryCurveName, publicKey: Uint8Array): boolean {
  // RFC 7748 §5: X25519 ignores the top bit of the last byte; X448 uses all bits.
  const lastMask = curve === 'X25519' ? 0x7f : 0xff
  const last = publicKey.length - 1
  const lastByte = (publicKey[last] as number) & lastMask
  for (const point of LOW_ORDER[curve]) {
    if (lastByte !== point[last]) continue
    let i = 0
    while (i < last && publicKey[i] === point[i]) i++
    if (i === last) return true
  }
  return false
}
