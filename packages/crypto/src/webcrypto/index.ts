/**
 * `@dmls/crypto/webcrypto`: public-key operations by WebCrypto, for browsers and other runtimes that have no node:crypto.
 * Hash, KDF and AEAD must be synchronous, which WebCrypto is not: they are those of noble.
 */

import type { Primitives } from '../assemble.ts'
import { assembleProvider } from '../assemble.ts'
import { CipherSuiteId, type CryptoProvider } from '../cipher-suite.ts'
import { CryptoError } from '../errors.ts'
import { nobleAead } from '../noble/aead.ts'
import { nobleHash } from '../noble/hash.ts'
import { webCryptoKem } from './kem.ts'
import { webCryptoSignature } from './signature.ts'

/** Without X448 and Ed448, which no browser has; Node calls its own experimental. */
const CIPHER_SUITES: readonly CipherSuiteId[] = [
  CipherSuiteId.MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519,
  CipherSuiteId.MLS_128_DHKEMP256_AES128GCM_SHA256_P256,
  CipherSuiteId.MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_Ed25519,
  CipherSuiteId.MLS_256_DHKEMP521_AES256GCM_SHA512_P521,
  CipherSuiteId.MLS_256_DHKEMP384_AES256GCM_SHA384_P384,
]

const PRIMITIVES: Primitives = {
  hash: nobleHash,
  aead: nobleAead,
  kem(name, kdf) {
    if (name === 'X448') throw new CryptoError('unsupported_cipher_suite', 'no X448 in WebCrypto')
    return webCryptoKem(name, kdf)
  },
  signature(name) {
    if (name === 'Ed448') throw new CryptoError('unsupported_cipher_suite', 'no Ed448 in WebCrypto')
    return webCryptoSignature(name)
  },
}

/**
 * The suites that an up-to-date browser has. On an older one the operations of a suite that it lacks fail with
 * `provider_failed`; {@link detectWebCryptoProvider} finds out before.
 */
export const webCryptoProvider: CryptoProvider = assembleProvider('webcrypto', CIPHER_SUITES, PRIMITIVES)

/** A provider with exactly the suites that work here: each has signed, verified, sealed and opened once. */
export async function detectWebCryptoProvider(): Promise<CryptoProvider> {
  const working: CipherSuiteId[] = []
  for (const id of CIPHER_SUITES) if (await works(id)) working.push(id)
  return assembleProvider('webcrypto', working, PRIMITIVES)
}

async function works(id: CipherSuiteId): Promise<boolean> {
  const suite = webCryptoProvider.cipherSuite(id)
  const bytes = suite.hash(new Uint8Array(0))
  // Fixed bytes: nothing here is a secret. Expanded, so that every call gets an array of its own.
  const random = (length: number): Uint8Array => suite.expand(bytes, bytes, length)
  try {
    const signer = await suite.importSigner((await suite.generateSignatureKeyPair(random)).privateKey)
    const keyPair = await suite.generateHpkeKeyPair(random)
    const sealed = await suite.hpkeSeal(keyPair.publicKey, bytes, bytes, bytes, random)
    await suite.hpkeOpen(keyPair.privateKey, sealed, bytes, bytes)
    return await suite.verify(signer.publicKey, bytes, await signer.sign(bytes))
  } catch {
    return false
  }
}
