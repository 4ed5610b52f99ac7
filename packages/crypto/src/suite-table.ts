/**
 * What each cipher suite is made of: RFC 9420 §17.1, with the sizes of its parts. Data only; the providers say how each
 * part is computed.
 */

import { CipherSuiteId } from './cipher-suite.ts'

export type HashName = 'SHA-256' | 'SHA-384' | 'SHA-512'
export type AeadName = 'AES-128-GCM' | 'AES-256-GCM' | 'ChaCha20-Poly1305'
export type NistCurveName = 'P-256' | 'P-384' | 'P-521'
export type MontgomeryCurveName = 'X25519' | 'X448'
export type EdwardsCurveName = 'Ed25519' | 'Ed448'
export type KemName = MontgomeryCurveName | NistCurveName
export type SignatureName = EdwardsCurveName | NistCurveName

/** The parts of one cipher suite. In every registered suite the hash of the KEM is the hash of the suite. */
export interface SuiteParameters {
  readonly id: CipherSuiteId
  readonly name: keyof typeof CipherSuiteId
  readonly kem: KemName
  readonly hash: HashName
  readonly aead: AeadName
  readonly signature: SignatureName
}

/** RFC 9420 §17.1, Table 6, ascending. */
export const SUITES: readonly SuiteParameters[] = [
  {
    id: CipherSuiteId.MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519,
    name: 'MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519',
    kem: 'X25519',
    hash: 'SHA-256',
    aead: 'AES-128-GCM',
    signature: 'Ed25519',
  },
  {
    id: CipherSuiteId.MLS_128_DHKEMP256_AES128GCM_SHA256_P256,
    name: 'MLS_128_DHKEMP256_AES128GCM_SHA256_P256',
    kem: 'P-256',
    hash: 'SHA-256',
    aead: 'AES-128-GCM',
    signature: 'P-256',
  },
  {
    id: CipherSuiteId.MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_Ed25519,
    name: 'MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_Ed25519',
    kem: 'X25519',
    hash: 'SHA-256',
    aead: 'ChaCha20-Poly1305',
    signature: 'Ed25519',
  },
  {
    id: CipherSuiteId.MLS_256_DHKEMX448_AES256GCM_SHA512_Ed448,
    name: 'MLS_256_DHKEMX448_AES256GCM_SHA512_Ed448',
    kem: 'X448',
    hash: 'SHA-512',
    aead: 'AES-256-GCM',
    signature: 'Ed448',
  },
  {
    id: CipherSuiteId.MLS_256_DHKEMP521_AES256GCM_SHA512_P521,
    name: 'MLS_256_DHKEMP521_AES256GCM_SHA512_P521',
    kem: 'P-521',
    hash: 'SHA-512',
    aead: 'AES-256-GCM',
    signature: 'P-521',
  },
  {
    id: CipherSuiteId.MLS_256_DHKEMX448_CHACHA20POLY1305_SHA512_Ed448,
    name: 'MLS_256_DHKEMX448_CHACHA20POLY1305_SHA512_Ed448',
    kem: 'X448',
    hash: 'SHA-512',
    aead: 'ChaCha20-Poly1305',
    signature: 'Ed448',
  },
  {
    id: CipherSuiteId.MLS_256_DHKEMP384_AES256GCM_SHA384_P384,
    name: 'MLS_256_DHKEMP384_AES256GCM_SHA384_P384',
    kem: 'P-384',
    hash: 'SHA-384',
    aead: 'AES-256-GCM',
    signature: 'P-384',
  },
]

/** `Nh`. */
export const HASH_SIZE: Readonly<Record<HashName, number>> = { 'SHA-256': 32, 'SHA-384': 48, 'SHA-512': 64 }

/** RFC 9180 §7.2: the identifier of HKDF with this hash. */
export const KDF_ID: Readonly<Record<HashName, number>> = { 'SHA-256': 0x0001, 'SHA-384': 0x0002, 'SHA-512': 0x0003 }

/** RFC 9180 §7.3; `Nn` and the tag are the same for all. */
export const AEAD: Readonly<Record<AeadName, { readonly id: number; readonly keySize: number }>> = {
  'AES-128-GCM': { id: 0x0001, keySize: 16 },
  'AES-256-GCM': { id: 0x0002, keySize: 32 },
  'ChaCha20-Poly1305': { id: 0x0003, keySize: 32 },
}
/** `Nn` of every registered AEAD. */
export const NONCE_SIZE = 12
/** `Nt` of every registered AEAD. */
export const TAG_SIZE = 16

/** RFC 9180 §7.1: identifier, `Nsk`, and `Npk` = `Nenc`. */
export const KEM: Readonly<
  Record<KemName, { readonly id: number; readonly privateKeySize: number; readonly publicKeySize: number }>
> = {
  'P-256': { id: 0x0010, privateKeySize: 32, publicKeySize: 65 },
  'P-384': { id: 0x0011, privateKeySize: 48, publicKeySize: 97 },
  'P-521': { id: 0x0012, privateKeySize: 66, publicKeySize: 133 },
  X25519: { id: 0x0020, privateKeySize: 32, publicKeySize: 32 },
  X448: { id: 0x0021, privateKeySize: 56, publicKeySize: 56 },
}

/** RFC 8032 §5.1.5, §5.2.5: the size of a private key and of a public key. */
export const EDWARDS_KEY_SIZE: Readonly<Record<EdwardsCurveName, number>> = { Ed25519: 32, Ed448: 57 }

/** RFC 8446 §4.2.3: the hash of the ECDSA scheme on each curve. */
export const ECDSA_HASH: Readonly<Record<NistCurveName, HashName>> = {
  'P-256': 'SHA-256',
  'P-384': 'SHA-384',
  'P-521': 'SHA-512',
}

export function isNistCurve(name: KemName | SignatureName): name is NistCurveName {
  return name === 'P-256' || name === 'P-384' || name === 'P-521'
}
