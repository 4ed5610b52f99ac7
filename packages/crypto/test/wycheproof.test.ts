/**
 * Project Wycheproof against every provider: each valid case is accepted, each invalid one refused, with no exception
 * but a CryptoError. What its files leave open or ask for beyond MLS:
 *
 * - AES-GCM with 192-bit keys or with nonces of other than 96 bits: no cipher suite has them; they are refused.
 * - ECDH with a compressed point ("acceptable"): refused, RFC 9180 §7.1.1 has uncompressed points only.
 * - X25519 and X448 with an all-zero shared secret ("acceptable"): refused, RFC 9180 §7.1.4. Other "acceptable" cases,
 *   non-canonical encodings and points on the twist, are computed as RFC 7748 §5 says.
 * - P-384 and P-521 Diffie-Hellman: a share of the valid cases, all of them if DMLS_LONG is set.
 *
 * Elliptic curves are tested through HPKE, the only thing that a suite uses Diffie-Hellman for: the secret that the
 * receiver exports from the public key of a case is compared with that which the key schedule makes of the case's shared
 * secret.
 */

import { type CipherSuite, CryptoError, type CryptoProvider, equalBytes, fromHex } from '@dmls/crypto'
import { describe, expect, test } from 'vitest'
import { dhkem } from '../src/dhkem.ts'
import { hkdf } from '../src/hkdf.ts'
import { hpkeBase } from '../src/hpke.ts'
import type { Hpke } from '../src/primitives.ts'
import { KEM, SUITES } from '../src/suite-table.ts'
import { PROVIDERS } from './providers.ts'
import {
  caseName,
  HAS_WYCHEPROOF,
  WYCHEPROOF_REASON,
  type WycheproofCase,
  wycheproofCases,
} from './wycheproof-files.ts'

const IS_LONG = process.env.DMLS_LONG !== undefined
/** Of the valid Diffie-Hellman cases of the slow curves, every how many-th is computed unless DMLS_LONG is set. */
const SAMPLE_EVERY = 8

const EMPTY = new Uint8Array(0)

/** One of the suites of `provider` among `ids`, the lowest. */
function suiteOf(provider: CryptoProvider, ...ids: readonly number[]): CipherSuite | undefined {
  const id = provider.cipherSuites.find((candidate) => ids.includes(candidate))
  return id === undefined ? undefined : provider.cipherSuite(id)
}

/** Runs `check`, which tells whether a case came out as it must, over all cases. */
async function expectAll<Case extends WycheproofCase>(
  cases: readonly Case[],
  check: (wycheproofCase: Case) => boolean | Promise<boolean>,
): Promise<void> {
  expect(cases.length).toBeGreaterThan(50)
  const failures: string[] = []
  for (const wycheproofCase of cases) if (!(await check(wycheproofCase))) failures.push(caseName(wycheproofCase))
  expect(failures).toEqual([])
}

/** Whether `operation` ends with a CryptoError of this code; any other exception goes through. */
async function isRefused(code: string, operation: () => unknown): Promise<boolean> {
  try {
    await operation()
    return false
  } catch (error) {
    if (error instanceof CryptoError) return error.code === code
    throw error
  }
}

interface AeadCase {
  readonly keySize: number
  readonly ivSize: number
  readonly tagSize: number
  readonly key: string
  readonly iv: string
  readonly aad: string
  readonly msg: string
  readonly ct: string
  readonly tag: string
}

async function aeadHolds(suites: readonly CipherSuite[], it: AeadCase & WycheproofCase): Promise<boolean> {
  const [key, nonce, aad, message] = [fromHex(it.key), fromHex(it.iv), fromHex(it.aad), fromHex(it.msg)]
  const sealed = fromHex(it.ct + it.tag)
  const suite = suites.find(({ keySize }) => keySize === key.length)
  if (suite === undefined || nonce.length !== suite.nonceSize) {
    const other = suite ?? (suites[0] as CipherSuite)
    return (
      (await isRefused('invalid_length', () => other.open(key, nonce, aad, sealed))) &&
      (await isRefused('invalid_length', () => other.seal(key, nonce, aad, message)))
    )
  }
  if (it.result === 'invalid') return isRefused('open_failed', () => suite.open(key, nonce, aad, sealed))
  return (
    equalBytes(suite.seal(key, nonce, aad, message), sealed) && equalBytes(suite.open(key, nonce, aad, sealed), message)
  )
}

interface MacCase {
  readonly key: string
  readonly msg: string
  readonly tag: string
}

interface HkdfCase {
  readonly ikm: string
  readonly salt: string
  readonly info: string
  readonly size: number
  readonly okm: string
}

interface SignatureCase {
  readonly publicKey: { readonly pk?: string; readonly uncompressed?: string }
  readonly msg: string
  readonly sig: string
}

interface DhCase {
  readonly public: string
  readonly private: string
  readonly shared: string
}

/** HPKE whose KEM has the given shared secret of the curve: what the receiver must arrive at. */
function expectedHpke(suite: CipherSuite, dh: Uint8Array, publicKey: Uint8Array): Hpke {
  const parameters = SUITES.find(({ id }) => id === suite.id)!
  const expandOnce = (prk: Uint8Array, ...info: (Uint8Array | undefined)[]): Uint8Array =>
    suite.mac(prk, Uint8Array.from([...info.flatMap((part) => [...(part ?? [])]), 1]))
  const extract = (salt: Uint8Array, ...ikm: (Uint8Array | undefined)[]): Uint8Array =>
    suite.extract(salt, Uint8Array.from(ikm.flatMap((part) => [...(part ?? [])])))
  const kdf = hkdf({ size: suite.hashSize, hash: suite.hash, mac: suite.mac, extract, expandOnce })
  const group = {
    importPrivateKey: () => ({ publicKey: () => publicKey, agree: () => dh.slice() }),
    validatePublicKey: () => undefined,
  }
  return hpkeBase(parameters, dhkem(parameters.kem, group, kdf), kdf, suite)
}

