/**
 * DHKEM (RFC 9180 §4.1) over any Diffie-Hellman group: DeriveKeyPair, Encap, Decap. Base mode only.
 */

import { concatBytes, utf8, wipe } from './bytes.ts'
import { drawRandom } from './checks.ts'
import type { KeyPair, RandomSource } from './cipher-suite.ts'
import { CryptoError } from './errors.ts'
import { type LabeledKdf, labeledKdf } from './labeled-kdf.ts'
import { isNistScalar, nistScalarMask } from './nist-scalars.ts'
import type { DhPrivateKey, DiffieHellman, Kdf } from './primitives.ts'
import { isNistCurve, KEM, type KemName } from './suite-table.ts'

export interface Dhkem {
  /** RFC 9180 §7.1.3. */
  deriveKeyPair(ikm: Uint8Array): KeyPair
  generateKeyPair(random: RandomSource): KeyPair
  /** @throws CryptoError `invalid_public_key`, `kem_failed` */
  encap(publicKey: Uint8Array, random: RandomSource): { readonly sharedSecret: Uint8Array; readonly enc: Uint8Array }
  /** @throws CryptoError `invalid_private_key`, `kem_failed` */
  decap(enc: Uint8Array, privateKey: Uint8Array): Uint8Array
}

const EMPTY = new Uint8Array(0)

/** The DHKEM named `name` over `group`, with HKDF `kdf`. */
export function dhkem(name: KemName, group: DiffieHellman, kdf: Kdf): Dhkem {
  const { id, privateKeySize } = KEM[name]
  const labeled = labeledKdf(kdf, concatBytes(utf8('KEM'), Uint8Array.of(id >> 8, id & 0xff)))
  const extractEae = labeled.extractor('eae_prk')
  const expandSharedSecret = labeled.expander('shared_secret', kdf.size)
  const derivePrivateKey = isNistCurve(name)
    ? nistDeriver(labeled, name, privateKeySize)
    : montgomeryDeriver(labeled, privateKeySize)

  /** RFC 9180 §4.1 ExtractAndExpand. */
  function extractAndExpand(dh: Uint8Array, kemContext: Uint8Array): Uint8Array {
    const eaePrk = extractEae(EMPTY, dh)
    const sharedSecret = expandSharedSecret(eaePrk, kemContext)
    wipe(eaePrk, dh)
    return sharedSecret
  }

  /** A private key from fresh randomness: the key itself, or on a NIST curve what DeriveKeyPair makes of it. */
  function freshPrivateKey(random: RandomSource): Uint8Array {
    const bytes = drawRandom(random, privateKeySize)
    if (!isNistCurve(name)) return bytes
    const privateKey = derivePrivateKey(bytes)
    wipe(bytes)
    return privateKey
  }

  function keyPair(privateKey: Uint8Array): KeyPair {
    return { privateKey, publicKey: group.importPrivateKey(privateKey).publicKey() }
  }

  return {
    deriveKeyPair: (ikm) => keyPair(derivePrivateKey(ikm)),
    generateKeyPair: (random) => keyPair(freshPrivateKey(random)),
    encap(publicKey, random) {
      const ephemeralBytes = freshPrivateKey(random)
      const ephemeral = group.importPrivateKey(ephemeralBytes)
      wipe(ephemeralBytes)
      const dh = ephemeral.agree(publicKey)
      const enc = ephemeral.publicKey()
      return { sharedSecret: extractAndExpand(dh, concatBytes(enc, publicKey)), enc }
    },
    decap(enc, privateKey) {
      const key = group.importPrivateKey(privateKey)
      const dh = agreeWithKemOutput(key, enc)
      return extractAndExpand(dh, concatBytes(enc, key.publicKey()))
    },
  }
}

/** A KEM output is a public key that the sender chose: any fault in it is a failure of the KEM. */
function agreeWithKemOutput(key: DhPrivateKey, enc: Uint8Array): Uint8Array {
  try {
    return key.agree(enc)
  } catch (error) {
    if (error instanceof CryptoError && error.code !== 'invalid_public_key') throw error
    throw new CryptoError('kem_failed', 'the KEM output is not a public key')
  }
}

/** RFC 9180 §7.1.3, X25519 and X448. */
function montgomeryDeriver(labeled: LabeledKdf, size: number): (ikm: Uint8Array) => Uint8Array {
  const extract = labeled.extractor('dkp_prk')
  const expand = labeled.expander('sk', size)
  return (ikm) => {
    const prk = extract(EMPTY, ikm)
    const privateKey = expand(prk, EMPTY)
    wipe(prk)
    return privateKey
  }
}

/** RFC 9180 §7.1.3, P-256, P-384 and P-521: the first candidate that is a scalar. */
function nistDeriver(
  labeled: LabeledKdf,
  curve: 'P-256' | 'P-384' | 'P-521',
  size: number,
): (ikm: Uint8Array) => Uint8Array {
  const extract = labeled.extractor('dkp_prk')
  const expand = labeled.expander('candidate', size)
  const mask = nistScalarMask(curve)
  return (ikm) => {
    const prk = extract(EMPTY, ikm)
    for (let counter = 0; counter < 256; counter++) {
      const candidate = expand(prk, Uint8Array.of(counter))
      candidate[0] = (candidate[0] as number) & mask
      if (isNistScalar(curve, candidate)) {
        wipe(prk)
        return candidate
      }
    }
    throw new CryptoError('provider_failed', 'no candidate is a scalar')
  }
}
