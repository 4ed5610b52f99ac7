/** ECDSA on the NIST curves by @noble/curves; deterministic (RFC 6979). Signatures are DER, as TLS 1.3 has them. */

import { guarded, requireSize } from '../checks.ts'
import { randomNistScalar, requireNistScalar } from '../nist-scalars.ts'
import type { SignatureScheme } from '../primitives.ts'
import { KEM, type NistCurveName } from '../suite-table.ts'
import { NIST_CURVES } from './nist-curves.ts'

export function nobleEcdsa(curve: NistCurveName): SignatureScheme {
  const scheme = NIST_CURVES[curve]
  const { publicKeySize } = KEM[curve]

  function publicKeyOf(privateKey: Uint8Array): Uint8Array {
    requireNistScalar(curve, privateKey)
    return guarded('invalid_private_key', `not a private key of ${curve}`, () => scheme.getPublicKey(privateKey, false))
  }

  function sign(privateKey: Uint8Array, message: Uint8Array): Uint8Array {
    requireNistScalar(curve, privateKey)
    return guarded('provider_failed', 'signing failed', () =>
      scheme.sign(message, privateKey, { format: 'der', lowS: false }),
    )
  }

  return {
    async generateKeyPair(random) {
      const privateKey = randomNistScalar(curve, random)
      return { privateKey, publicKey: publicKeyOf(privateKey) }
    },
    validatePublicKey(publicKey) {
      requireSize(publicKey, publicKeySize, 'invalid_public_key', `${curve} public key`)
      guarded('invalid_public_key', `not a point of ${curve}`, () => scheme.Point.fromBytes(publicKey).assertValidity())
    },
    publicKey: async (privateKey) => publicKeyOf(privateKey),
    sign: async (privateKey, message) => sign(privateKey, message),
    async verify(publicKey, message, signature) {
      if (publicKey.length !== publicKeySize) return false
      try {
        return scheme.verify(signature, message, publicKey, { format: 'der', lowS: false })
      } catch {
        return false
      }
    },
    verificationsAtOnce: 1,
    async importSigner(privateKey) {
      const publicKey = publicKeyOf(privateKey)
      const key = privateKey.slice()
      return { publicKey, sign: async (message) => sign(key, message) }
    },
  }
}