async function dhHolds(suite: CipherSuite, it: DhCase & WycheproofCase): Promise<boolean> {
  const { kem } = SUITES.find(({ id }) => id === suite.id)!
  const privateKey = fitted(fromHex(it.private), KEM[kem].privateKeySize)
  const enc = fromHex(it.public)
  const receive = () => suite.hpkeExportReceiver(privateKey, enc, EMPTY, EMPTY, 32)
  const isRefusedHere = it.flags.includes('ZeroSharedSecret') || it.flags.includes('CompressedPublic')
  if (it.result === 'invalid' || isRefusedHere) return isRefused('kem_failed', receive)
  const publicKey = await receiverPublicKey(suite, privateKey)
  const expected = await expectedHpke(suite, fromHex(it.shared), publicKey).exportReceiver(
    privateKey,
    enc,
    EMPTY,
    EMPTY,
    32,
  )
  return equalBytes(await receive(), expected)
}

/** Every case that must be refused, and a fixed share of the many others on P-384 and P-521. */
function sampled<Case extends WycheproofCase>(suite: CipherSuite, cases: readonly Case[]): readonly Case[] {
  if (IS_LONG || ![5, 7].includes(suite.id)) return cases
  return cases.filter(({ result }, index) => result !== 'valid' || index % SAMPLE_EVERY === 0)
}

/** The public key of an HPKE private key: that of the same signature key, or of "randomness" that is the private key. */
async function receiverPublicKey(suite: CipherSuite, privateKey: Uint8Array): Promise<Uint8Array> {
  if (suite.name.includes('DHKEMP')) return suite.signaturePublicKey(privateKey)
  return (await suite.generateHpkeKeyPair(() => privateKey.slice())).publicKey
}

/** A big-endian scalar with the number of leading zeros that gives it `size` bytes. */
function fitted(scalar: Uint8Array, size: number): Uint8Array {
  if (scalar.length >= size) return scalar.slice(scalar.length - size)
  const padded = new Uint8Array(size)
  padded.set(scalar, size - scalar.length)
  return padded
}

describe.skipIf(!HAS_WYCHEPROOF).each(PROVIDERS)(`Wycheproof on $name${WYCHEPROOF_REASON}`, (provider) => {
  const sha256 = provider.cipherSuite(1)

  test('AES-GCM', async () => {
    const suites = [provider.cipherSuite(1), provider.cipherSuite(5)]
    await expectAll(wycheproofCases<AeadCase>('aes_gcm_test.json'), (it) => aeadHolds(suites, it))
  })

  test('ChaCha20-Poly1305', async () => {
    const suites = [provider.cipherSuite(3)]
    await expectAll(wycheproofCases<AeadCase>('chacha20_poly1305_test.json'), (it) => aeadHolds(suites, it))
  })

  test('HMAC with SHA-256', async () => {
    await expectAll(wycheproofCases<MacCase>('hmac_sha256_test.json'), (it) => {
      const tag = fromHex(it.tag)
      const mac = sha256.mac(fromHex(it.key), fromHex(it.msg)).slice(0, tag.length)
      return equalBytes(mac, tag) === (it.result === 'valid')
    })
  })

  test('HKDF with SHA-256', async () => {
    await expectAll(wycheproofCases<HkdfCase>('hkdf_sha256_test.json'), (it) => {
      const derive = () => sha256.expand(sha256.extract(fromHex(it.salt), fromHex(it.ikm)), fromHex(it.info), it.size)
      return it.result === 'valid' ? equalBytes(derive(), fromHex(it.okm)) : isRefused('invalid_length', derive)
    })
  })

  test.for([
    { file: 'ed25519_test.json', ids: [1] },
    { file: 'ed448_test.json', ids: [4] },
    { file: 'ecdsa_secp256r1_sha256_test.json', ids: [2] },
    { file: 'ecdsa_secp384r1_sha384_test.json', ids: [7] },
    { file: 'ecdsa_secp521r1_sha512_test.json', ids: [5] },
  ])('signatures, $file', async ({ file, ids }, { skip }) => {
    const suite = suiteOf(provider, ...ids)
    if (suite === undefined) return skip('the provider has no such suite')
    await expectAll(wycheproofCases<SignatureCase>(file), async (it) => {
      const publicKey = fromHex(it.publicKey.pk ?? it.publicKey.uncompressed ?? '')
      return (await suite.verify(publicKey, fromHex(it.msg), fromHex(it.sig))) === (it.result === 'valid')
    })
  })

  test.for([
    { file: 'x25519_test.json', ids: [1] },
    { file: 'x448_test.json', ids: [4] },
    { file: 'ecdh_secp256r1_ecpoint_test.json', ids: [2] },
    { file: 'ecdh_secp384r1_ecpoint_test.json', ids: [7] },
    { file: 'ecdh_secp521r1_ecpoint_test.json', ids: [5] },
  ])('Diffie-Hellman, $file', async ({ file, ids }, { skip }) => {
    const suite = suiteOf(provider, ...ids)
    if (suite === undefined) return skip('the provider has no such suite')
    await expectAll(sampled(suite, wycheproofCases<DhCase>(file)), (it) => dhHolds(suite, it))
  })
})
