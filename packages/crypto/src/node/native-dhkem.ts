/**
 * DHKEM over X25519 and X448 as OpenSSL does it, where node:crypto offers that (Node 24.7). A second way to what
 * `dhkem.ts` does, because it is quicker: measured 60 µs for 68 to encapsulate with X25519, and 57 for 66 to decapsulate.
 */

import type { Buffer } from 'node:buffer'
import type { KeyObject } from 'node:crypto'
import * as nodeCrypto from 'node:crypto'
import { requireSize } from '../checks.ts'
import { CryptoError } from '../errors.ts'
import type { Encapsulation, Kem } from '../primitives.ts'
import { systemRandom } from '../random.ts'
import { KEM, type MontgomeryCurveName } from '../suite-table.ts'
import { plain } from './buffers.ts'
import { keyCache } from './key-cache.ts'
import { importOkpPrivateKey, importOkpPublicKey } from './okp-keys.ts'

/** The part of node:crypto that older versions lack. */
interface NativeKem {
  encapsulate(key: KeyObject): { readonly sharedKey: Buffer; readonly ciphertext: Buffer }
  decapsulate(key: KeyObject, ciphertext: Uint8Array): Buffer
}

function isNativeKem(candidate: object): candidate is NativeKem {
  return 'encapsulate' in candidate && 'decapsulate' in candidate
}

/** `kem` with its Encap and Decap done by OpenSSL where that can be; `kem` itself on an older Node. */
export function withNativeDhkem(curve: MontgomeryCurveName, kem: Kem): Kem {
  return isNativeKem(nodeCrypto) ? nativeDhkem(curve, kem, nodeCrypto) : kem
}

function nativeDhkem(curve: MontgomeryCurveName, kem: Kem, native: NativeKem): Kem {
  const { publicKeySize, privateKeySize } = KEM[curve]
  const recipients = keyCache((publicKey) => importOkpPublicKey(curve, publicKey))

  function encapsulate(publicKey: Uint8Array): Encapsulation {
    requireSize(publicKey, publicKeySize, 'invalid_public_key', `${curve} public key`)
    const recipient = recipients.get(publicKey)
    try {
      const { sharedKey, ciphertext } = native.encapsulate(recipient)
      return { sharedSecret: plain(sharedKey), enc: plain(ciphertext) }
    } catch {
      // RFC 9180 §7.1.4: nothing is sealed to a point of low order
      throw new CryptoError('kem_failed', 'the encapsulation failed')
    }
  }

  return {
    ...kem,
    // OpenSSL draws its own randomness: any other source than the system's must be used as it is
    encap: (publicKey, random) => (random === systemRandom ? encapsulate(publicKey) : kem.encap(publicKey, random)),
    decap(enc, privateKey) {
      requireSize(privateKey, privateKeySize, 'invalid_private_key', `${curve} private key`)
      const recipient = importOkpPrivateKey(curve, privateKey)
      try {
        return plain(native.decapsulate(recipient, enc))
      } catch {
        throw new CryptoError('kem_failed', 'the KEM output is not a public key, or the shared secret is zero')
      }
    },
  }
}
