/**
 * Ed25519 and Ed448 by @noble/curves. The verdict on every signature is that of OpenSSL, which other providers use:
 * where RFC 8032 leaves a choice, members that choose differently would part for good.
 */

import { ed448 } from '@noble/curves/ed448.js'
import { ed25519 } from '@noble/curves/ed25519.js'
import { sha512 } from '@noble/hashes/sha2.js'
import { concatBytes, equalBytes, toHex } from '../bytes.ts'
import { drawRandom, guarded, requireSize } from '../checks.ts'
import { CryptoError } from '../errors.ts'
import type { SignatureScheme } from '../primitives.ts'
import { EDWARDS_KEY_SIZE, type EdwardsCurveName } from '../suite-table.ts'

const SCHEMES = { Ed25519: ed25519, Ed448: ed448 } as const

export function nobleEddsa(curve: EdwardsCurveName): SignatureScheme {
  const scheme = SCHEMES[curve]
  const keySize = EDWARDS_KEY_SIZE[curve]

  function publicKeyOf(privateKey: Uint8Array): Uint8Array {
    requireSize(privateKey, keySize, 'invalid_private_key', `${curve} private key`)
    return guarded('invalid_private_key', `not a private key of ${curve}`, () => scheme.getPublicKey(privateKey))
  }

  function sign(privateKey: Uint8Array, message: Uint8Array): Uint8Array {
    requireSize(privateKey, keySize, 'invalid_private_key', `${curve} private key`)
    return guarded('provider_failed', 'signing failed', () => scheme.sign(message, privateKey))
  }

  return {
    async generateKeyPair(random) {
      const privateKey = drawRandom(random, keySize)
      return { privateKey, publicKey: publicKeyOf(privateKey) }
    },
    validatePublicKey(publicKey) {
      requireSize(publicKey, keySize, 'invalid_public_key', `${curve} public key`)
      guarded('invalid_public_key', `not a public key of ${curve}`, () => {
        if (scheme.Point.fromBytes(publicKey, false).isSmallOrder()) {
          throw new CryptoError('invalid_public_key', `${curve} public key of low order`)
        }
      })
    },
    publicKey: async (privateKey) => publicKeyOf(privateKey),
    sign: async (privateKey, message) => sign(privateKey, message),
    async verify(publicKey, message, signature) {
      if (signature.length !== 2 * keySize || publicKey.length !== keySize) return false
      try {
        return curve === 'Ed25519'
          ? verifyEd25519(publicKey, message, signature)
          : ed448.verify(signature, message, publicKey, { zip215: false })
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

/**
 * RFC 8032 §5.1.7 without the cofactor: R must be, byte for byte, the encoding of [S]B - [k]A. The library's own
 * verification multiplies by the cofactor and so accepts more.
 */
function verifyEd25519(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const { Point } = ed25519
  const A = Point.fromBytes(publicKey, false)
  if (A.isSmallOrder()) return false
  const R = signature.subarray(0, 32)
  const S = fromLittleEndian(signature.subarray(32))
  if (S >= Point.Fn.ORDER) return false
  const k = fromLittleEndian(sha512(concatBytes(R, publicKey, message))) % Point.Fn.ORDER
  return equalBytes(Point.BASE.multiplyUnsafe(S).subtract(A.multiplyUnsafe(k)).toBytes(), R)
}

function fromLittleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${toHex(bytes.slice().reverse())}`)
}
