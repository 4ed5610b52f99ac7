/**
 * Ed25519 and ECDSA by WebCrypto. What it signs with ECDSA is not deterministic, even when the passed randomness is.
 */

import { drawRandom, guardedAsync } from '../checks.ts'
import { decodeDerSignature, encodeDerSignature } from '../ecdsa-signature.ts'
import { isPlausibleEdwardsPoint, requireEdwardsPoint } from '../edwards-points.ts'
import { isNistPoint, requireNistPoint } from '../nist-points.ts'
import { randomNistScalar } from '../nist-scalars.ts'
import type { SignatureScheme } from '../primitives.ts'
import { ECDSA_HASH, isNistCurve, KEM, type NistCurveName } from '../suite-table.ts'
import { type CryptoKey, importPrivateKey, importPublicKey, publicKeyOf } from './keys.ts'

export type WebCryptoSignatureName = 'Ed25519' | NistCurveName

export function webCryptoSignature(curve: WebCryptoSignatureName): SignatureScheme {
  const algorithm = isNistCurve(curve) ? { name: 'ECDSA', hash: ECDSA_HASH[curve] } : { name: 'Ed25519' }

  function signWith(key: CryptoKey, message: Uint8Array): Promise<Uint8Array> {
    return guardedAsync('provider_failed', 'signing failed', async () => {
      const signature = new Uint8Array(await globalThis.crypto.subtle.sign(algorithm, key, Uint8Array.from(message)))
      return isNistCurve(curve) ? encodeDerSignature(signature) : signature
    })
  }

  return {
    async generateKeyPair(random) {
      const privateKey = isNistCurve(curve) ? randomNistScalar(curve, random) : drawRandom(random, 32)
      return { privateKey, publicKey: await publicKeyOf(curve, 'sign', privateKey) }
    },
    validatePublicKey(publicKey) {
      if (isNistCurve(curve)) requireNistPoint(curve, publicKey)
      else requireEdwardsPoint(curve, publicKey)
    },
    publicKey: (privateKey) => publicKeyOf(curve, 'sign', privateKey),
    async sign(privateKey, message) {
      return signWith(await importPrivateKey(curve, 'sign', privateKey, 'not extractable'), message)
    },
    async verify(publicKey, message, signature) {
      const plausible = isNistCurve(curve) ? isNistPoint(curve, publicKey) : isPlausibleEdwardsPoint(curve, publicKey)
      const raw = isNistCurve(curve) ? decodeDerSignature(signature, KEM[curve].privateKeySize) : signature
      if (!plausible || raw === undefined) return false
      try {
        const key = await importPublicKey(curve, 'sign', publicKey)
        return await globalThis.crypto.subtle.verify(algorithm, key, Uint8Array.from(raw), Uint8Array.from(message))
      } catch {
        return false
      }
    },
    // engines have threads for these, how many nobody knows
    verificationsAtOnce: 256,
    async importSigner(privateKey) {
      const [publicKey, key] = await Promise.all([
        publicKeyOf(curve, 'sign', privateKey),
        importPrivateKey(curve, 'sign', privateKey, 'not extractable'),
      ])
      return { publicKey, sign: (message) => signWith(key, message) }
    },
  }
}
