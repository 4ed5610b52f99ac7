/**
 * DHKEM (RFC 9180 §4.1) over any Diffie-Hellman group: Encap and Decap, unauthenticated. Used where the
 * Diffie-Hellman is synchronous: by the providers `node` and `noble`.
 */

import { concatBytes, wipe } from './bytes.ts'
import type { KeyPair } from './cipher-suite.ts'
import { dhkemPrivateKeys, kemSuiteId } from './dhkem-private-keys.ts'
import { CryptoError } from './errors.ts'
import { labeledKdf } from './labeled-kdf.ts'
import type { DhPrivateKey, DiffieHellman, Kdf, Kem } from './primitives.ts'
import type { KemName } from './suite-table.ts'

const EMPTY = new Uint8Array(0)

/** The DHKEM named `name` over `group`, with HKDF `kdf`. */
export function dhkem(name: KemName, group: DiffieHellman, kdf: Kdf): Kem {
  const labeled = labeledKdf(kdf, kemSuiteId(name))
  const extractEae = labeled.extractor('eae_prk')
  const expandSharedSecret = labeled.expander('shared_secret', kdf.size)
  const privateKeys = dhkemPrivateKeys(name, kdf)

  /** RFC 9180 §4.1 ExtractAndExpand. */
  function extractAndExpand(dh: Uint8Array, kemContext: Uint8Array): Uint8Array {
    const eaePrk = extractEae(EMPTY, dh)
    const sharedSecret = expandSharedSecret(eaePrk, kemContext)
    wipe(eaePrk, dh)
    return sharedSecret
  }

  function keyPair(privateKey: Uint8Array): KeyPair {
    return { privateKey, publicKey: group.importPrivateKey(privateKey).publicKey() }
  }

  return {
    deriveKeyPair: (ikm) => keyPair(privateKeys.derive(ikm)),
    generateKeyPair: (random) => keyPair(privateKeys.generate(random)),
    validatePublicKey: (publicKey) => group.validatePublicKey(publicKey),
    encap(publicKey, random) {
      const ephemeralBytes = privateKeys.generate(random)
      const ephemeral = group.importPrivateKey(ephemeralBytes)
      wipe(ephemeralBytes)
      const dh = ephemeral.agree(publicKey, 'recurring')
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
    return key.agree(enc, 'ephemeral')
  } catch (error) {
    if (error instanceof CryptoError && error.code !== 'invalid_public_key') throw error
    throw new CryptoError('kem_failed', 'the KEM output is not a public key')
  }
}
