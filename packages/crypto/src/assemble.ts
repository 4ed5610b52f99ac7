/**
 * Puts the parts of a cipher suite together, and cipher suites into a provider. Plain objects, so that a test may wrap a
 * suite by spreading it.
 */

import type { CipherSuite, CipherSuiteId, CryptoProvider } from './cipher-suite.ts'
import { CryptoError } from './errors.ts'
import { hkdf } from './hkdf.ts'
import { hpkeBase } from './hpke.ts'
import type { Aead, Hash, Kdf, Kem, SignatureScheme } from './primitives.ts'
import {
  type AeadName,
  type HashName,
  type KemName,
  NONCE_SIZE,
  type SignatureName,
  SUITES,
  type SuiteParameters,
  TAG_SIZE,
} from './suite-table.ts'

/** What a provider has for each name of the table. */
export interface Primitives {
  hash(name: HashName): Hash
  aead(name: AeadName): Aead
  kem(name: KemName, kdf: Kdf): Kem
  signature(name: SignatureName): SignatureScheme
}

export function assembleProvider(
  name: CryptoProvider['name'],
  ids: readonly CipherSuiteId[],
  primitives: Primitives,
): CryptoProvider {
  const suites: ReadonlyMap<number, CipherSuite> = new Map(
    SUITES.filter(({ id }) => ids.includes(id)).map((parameters) => [
      parameters.id,
      assembleSuite(parameters, primitives),
    ]),
  )
  return Object.freeze({
    name,
    cipherSuites: Object.freeze([...suites.values()].map(({ id }) => id)),
    cipherSuite(id: number): CipherSuite {
      const suite = suites.get(id)
      if (suite === undefined) throw new CryptoError('unsupported_cipher_suite', `${name} has no cipher suite ${id}`)
      return suite
    },
  })
}

function assembleSuite(parameters: SuiteParameters, primitives: Primitives): CipherSuite {
  const hash = primitives.hash(parameters.hash)
  const kdf = hkdf(hash)
  const aead = primitives.aead(parameters.aead)
  const hpke = hpkeBase(parameters, primitives.kem(parameters.kem, kdf), kdf, aead)
  const signature = primitives.signature(parameters.signature)
  return Object.freeze({
    id: parameters.id,
    name: parameters.name,
    hashSize: hash.size,
    keySize: aead.keySize,
    nonceSize: NONCE_SIZE,
    tagSize: TAG_SIZE,
    hash: hash.hash,
    mac: hash.mac,
    extract: kdf.extract,
    expand: kdf.expand,
    seal: aead.seal,
    open: aead.open,
    deriveHpkeKeyPair: hpke.deriveKeyPair,
    generateHpkeKeyPair: hpke.generateKeyPair,
    validateHpkePublicKey: hpke.validatePublicKey,
    hpkeSeal: hpke.seal,
    hpkeSealAll: hpke.sealAll,
    hpkeOpen: hpke.open,
    hpkeExportSender: hpke.exportSender,
    hpkeExportReceiver: hpke.exportReceiver,
    generateSignatureKeyPair: signature.generateKeyPair,
    validateSignaturePublicKey: signature.validatePublicKey,
    signaturePublicKey: signature.publicKey,
    importSigner: signature.importSigner,
    sign: signature.sign,
    verify: signature.verify,
    verificationsAtOnce: signature.verificationsAtOnce,
  })
}
