/**
 * Keys of this library for WebCrypto: raw public keys as they are, raw private keys inside PKCS #8 (RFC 5958), since
 * WebCrypto takes no raw ones.
 */

import { ed25519, x25519 } from '@noble/curves/ed25519.js'
import { concatBytes, fromHex, wipe } from '../bytes.ts'
import { guardedAsync, requireSize } from '../checks.ts'
import { requireNistScalar } from '../nist-scalars.ts'
import { NIST_CURVES } from '../noble/nist-curves.ts'
import { isNistCurve, KEM, type NistCurveName } from '../suite-table.ts'

/** The curves that WebCrypto has everywhere. */
export type WebCryptoCurve = 'X25519' | 'Ed25519' | NistCurveName
/** What a key on a NIST curve is for; the other curves have one use. */
export type KeyUse = 'agree' | 'sign'

type Subtle = typeof globalThis.crypto.subtle
export type CryptoKey = Awaited<ReturnType<Subtle['importKey']>>

/** What precedes the private key in PKCS #8: RFC 8410 §7, RFC 5915 §3 without the public key. */
const PKCS8_PREFIX: Readonly<Record<WebCryptoCurve, Uint8Array>> = {
  X25519: fromHex('302e020100300506032b656e04220420'),
  Ed25519: fromHex('302e020100300506032b657004220420'),
  'P-256': fromHex('3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420'),
  'P-384': fromHex('304e020100301006072a8648ce3d020106052b81040022043730350201010430'),
  'P-521': fromHex('3060020100301006072a8648ce3d020106052b81040023044930470201010442'),
}

/** X25519 and Ed25519. */
const OWN_CURVE_KEY_SIZE = 32

function algorithm(curve: WebCryptoCurve, use: KeyUse): { readonly name: string; readonly namedCurve?: NistCurveName } {
  if (!isNistCurve(curve)) return { name: curve }
  return { name: use === 'sign' ? 'ECDSA' : 'ECDH', namedCurve: curve }
}

/** The key for {@link exportPublicKey} must be extractable; any other need not. */
export function importPrivateKey(
  curve: WebCryptoCurve,
  use: KeyUse,
  bytes: Uint8Array,
  extractable: 'extractable' | 'not extractable',
): Promise<CryptoKey> {
  // After the checks, no private key is invalid: what fails is WebCrypto.
  return guardedAsync('provider_failed', `no private key of ${curve}`, async () => {
    if (isNistCurve(curve)) requireNistScalar(curve, bytes)
    else requireSize(bytes, OWN_CURVE_KEY_SIZE, 'invalid_private_key', `${curve} private key`)
    const pkcs8 = concatBytes(PKCS8_PREFIX[curve], bytes)
    try {
      return await globalThis.crypto.subtle.importKey(
        'pkcs8',
        pkcs8,
        algorithm(curve, use),
        extractable === 'extractable',
        [use === 'sign' ? 'sign' : 'deriveBits'],
      )
    } finally {
      wipe(pkcs8)
    }
  })
}

export function importPublicKey(curve: WebCryptoCurve, use: KeyUse, bytes: Uint8Array): Promise<CryptoKey> {
  return guardedAsync('invalid_public_key', `not a public key of ${curve}`, () =>
    globalThis.crypto.subtle.importKey(
      'raw',
      Uint8Array.from(bytes),
      algorithm(curve, use),
      true,
      use === 'sign' ? ['verify'] : [],
    ),
  )
}

/** The raw public key that belongs to a private key. */
export async function publicKeyOf(curve: WebCryptoCurve, use: KeyUse, privateKey: Uint8Array): Promise<Uint8Array> {
  return exportPublicKey(curve, await importPrivateKey(curve, use, privateKey, 'extractable'), privateKey)
}

/** The raw public key that belongs to `key`, the imported `privateKey`: WebCrypto tells it in a JWK only. */
export async function exportPublicKey(
  curve: WebCryptoCurve,
  key: CryptoKey,
  privateKey: Uint8Array,
): Promise<Uint8Array> {
  try {
    const { x, y } = await globalThis.crypto.subtle.exportKey('jwk', key)
    return fromCoordinates(curve, x, y)
  } catch {
    // Firefox exports no JWK of a private key on a NIST curve that came without its public key.
    return noblePublicKey(curve, privateKey)
  }
}

function fromCoordinates(curve: WebCryptoCurve, x: string | undefined, y: string | undefined): Uint8Array {
  if (x === undefined) throw new TypeError('no public key in the JWK')
  if (!isNistCurve(curve)) return fromBase64Url(x)
  if (y === undefined) throw new TypeError('no point in the JWK')
  const point = concatBytes(Uint8Array.of(4), fromBase64Url(x), fromBase64Url(y))
  requireSize(point, KEM[curve].publicKeySize, 'provider_failed', 'point in the JWK')
  return point
}

function fromBase64Url(text: string): Uint8Array {
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'))
  return Uint8Array.from(binary, (character) => character.charCodeAt(0))
}

function noblePublicKey(curve: WebCryptoCurve, privateKey: Uint8Array): Uint8Array {
  if (isNistCurve(curve)) return NIST_CURVES[curve].getPublicKey(privateKey, false)
  return curve === 'X25519' ? x25519.getPublicKey(privateKey) : ed25519.getPublicKey(privateKey)
}
