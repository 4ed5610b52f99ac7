/** Diffie-Hellman on the NIST curves by node:crypto. */

import { createECDH } from 'node:crypto'
import { guarded } from '../checks.ts'
import { requireNistPoint } from '../nist-points.ts'
import { requireNistScalar } from '../nist-scalars.ts'
import type { DiffieHellman } from '../primitives.ts'
import type { NistCurveName } from '../suite-table.ts'
import { plain } from './buffers.ts'
import { OPENSSL_CURVE } from './openssl-names.ts'

export function nodeEcDh(curve: NistCurveName): DiffieHellman {
  return {
    importPrivateKey(bytes) {
      requireNistScalar(curve, bytes)
      const key = guarded('invalid_private_key', `not a private key of ${curve}`, () => {
        const ecdh = createECDH(OPENSSL_CURVE[curve])
        ecdh.setPrivateKey(bytes)
        return ecdh
      })
      return {
        publicKey: () => plain(key.getPublicKey()),
        agree(publicKey) {
          requireNistPoint(curve, publicKey)
          return guarded('kem_failed', 'key agreement failed', () => plain(key.computeSecret(publicKey)))
        },
      }
    },
    validatePublicKey: (publicKey) => requireNistPoint(curve, publicKey),
  }
}
