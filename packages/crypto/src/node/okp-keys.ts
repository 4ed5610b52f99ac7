/**
 * Keys of X25519, X448, Ed25519 and Ed448 for node:crypto, which takes raw bytes only in some wrapping. Which one is
 * quick depends on the version, by a factor of two to ten: JWK (RFC 8037), until OpenSSL 3.5 learned to parse PEM
 * (RFC 8410) fast and Node 24 to look for a KeyObject in a JWK by way of exceptions. Both are here.
 */

import { Buffer } from 'node:buffer'
import { constants, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { guarded } from '../checks.ts'
import type { EdwardsCurveName, MontgomeryCurveName } from '../suite-table.ts'
import { fromBase64Url, toBase64Url } from './buffers.ts'

export type OkpCurveName = EdwardsCurveName | MontgomeryCurveName

export interface OkpWrapping {
  privateKey(curve: OkpCurveName, bytes: Uint8Array): KeyObject
  publicKey(curve: OkpCurveName, bytes: Uint8Array): KeyObject
}

/**
 * RFC 8037. A private JWK must name a public key too, but OpenSSL derives it from the private key and reads only the size
 * of what is there; so zeros stand in its place.
 */
export const jwk: OkpWrapping = {
  privateKey(crv, bytes) {
    const x = toBase64Url(new Uint8Array(bytes.length))
    return createPrivateKey({ key: { kty: 'OKP', crv, x, d: toBase64Url(bytes) }, format: 'jwk' })
  },
  publicKey: (crv, bytes) => createPublicKey({ key: { kty: 'OKP', crv, x: toBase64Url(bytes) }, format: 'jwk' }),
}

/** What precedes the key in PKCS #8 and in SubjectPublicKeyInfo: RFC 8410 §7 and §4. */
const DER_PREFIX: Readonly<Record<OkpCurveName, { readonly pkcs8: Buffer; readonly spki: Buffer }>> = {
  X25519: derPrefixes('302e020100300506032b656e04220420', '302a300506032b656e032100'),
  X448: derPrefixes('3046020100300506032b656f043a0438', '3042300506032b656f033900'),
  Ed25519: derPrefixes('302e020100300506032b657004220420', '302a300506032b6570032100'),
  Ed448: derPrefixes('3047020100300506032b6571043b0439', '3043300506032b6571033a00'),
}

function derPrefixes(pkcs8: string, spki: string): { readonly pkcs8: Buffer; readonly spki: Buffer } {
  return { pkcs8: Buffer.from(pkcs8, 'hex'), spki: Buffer.from(spki, 'hex') }
}

/** RFC 8410 in the text form of RFC 7468. */
export const pem: OkpWrapping = {
  privateKey(curve, bytes) {
    const der = Buffer.concat([DER_PREFIX[curve].pkcs8, bytes])
    const text = `-----BEGIN PRIVATE KEY-----\n${der.toString('base64')}\n-----END PRIVATE KEY-----`
    der.fill(0)
    return createPrivateKey(text)
  },
  publicKey(curve, bytes) {
    const der = Buffer.concat([DER_PREFIX[curve].spki, bytes])
    return createPublicKey(`-----BEGIN PUBLIC KEY-----\n${der.toString('base64')}\n-----END PUBLIC KEY-----`)
  },
}

/** `constants.OPENSSL_VERSION_NUMBER` of OpenSSL 3.5.0. */
const OPENSSL_3_5 = 0x30500000

/** The quicker one for a version of OpenSSL, given as OPENSSL_VERSION_NUMBER. */
export function quickestWrapping(opensslVersion: number): OkpWrapping {
  return opensslVersion >= OPENSSL_3_5 ? pem : jwk
}

const wrapping = quickestWrapping(constants.OPENSSL_VERSION_NUMBER)

/** `bytes` must have the size of a private key. @throws CryptoError `invalid_private_key` */
export function importOkpPrivateKey(curve: OkpCurveName, bytes: Uint8Array): KeyObject {
  return guarded('invalid_private_key', `not a private key of ${curve}`, () => wrapping.privateKey(curve, bytes))
}

/** `bytes` must have the size of a public key. @throws CryptoError `invalid_public_key` */
export function importOkpPublicKey(curve: OkpCurveName, bytes: Uint8Array): KeyObject {
  return guarded('invalid_public_key', `not a public key of ${curve}`, () => wrapping.publicKey(curve, bytes))
}

/** The raw public key of a private key. */
export function exportOkpPublicKey(privateKey: KeyObject): Uint8Array {
  return guarded('provider_failed', 'no public key', () => {
    const { x } = createPublicKey(privateKey).export({ format: 'jwk' })
    return fromBase64Url(x as string)
  })
}
