/** Diffie-Hellman on the NIST curves by @noble/curves. */

import { guarded, requireSize } from '../checks.ts'
import { requireNistScalar } from '../nist-scalars.ts'
import type { DiffieHellman } from '../primitives.ts'
import { KEM, type NistCurveName } from '../suite-table.ts'
import { NIST_CURVES } from './nist-curves.ts'

export function nobleEcDh(curve: NistCurveName): DiffieHellman {
  const group = NIST_CURVES[curve]
  const { publicKeySize } = KEM[curve]

  function requirePoint(publicKey: Uint8Array): void {
    // A compressed point has another size.
    requireSize(publicKey, publicKeySize, 'invalid_public_key', `${curve} public key`)
    guarded('invalid_public_key', `not a point of ${curve}`, () => group.Point.fromBytes(publicKey).assertValidity())
  }

  return {
    importPrivateKey(bytes) {
      requireNistScalar(curve, bytes)
      const privateKey = bytes.slice()
      return {
        publicKey: () =>
          guarded('invalid_private_key', `not a private key of ${curve}`, () => group.getPublicKey(privateKey, false)),
        agree(publicKey) {
          requirePoint(publicKey)
          // RFC 9180 §4.1: the shared secret is the x-coordinate alone.
          return guarded('kem_failed', 'key agreement failed', () =>
            group.getSharedSecret(privateKey, publicKey, true).slice(1),
          )
        },
      }
    },
    validatePublicKey: requirePoint,
  }
}
