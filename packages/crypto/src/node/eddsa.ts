/** Ed25519 and Ed448 by node:crypto. */

import { type KeyObject, sign } from 'node:crypto'
import { drawRandom, guarded, requireSize } from '../checks.ts'
import { isPlausibleEdwardsPoint, requireEdwardsPoint } from '../edwards-points.ts'
import { CryptoError } from '../errors.ts'
import type { SignatureScheme } from '../primitives.ts'
import { EDWARDS_KEY_SIZE, type EdwardsCurveName } from '../suite-table.ts'
import { plain } from './buffers.ts'
import { keyCache } from './key-cache.ts'
import { exportOkpPublicKey, importOkpPrivateKey, importOkpPublicKey } from './okp-keys.ts'
import type { Verifier } from './verify.ts'

export function nodeEddsa(curve: EdwardsCurveName, verifier: Verifier): SignatureScheme {
  const keySize = EDWARDS_KEY_SIZE[curve]
  // what is imported has been looked at: a key that is remembered need not be looked at again
  const publicKeys = keyCache((publicKey) => {
    if (!isPlausibleEdwardsPoint(curve, publicKey)) {
      throw new CryptoError('invalid_public_key', `not a public key of ${curve}`)
    }
    return importOkpPublicKey(curve, publicKey)
  })

  function importPrivateKey(bytes: Uint8Array): KeyObject {
    requireSize(bytes, keySize, 'invalid_private_key', `${curve} private key`)
    return importOkpPrivateKey(curve, bytes)
  }

  function signWith(key: KeyObject, message: Uint8Array): Uint8Array {
    return guarded('provider_failed', 'signing failed', () => plain(sign(null, message, key)))
  }

  return {
    async generateKeyPair(random) {
      const privateKey = drawRandom(random, keySize)
      return { privateKey, publicKey: exportOkpPublicKey(importPrivateKey(privateKey)) }
    },
    validatePublicKey: (publicKey) => requireEdwardsPoint(curve, publicKey),
    publicKey: async (privateKey) => exportOkpPublicKey(importPrivateKey(privateKey)),
    sign: async (privateKey, message) => signWith(importPrivateKey(privateKey), message),
    verify(publicKey, message, signature) {
      const key = signature.length === 2 * keySize ? publicKeys.find(publicKey) : undefined
      return key === undefined ? Promise.resolve(false) : verifier.verify(null, message, key, signature)
    },
    verificationsAtOnce: verifier.verificationsAtOnce,
    async importSigner(privateKey) {
      const key = importPrivateKey(privateKey)
      return { publicKey: exportOkpPublicKey(key), sign: async (message) => signWith(key, message) }
    },
  }
}
