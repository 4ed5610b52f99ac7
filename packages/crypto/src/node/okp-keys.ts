/**
 * Keys of X25519, X448, Ed25519 and Ed448 for node:crypto, by way of JWK (RFC 8037): raw bytes as DER take ten times as
 * long. A private JWK must name a public key too, but OpenSSL derives it from the private key and reads only the size of
 * what is there; so zeros stand in its place.
 */

import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { guarded } from '../checks.ts'
import type { EdwardsCurveName, MontgomeryCurveName } from '../suite-table.ts'
import { fromBase64Url, toBase64Url } from './buffers.ts'

export function importOkpPrivateKey(crv: EdwardsCurveName | MontgomeryCurveName, bytes: Uint8Array): KeyObject {
  return guarded('invalid_private_key', `not a private key of ${crv}`, () => {
    const x = toBase64Url(new Uint8Array(bytes.length))
    return createPrivateKey({ key: { kty: 'OKP', crv, x, d: toBase64Url(bytes) }, format: 'jwk' })
  })
}

export function importOkpPublicKey(crv: EdwardsCurveName | MontgomeryCurveName, bytes: Uint8Array): KeyObject {
  return guarded('invalid_public_key', `not a public key of ${crv}`, () =>
    createPublicKey({ key: { kty: 'OKP', crv, x: toBase64Url(bytes) }, format: 'jwk' }),
  )
}

/** The raw public key of a private key. */
export function exportOkpPublicKey(privateKey: KeyObject): Uint8Array {
  return guarded('provider_failed', 'no public key', () => {
    const { x } = createPublicKey(privateKey).export({ format: 'jwk' })
    return fromBase64Url(x as string)
  })
}
