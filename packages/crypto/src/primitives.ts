/**
 * The parts from which a cipher suite is assembled, one interface each. Internal: an application sees
 * {@link CipherSuite} only. Every part checks the sizes of its inputs and throws nothing but {@link CryptoError}.
 */

import type { HpkeCiphertext, HpkeSealing, KeyPair, RandomSource, Signer } from './cipher-suite.ts'

/** A hash function and HMAC with it. */
export interface Hash {
  /** `Nh`. */
  readonly size: number
  /** Of what is no secret. */
  hash(data: Uint8Array): Uint8Array
  /** HMAC under a secret key. */
  mac(key: Uint8Array, data: Uint8Array): Uint8Array
  /** `T(1)` of HKDF-Expand, RFC 5869 §2.3: HMAC of `info`, what else belongs to it and a byte 1, under a secret key. */
  expandOnce(prk: Uint8Array, info: Uint8Array, infoRest?: Uint8Array): Uint8Array
  /** HMAC of a secret, in one piece or two, under a salt that may be public: HKDF-Extract, RFC 5869 §2.2. */
  extract(salt: Uint8Array, ikm: Uint8Array, ikmRest?: Uint8Array): Uint8Array
}

/** HKDF, RFC 5869. What is hashed may be given in two pieces: labels stay where they are, and secrets are copied once less. */
export interface Kdf {
  /** `Nh`. */
  readonly size: number
  extract(salt: Uint8Array, ikm: Uint8Array, ikmRest?: Uint8Array): Uint8Array
  expand(prk: Uint8Array, info: Uint8Array, length: number, infoRest?: Uint8Array): Uint8Array
}

export interface Aead {
  readonly keySize: number
  seal(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, plaintext: Uint8Array): Uint8Array
  /** @throws CryptoError `open_failed` */
  open(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, ciphertext: Uint8Array): Uint8Array
}

/** A Diffie-Hellman private key, imported once and used at once. */
export interface DhPrivateKey {
  publicKey(): Uint8Array
  /**
   * The shared secret, RFC 9180 §7.1. With a `recurring` public key, a provider may remember its imported form.
   * @throws CryptoError `invalid_public_key` if the bytes are no public key, `kem_failed` if the secret is all zero
   */
  agree(publicKey: Uint8Array, frequency: 'recurring' | 'ephemeral'): Uint8Array
}

/** A Diffie-Hellman group. */
export interface DiffieHellman {
  /** @throws CryptoError `invalid_private_key` */
  importPrivateKey(privateKey: Uint8Array): DhPrivateKey
  /** @throws CryptoError `invalid_public_key`, also for points of low order */
  validatePublicKey(publicKey: Uint8Array): void
}

/** A key encapsulation mechanism, RFC 9180 §4. Where the Diffie-Hellman is synchronous, so is this. */
export interface Kem {
  /** RFC 9180 §7.1.3. */
  deriveKeyPair(ikm: Uint8Array): KeyPair | Promise<KeyPair>
  generateKeyPair(random: RandomSource): KeyPair | Promise<KeyPair>
  /** @throws CryptoError `invalid_public_key` */
  validatePublicKey(publicKey: Uint8Array): void
  /** @throws CryptoError `invalid_public_key`, `kem_failed` */
  encap(publicKey: Uint8Array, random: RandomSource): Encapsulation | Promise<Encapsulation>
  /** The shared secret. @throws CryptoError `invalid_private_key`, `kem_failed` */
  decap(enc: Uint8Array, privateKey: Uint8Array): Uint8Array | Promise<Uint8Array>
}

export interface Encapsulation {
  readonly sharedSecret: Uint8Array
  readonly enc: Uint8Array
}

/** HPKE in base mode, with the members of CipherSuite that it provides. */
export interface Hpke {
  deriveKeyPair(ikm: Uint8Array): Promise<KeyPair>
  generateKeyPair(random: RandomSource): Promise<KeyPair>
  validatePublicKey(publicKey: Uint8Array): void
  seal(
    publicKey: Uint8Array,
    info: Uint8Array,
    aad: Uint8Array,
    plaintext: Uint8Array,
    random: RandomSource,
  ): Promise<HpkeCiphertext>
  sealAll(
    sealings: readonly HpkeSealing[],
    info: Uint8Array,
    aad: Uint8Array,
    random: RandomSource,
  ): Promise<HpkeCiphertext[]>
  open(privateKey: Uint8Array, ciphertext: HpkeCiphertext, info: Uint8Array, aad: Uint8Array): Promise<Uint8Array>
  exportSender(
    publicKey: Uint8Array,
    info: Uint8Array,
    exporterContext: Uint8Array,
    length: number,
    random: RandomSource,
  ): Promise<{ readonly kemOutput: Uint8Array; readonly exported: Uint8Array }>
  exportReceiver(
    privateKey: Uint8Array,
    kemOutput: Uint8Array,
    info: Uint8Array,
    exporterContext: Uint8Array,
    length: number,
  ): Promise<Uint8Array>
}

export interface SignatureScheme {
  generateKeyPair(random: RandomSource): Promise<KeyPair>
  validatePublicKey(publicKey: Uint8Array): void
  publicKey(privateKey: Uint8Array): Promise<Uint8Array>
  sign(privateKey: Uint8Array, message: Uint8Array): Promise<Uint8Array>
  verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): Promise<boolean>
  /** See {@link CipherSuite}. */
  readonly verificationsAtOnce: number
  importSigner(privateKey: Uint8Array): Promise<Signer>
}
