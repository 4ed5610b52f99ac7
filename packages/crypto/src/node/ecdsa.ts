/**
 * ECDSA on the NIST curves by node:crypto. Signatures are DER, as TLS 1.3 has them (RFC 9420 §5.1.2). OpenSSL draws the
 * nonces itself, so that signing is not deterministic here even when the passed randomness is.
 */

import { type KeyObject, sign } from 'node:crypto'
import { guarded } from '../checks.ts'
import { requireNistPoint } from '../nist-points.ts'
import { randomNistScalar } from '../nist-scalars.ts'
import type { SignatureScheme } from '../primitives.ts'
import { ECDSA_HASH, type NistCurveName } from '../suite-table.ts'
import { plain } from './buffers.ts'
import { ecPublicKey, importEcPrivateKey, importEcPublicKey } from './ec-keys.ts'
import { type KeyCache, keyCache } from './key-cache.ts'
import { OPENSSL_HASH } from './openssl-names.ts'
import type { Verifier } from './verify.ts'

export function nodeEcdsa(curve: NistCurveName, verifier: Verifier): SignatureScheme {
  const algorithm = OPENSSL_HASH[ECDSA_HASH[curve]]
  // Importing a point takes as long as verifying a signature of P-256.
  const publicKeys: KeyCache = keyCache((publicKey) => importEcPublicKey(curve, publicKey))

  function signWith(key: KeyObject, message: Uint8Array): Uint8Array {
    return guarded('provider_failed', 'signing failed', () => plain(sign(algorithm, message, key)))
  }

  return {
    async generateKeyPair(random) {
      const privateKey = randomNistScalar(curve, random)
      return { privateKey, publicKey: ecPublicKey(curve, privateKey) }
    },
    validatePublicKey: (publicKey) => requireNistPoint(curve, publicKey),
    publicKey: async (privateKey) => ecPublicKey(curve, privateKey),
    sign: async (privateKey, message) => signWith(importEcPrivateKey(curve, privateKey), message),
    verify(publicKey, message, signature) {
      const key = publicKeys.find(publicKey)
      return key === undefined ? Promise.resolve(false) : verifier.verify(algorithm, message, key, signature)
    },
    verificationsAtOnce: verifier.verificationsAtOnce,
    async importSigner(privateKey) {
      const publicKey = ecPublicKey(curve, privateKey)
      const key = importEcPrivateKey(curve, privateKey)
      return { publicKey, sign: async (message) => signWith(key, message) }
    },
  }
}
