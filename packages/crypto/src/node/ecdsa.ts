/**
 * ECDSA on the NIST curves by node:crypto. Signatures are DER, as TLS 1.3 has them (RFC 9420 §5.1.2). OpenSSL draws the
 * nonces itself, so that signing is not deterministic here even when the passed randomness is.
 */

import { createECDH, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import { guarded } from '../checks.ts'
import { requireNistPoint } from '../nist-points.ts'
import { randomNistScalar, requireNistScalar } from '../nist-scalars.ts'
import type { SignatureScheme } from '../primitives.ts'
import { ECDSA_HASH, type NistCurveName } from '../suite-table.ts'
import { plain, toBase64Url } from './buffers.ts'
import { type KeyCache, keyCache } from './key-cache.ts'
import { OPENSSL_CURVE, OPENSSL_HASH } from './openssl-names.ts'

export function nodeEcdsa(curve: NistCurveName): SignatureScheme {
  const algorithm = OPENSSL_HASH[ECDSA_HASH[curve]]
  // Importing a point takes as long as verifying a signature of P-256.
  const publicKeys: KeyCache = keyCache((publicKey) => importPublicKey(curve, publicKey))

  function publicKeyOf(privateKey: Uint8Array): Uint8Array {
    requireNistScalar(curve, privateKey)
    return guarded('invalid_private_key', `not a private key of ${curve}`, () => {
      const key = createECDH(OPENSSL_CURVE[curve])
      key.setPrivateKey(privateKey)
      return plain(key.getPublicKey())
    })
  }

  function signWith(key: KeyObject, message: Uint8Array): Uint8Array {
    return guarded('provider_failed', 'signing failed', () => plain(sign(algorithm, message, key)))
  }

  return {
    async generateKeyPair(random) {
      const privateKey = randomNistScalar(curve, random)
      return { privateKey, publicKey: publicKeyOf(privateKey) }
    },
    validatePublicKey: (publicKey) => requireNistPoint(curve, publicKey),
    publicKey: async (privateKey) => publicKeyOf(privateKey),
    sign: async (privateKey, message) => signWith(importPrivateKey(curve, privateKey), message),
    async verify(publicKey, message, signature) {
      try {
        return verify(algorithm, message, publicKeys.get(publicKey), signature)
      } catch {
        return false
      }
    },
    async importSigner(privateKey) {
      const publicKey = publicKeyOf(privateKey)
      const key = importPrivateKey(curve, privateKey)
      return { publicKey, sign: async (message) => signWith(key, message) }
    },
  }
}

/** The base point of each curve (SP 800-186 §3.2.1), as the coordinates of a JWK. */
const BASE_POINT: Readonly<Record<NistCurveName, { readonly x: string; readonly y: string }>> = {
  'P-256': coordinates('P-256'),
  'P-384': coordinates('P-384'),
  'P-521': coordinates('P-521'),
}

function coordinates(curve: NistCurveName): { readonly x: string; readonly y: string } {
  const one = createECDH(OPENSSL_CURVE[curve])
  one.setPrivateKey(Uint8Array.of(1))
  return pointCoordinates(plain(one.getPublicKey()))
}

function pointCoordinates(point: Uint8Array): { readonly x: string; readonly y: string } {
  const middle = 1 + (point.length - 1) / 2
  return { x: toBase64Url(point.subarray(1, middle)), y: toBase64Url(point.subarray(middle)) }
}

function importPrivateKey(curve: NistCurveName, bytes: Uint8Array): KeyObject {
  requireNistScalar(curve, bytes)
  // A private JWK must name a public key; signing reads the scalar only, so any point does.
  return guarded('invalid_private_key', `not a private key of ${curve}`, () =>
    createPrivateKey({
      key: { kty: 'EC', crv: curve, ...BASE_POINT[curve], d: toBase64Url(bytes) },
      format: 'jwk',
    }),
  )
}

function importPublicKey(curve: NistCurveName, bytes: Uint8Array): KeyObject {
  requireNistPoint(curve, bytes)
  return guarded('invalid_public_key', `not a public key of ${curve}`, () =>
    createPublicKey({ key: { kty: 'EC', crv: curve, ...pointCoordinates(bytes) }, format: 'jwk' }),
  )
}
