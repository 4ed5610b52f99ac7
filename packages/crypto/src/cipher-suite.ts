/**
 * The interface behind which every cryptographic primitive of the library stands: one object per cipher suite of
 * RFC 9420 §17.1. Nothing above this package imports a cryptographic library.
 *
 * Hashing, KDF and AEAD are synchronous. Public-key operations return promises, so that a key may live in WebCrypto or
 * in hardware, and so that many signatures verify in parallel. Randomness is always passed in.
 */

/** The cipher suites of RFC 9420 §17.1 that the library knows, by their registered values. */
export const CipherSuiteId = {
  MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519: 0x0001,
  MLS_128_DHKEMP256_AES128GCM_SHA256_P256: 0x0002,
  MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_Ed25519: 0x0003,
  MLS_256_DHKEMX448_AES256GCM_SHA512_Ed448: 0x0004,
  MLS_256_DHKEMP521_AES256GCM_SHA512_P521: 0x0005,
  MLS_256_DHKEMX448_CHACHA20POLY1305_SHA512_Ed448: 0x0006,
  MLS_256_DHKEMP384_AES256GCM_SHA384_P384: 0x0007,
} as const
export type CipherSuiteId = (typeof CipherSuiteId)[keyof typeof CipherSuiteId]

/**
 * Returns `length` fresh random bytes, a new array at every call that then belongs to the callee, which may wipe it. The
 * system's source (`systemRandom`) by default; a seeded one in the simulator.
 */
export type RandomSource = (length: number) => Uint8Array

/** An HPKE or signature key pair in the encodings of RFC 9420 (§5.1.1, §5.1.2). */
export interface KeyPair {
  readonly publicKey: Uint8Array
  readonly privateKey: Uint8Array
}

/** One recipient of many, and what is for it. */
export interface HpkeSealing {
  readonly publicKey: Uint8Array
  readonly plaintext: Uint8Array
}

/** RFC 9420 §5.1.3 `HPKECiphertext`. */
export interface HpkeCiphertext {
  readonly kemOutput: Uint8Array
  readonly ciphertext: Uint8Array
}

/**
 * The primitives of one cipher suite. Sizes are in bytes. Every returned array is a fresh copy that the caller owns; the
 * arrays passed in are never changed, and must not change before a returned promise settles. Nothing but a
 * {@link CryptoError} is thrown.
 */
export interface CipherSuite {
  readonly id: CipherSuiteId
  /** The registered name, `MLS_128_…`. */
  readonly name: string
  /** Size of a hash and of every secret of the key schedule: `KDF.Nh`. */
  readonly hashSize: number
  /** Size of an AEAD key: `AEAD.Nk`. */
  readonly keySize: number
  /** Size of an AEAD nonce: `AEAD.Nn`. */
  readonly nonceSize: number
  /** Size of an AEAD tag: 16 in every registered suite. */
  readonly tagSize: number

  /** Of what is no secret: a hash may leave copies in memory that nobody can overwrite. */
  hash(data: Uint8Array): Uint8Array
  /** HMAC, RFC 9420 §5.2 `MAC`. */
  mac(key: Uint8Array, data: Uint8Array): Uint8Array
  /** HKDF-Extract. */
  extract(salt: Uint8Array, ikm: Uint8Array): Uint8Array
  /** HKDF-Expand to `length` bytes; at most 255 × {@link hashSize}. @throws CryptoError `invalid_length` */
  expand(prk: Uint8Array, info: Uint8Array, length: number): Uint8Array
  /** AEAD seal: ciphertext followed by the tag. @throws CryptoError `invalid_length` for another key or nonce size */
  seal(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, plaintext: Uint8Array): Uint8Array
  /** AEAD open. @throws CryptoError `open_failed`; `invalid_length` for another key or nonce size */
  open(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, ciphertext: Uint8Array): Uint8Array

