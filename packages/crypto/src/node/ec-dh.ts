/**
 * Diffie-Hellman on the NIST curves by node:crypto. With KeyObjects: the ECDH class of node:crypto checks its own key
 * again in every agreement, by a multiplication with the order of the curve.
 */

import { diffieHellman } from 'node:crypto'
import { guarded } from '../checks.ts'
import { requireNistPoint } from '../nist-points.ts'
import type { DiffieHellman } from '../primitives.ts'
import type { NistCurveName } from '../suite-table.ts'
import { plain } from './buffers.ts'
import { ecPublicKey, importEcPrivateKey, importEcPublicKey } from './ec-keys.ts'
import { keyCache } from './key-cache.ts'

export function nodeEcDh(curve: NistCurveName): DiffieHellman {
  // Most keys of a ratchet tree outlive many commits, and each commit seals to some of them.
  const recipients = keyCache((publicKey) => importEcPublicKey(curve, publicKey))
  return {
    importPrivateKey(bytes) {
      const privateKey = importEcPrivateKey(curve, bytes)
      const point = ecPublicKey(curve, bytes)
      return {
        publicKey: () => point.slice(),
        agree(publicKey, frequency) {
          const other = frequency === 'recurring' ? recipients.get(publicKey) : importEcPublicKey(curve, publicKey)
          return guarded('kem_failed', 'key agreement failed', () =>
            plain(diffieHellman({ privateKey, publicKey: other })),
          )
        },
      }
    },
    validatePublicKey: (publicKey) => requireNistPoint(curve, publicKey),
  }
}
