/**
 * The labelled operations of RFC 9420 §5 and §8: what every other derivation, signature and encryption is built on.
 */
import type { CipherSuite, HpkeCiphertext, RandomSource, Signer } from '@dmls/crypto'
import { utf8 } from '@dmls/crypto'
import { Writer } from '../codec/writer.ts'

function labeled(label: string, content: Uint8Array): Uint8Array {
  return new Writer()
    .opaque(utf8(`MLS 1.0 ${label}`))
    .opaque(content)
    .finish()
}

/** RFC 9420 §8 `ExpandWithLabel`: `length` bytes. */
export function expandWithLabel(
  suite: CipherSuite,
  secret: Uint8Array,
  label: string,
  context: Uint8Array,
  length: number,
): Uint8Array {
  const info = new Writer()
    .uint16(length)
    .opaque(utf8(`MLS 1.0 ${label}`))
    .opaque(context)
    .finish()
  return suite.expand(secret, info, length)
}

const NO_CONTEXT = new Uint8Array(0)

/** RFC 9420 §8 `DeriveSecret`: KDF.Nh bytes. */
export function deriveSecret(suite: CipherSuite, secret: Uint8Array, label: string): Uint8Array {
  return expandWithLabel(suite, secret, label, NO_CONTEXT, suite.hashSize)
}

/** RFC 9420 §9.1 `DeriveTreeSecret`: `length` bytes for one generation. */
export function deriveTreeSecret(
  suite: CipherSuite,
  secret: Uint8Array,
  label: string,
  generation: number,
  length: number,
): Uint8Array {
  return expandWithLabel(suite, secret, label, new Writer().uint32(generation).finish(), length)
}

/** RFC 9420 §5.2 `RefHash`: KDF.Nh bytes. The label is given whole, as the RFC writes it. */
export function refHash(suite: CipherSuite, label: string, value: Uint8Array): Uint8Array {
  return suite.hash(new Writer().opaque(utf8(label)).opaque(value).finish())
}

/** RFC 9420 §5.2 `KeyPackageRef` of an encoded KeyPackage. */
export function keyPackageRef(suite: CipherSuite, keyPackage: Uint8Array): Uint8Array {
  return refHash(suite, 'MLS 1.0 KeyPackage Reference', keyPackage)
}

/** RFC 9420 §5.2 `ProposalRef` of the encoded AuthenticatedContent that carries the proposal. */
export function proposalRef(suite: CipherSuite, authenticatedContent: Uint8Array): Uint8Array {
  return refHash(suite, 'MLS 1.0 Proposal Reference', authenticatedContent)
}

/** RFC 9420 §5.1.2 `SignWithLabel` */
export function signWithLabel(signer: Signer, label: string, content: Uint8Array): Promise<Uint8Array> {
  return signer.sign(labeled(label, content))
}

/** RFC 9420 §5.1.2 `VerifyWithLabel` */
export function verifyWithLabel(
  suite: CipherSuite,
  publicKey: Uint8Array,
  label: string,
  content: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  return suite.verify(publicKey, labeled(label, content), signature)
}

/** RFC 9420 §5.1.3 `EncryptWithLabel` */
export function encryptWithLabel(
  suite: CipherSuite,
  publicKey: Uint8Array,
  label: string,
  context: Uint8Array,
  plaintext: Uint8Array,
  random: RandomSource,
): Promise<HpkeCiphertext> {
  return suite.hpkeSeal(publicKey, labeled(label, context), NO_CONTEXT, plaintext, random)
}

/** RFC 9420 §5.1.3 `DecryptWithLabel`. @throws CryptoError `open_failed` */
export function decryptWithLabel(
  suite: CipherSuite,
  privateKey: Uint8Array,
  label: string,
  context: Uint8Array,
  ciphertext: HpkeCiphertext,
): Promise<Uint8Array> {
  return suite.hpkeOpen(privateKey, ciphertext, labeled(label, context), NO_CONTEXT)
}