  /** RFC 9180 §7.1.3 DeriveKeyPair from `ikm` (deterministic). */
  deriveHpkeKeyPair(ikm: Uint8Array): Promise<KeyPair>
  generateHpkeKeyPair(random: RandomSource): Promise<KeyPair>
  /**
   * Uncompressed points that are on the curve for the NIST curves; strings of the right size for X25519 and X448, but for
   * points of low order, to which nothing can be sealed.
   * @throws CryptoError `invalid_public_key` if the bytes are no public key of this KEM.
   */
  validateHpkePublicKey(publicKey: Uint8Array): void
  /**
   * RFC 9180 §6.1 SealBase, single shot. The same randomness gives the same bytes on every provider.
   * @throws CryptoError `invalid_public_key`; `kem_failed` if the shared secret is all zero
   */
  hpkeSeal(
    publicKey: Uint8Array,
    info: Uint8Array,
    aad: Uint8Array,
    plaintext: Uint8Array,
    random: RandomSource,
  ): Promise<HpkeCiphertext>
  /**
   * {@link hpkeSeal} to many under one info, which is hashed once: in a Welcome it is as long as the tree. The ciphertexts
   * are in the order of the sealings, and so are the draws of randomness.
   * @throws CryptoError as hpkeSeal, if any of them fails
   */
  hpkeSealAll(
    sealings: readonly HpkeSealing[],
    info: Uint8Array,
    aad: Uint8Array,
    random: RandomSource,
  ): Promise<HpkeCiphertext[]>
  /**
   * RFC 9180 §6.1 OpenBase, single shot.
   * @throws CryptoError `open_failed`; `kem_failed` if the KEM output is no public key or the shared secret is all zero;
   * `invalid_private_key`
   */
  hpkeOpen(privateKey: Uint8Array, ciphertext: HpkeCiphertext, info: Uint8Array, aad: Uint8Array): Promise<Uint8Array>
  /**
   * SetupBaseS and Context.Export (RFC 9180 §5.3), for external commits (RFC 9420 §8.3).
   * @throws CryptoError `invalid_public_key`, `kem_failed`; `invalid_length` beyond 255 × {@link hashSize}
   */
  hpkeExportSender(
    publicKey: Uint8Array,
    info: Uint8Array,
    exporterContext: Uint8Array,
    length: number,
    random: RandomSource,
  ): Promise<{ readonly kemOutput: Uint8Array; readonly exported: Uint8Array }>
  /** SetupBaseR and Context.Export. @throws CryptoError `kem_failed`, `invalid_private_key`, `invalid_length` */
  hpkeExportReceiver(
    privateKey: Uint8Array,
    kemOutput: Uint8Array,
    info: Uint8Array,
    exporterContext: Uint8Array,
    length: number,
  ): Promise<Uint8Array>

  generateSignatureKeyPair(random: RandomSource): Promise<KeyPair>
  /**
   * Uncompressed points on the curve for ECDSA; canonical encodings of points on the curve that are not of low order for
   * EdDSA. Takes longer than a verification there: a key that has verified a signature need not be validated as well.
   * @throws CryptoError `invalid_public_key` if the bytes are no public key of this signature scheme.
   */
  validateSignaturePublicKey(publicKey: Uint8Array): void
  /** The public key that belongs to a private key. @throws CryptoError `invalid_private_key` */
  signaturePublicKey(privateKey: Uint8Array): Promise<Uint8Array>
  /**
   * RFC 8032 for EdDSA; for ECDSA the DER of TLS 1.3 (RFC 9420 §5.1.2), with a nonce that may be random, so that signing
   * twice may give two signatures.
   * @throws CryptoError `invalid_private_key`
   */
  sign(privateKey: Uint8Array, message: Uint8Array): Promise<Uint8Array>
  /**
   * A signer for `privateKey` that pays for the import of the key once; it keeps its own copy as long as it lives.
   * @throws CryptoError `invalid_private_key`
   */
  importSigner(privateKey: Uint8Array): Promise<Signer>
  /**
   * Whether `signature` is valid. Never throws on hostile signatures or keys: they are just not valid. Every provider comes
   * to the same verdict on every input.
   */
  verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): Promise<boolean>
  /**
   * How many signatures may be under way together with profit: 1 where each holds up the caller, more where other threads
   * verify them. Asking for more is no fault.
   */
  readonly verificationsAtOnce: number
}

/** A family of cipher suites built on one cryptographic library. */
export interface CryptoProvider {
  readonly name: 'node' | 'noble' | 'webcrypto'
  /** The suites that this provider has here, ascending. */
  readonly cipherSuites: readonly CipherSuiteId[]
  /** @throws CryptoError `unsupported_cipher_suite` */
  cipherSuite(id: number): CipherSuite
}

/**
 * Where a signature private key lives. The key may be in memory, in WebCrypto, in a keychain or in hardware; only its
 * signatures come out.
 */
export interface Signer {
  readonly publicKey: Uint8Array
  sign(message: Uint8Array): Promise<Uint8Array>
}
