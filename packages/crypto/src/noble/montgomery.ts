/** X25519 and X448 by @noble/curves. */

import { x448 } from '@noble/curves/ed448.js'
import { x25519 } from '@noble/curves/ed25519.js'
import { guarded, isAllZero, requireSize } from '../checks.ts'
import { CryptoError } from '../errors.ts'
import { requireMontgomeryPoint } from '../montgomery-points.ts'
import type { DiffieHellman } from '../primitives.ts'
import { KEM, type MontgomeryCurveName } from '../suite-table.ts'

const GROUPS = { X25519: x25519, X448: x448 } as const

export function nobleMontgomery(curve: MontgomeryCurveName): DiffieHellman {
  const group = GROUPS[curve]
  const { privateKeySize, publicKeySize } = KEM[curve]
  return {
    importPrivateKey(bytes) {
      requireSize(bytes, privateKeySize, 'invalid_private_key', `${curve} private key`)
      const privateKey = bytes.slice()
      return {
        publicKey: () =>
          guarded('invalid_private_key', `not a private key of ${curve}`, () => group.getPublicKey(privateKey)),
        agree(publicKey) {
          requireSize(publicKey, publicKeySize, 'invalid_public_key', `${curve} public key`)
          const secret = guarded('kem_failed', 'key agreement failed', () =>
            group.getSharedSecret(privateKey, publicKey),
          )
          // RFC 9180 §7.1.4: the all-zero secret must be refused. The library does; this does not depend on it.
          if (isAllZero(secret)) throw new CryptoError('kem_failed', 'the shared secret is zero')
          return secret
        },
      }
    },
    validatePublicKey: (publicKey) => requireMontgomeryPoint(curve, publicKey),
  }
}
