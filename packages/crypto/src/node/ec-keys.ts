/** Keys on the NIST curves for node:crypto, by way of JWK (RFC 7518 §6.2). */

import { createECDH, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { guarded } from '../checks.ts'
import { requireNistPoint } from '../nist-points.ts'
import { requireNistScalar } from '../nist-scalars.ts'
import type { NistCurveName } from '../suite-table.ts'
import { plain, toBase64Url } from './buffers.ts'
import { OPENSSL_CURVE } from './openssl-names.ts'

interface Coordinates {
  readonly x: string
  readonly y: string
}

/** @throws CryptoError `invalid_private_key` */
export function importEcPrivateKey(crv: NistCurveName, bytes: Uint8Array): KeyObject {
  requireNistScalar(crv, bytes)
  // A private JWK must name a public key; neither signing nor key agreement reads it, so any point does.
  return guarded('invalid_private_key', `not a private key of ${crv}`, () =>
    createPrivateKey({ key: { kty: 'EC', crv, ...BASE_POINT[crv], d: toBase64Url(bytes) }, format: 'jwk' }),
  )
}

/** @throws CryptoError `invalid_public_key` */
export function importEcPublicKey(crv: NistCurveName, bytes: Uint8Array): KeyObject {
  requireNistPoint(crv, bytes)
  return guarded('invalid_public_key', `not a public key of ${crv}`, () =>
    createPublicKey({ key: { kty: 'EC', crv, ...coordinates(bytes) }, format: 'jwk' }),
  )
}

/** The uncompressed point that belongs to a private key. @throws CryptoError `invalid_private_key` */
export function ecPublicKey(curve: NistCurveName, privateKey: Uint8Array): Uint8Array {
  requireNistScalar(curve, privateKey)
  return guarded('invalid_private_key', `not a private key of ${curve}`, () => multiplyBasePoint(curve, privateKey))
}

const BASE_POINT: Readonly<Record<NistCurveName, Coordinates>> = {
  'P-256': coordinates(multiplyBasePoint('P-256', Uint8Array.of(1))),
  'P-384': coordinates(multiplyBasePoint('P-384', Uint8Array.of(1))),
  'P-521': coordinates(multiplyBasePoint('P-521', Uint8Array.of(1))),
}

function multiplyBasePoint(curve: NistCurveName, scalar: Uint8Array): Uint8Array {
  const key = createECDH(OPENSSL_CURVE[curve])
  key.setPrivateKey(scalar)
  return plain(key.getPublicKey())
}

function coordinates(point: Uint8Array): Coordinates {
  const middle = 1 + (point.length - 1) / 2
  return { x: toBase64Url(point.subarray(1, middle)), y: toBase64Url(point.subarray(middle)) }
}
