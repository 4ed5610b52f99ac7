/** X25519 and X448 by node:crypto. */

import { diffieHellman } from 'node:crypto'
import { guarded, isAllZero, requireSize } from '../checks.ts'
import { CryptoError } from '../errors.ts'
import { requireMontgomeryPoint } from '../montgomery-points.ts'
import type { DiffieHellman } from '../primitives.ts'
import { KEM, type MontgomeryCurveName } from '../suite-table.ts'
import { plain } from './buffers.ts'
import { keyCache } from './key-cache.ts'
import { exportOkpPublicKey, importOkpPrivateKey, importOkpPublicKey } from './okp-keys.ts'

export function nodeMontgomery(curve: MontgomeryCurveName): DiffieHellman {
  const { privateKeySize, publicKeySize } = KEM[curve]
  // Most keys of a ratchet tree outlive many commits, and each commit seals to some of them.
  const recipients = keyCache((publicKey) => importOkpPublicKey(curve, publicKey))
  return {
    importPrivateKey(bytes) {
      requireSize(bytes, privateKeySize, 'invalid_private_key', `${curve} private key`)
      const privateKey = importOkpPrivateKey(curve, bytes)
      return {
        publicKey: () => exportOkpPublicKey(privateKey),
        agree(publicKey, frequency) {
          requireSize(publicKey, publicKeySize, 'invalid_public_key', `${curve} public key`)
          const other = frequency === 'recurring' ? recipients.get(publicKey) : importOkpPublicKey(curve, publicKey)
          const secret = guarded('kem_failed', 'key agreement failed', () =>
            plain(diffieHellman({ privateKey, publicKey: other })),
          )
          // RFC 9180 §7.1.4: the all-zero secret must be refused. OpenSSL does; this does not depend on it.
          if (isAllZero(secret)) throw new CryptoError('kem_failed', 'the shared secret is zero')
          return secret
        },
      }
    },
    validatePublicKey: (publicKey) => requireMontgomeryPoint(curve, publicKey),
  }
}
