/** What every cipher suite of every provider does. */

import {
  type CipherSuite,
  CryptoError,
  type CryptoErrorCode,
  signerFromPrivateKey,
  systemRandom,
  utf8,
} from '@dmls/crypto'
import { describe, expect, test } from 'vitest'
import { PROVIDERS, SUITES_UNDER_TEST, seededRandom } from './providers.ts'

const INFO = utf8('info')
const AAD = utf8('aad')
const MESSAGE = utf8('alice to bob')
const EMPTY = new Uint8Array(0)

/** The bytes with the lowest bit of one byte flipped. */
function flipped(bytes: Uint8Array, index: number): Uint8Array {
  const copy = Uint8Array.from(bytes)
  copy[index] = (copy[index] as number) ^ 1
  return copy
}

function refusal(operation: () => unknown): CryptoErrorCode {
  try {
    operation()
  } catch (error) {
    if (error instanceof CryptoError) return error.code
    throw error
  }
  throw new Error('not refused')
}

async function refusalOf(promise: Promise<unknown>): Promise<CryptoErrorCode> {
  try {
    await promise
  } catch (error) {
    if (error instanceof CryptoError) return error.code
    throw error
  }
  throw new Error('not refused')
}

/** A plain array over memory of its own: wiping or changing it touches nothing else. */
function expectOwned(bytes: Uint8Array): void {
  expect(Object.getPrototypeOf(bytes)).toBe(Uint8Array.prototype)
  expect(bytes.buffer.byteLength).toBe(bytes.length)
}

describe.each(PROVIDERS)('provider $name', (provider) => {
  test('lists its suites in ascending order and has each of them', () => {
    expect([...provider.cipherSuites].sort((a, b) => a - b)).toEqual(provider.cipherSuites)
    for (const id of provider.cipherSuites) expect(provider.cipherSuite(id).id).toBe(id)
  })

  test('refuses suites that it does not have', () => {
    for (const id of [0, 8, 0x0a0a, 0xffff, -1, Number.NaN]) {
      expect(refusal(() => provider.cipherSuite(id))).toBe('unsupported_cipher_suite')
    }
  })
})

describe.each(SUITES_UNDER_TEST)('$title', ({ suite }) => {
  const random = seededRandom(suite, suite.id)
  const key = random(suite.keySize)
  const nonce = random(suite.nonceSize)
  const kemKeySize = { 1: 32, 2: 32, 3: 32, 4: 56, 5: 66, 6: 56, 7: 48 }[suite.id]

  test('hashes, authenticates and derives secrets of its hash size, in memory of their own', () => {
    for (const secret of [suite.hash(MESSAGE), suite.mac(key, MESSAGE), suite.extract(EMPTY, key)]) {
      expect(secret.length).toBe(suite.hashSize)
      expectOwned(secret)
    }
    expectOwned(suite.expand(key, INFO, 17))
    expect(suite.hash(MESSAGE)).not.toEqual(suite.hash(EMPTY))
    expect(suite.mac(key, MESSAGE)).not.toEqual(suite.mac(flipped(key, 0), MESSAGE))
  })

  test('expands to every length up to 255 hashes, shorter outputs being prefixes of longer ones', () => {
    const longest = suite.expand(key, INFO, 255 * suite.hashSize)
    expect(longest.length).toBe(255 * suite.hashSize)
    for (const length of [0, 1, suite.hashSize - 1, suite.hashSize, suite.hashSize + 1, 100]) {
      expect(suite.expand(key, INFO, length)).toEqual(longest.slice(0, length))
    }
    for (const length of [-1, 0.5, Number.NaN, 255 * suite.hashSize + 1]) {
      expect(refusal(() => suite.expand(key, INFO, length))).toBe('invalid_length')
    }
  })

  test('opens what it sealed, also when there is nothing to seal', () => {
    for (const plaintext of [EMPTY, MESSAGE, new Uint8Array(5000)]) {
      for (const aad of [EMPTY, AAD]) {
        const sealed = suite.seal(key, nonce, aad, plaintext)
        expect(sealed.length).toBe(plaintext.length + suite.tagSize)
        expectOwned(sealed)
        const opened = suite.open(key, nonce, aad, sealed)
        expect(opened).toEqual(plaintext)
        expectOwned(opened)
      }
    }
  })

  test('does not open what was changed in any byte, or with another key, nonce or aad', () => {
    const sealed = suite.seal(key, nonce, AAD, MESSAGE)
    for (let i = 0; i < sealed.length; i++) {
      expect(refusal(() => suite.open(key, nonce, AAD, flipped(sealed, i)))).toBe('open_failed')
    }
    expect(refusal(() => suite.open(flipped(key, 0), nonce, AAD, sealed))).toBe('open_failed')
    expect(refusal(() => suite.open(key, flipped(nonce, 0), AAD, sealed))).toBe('open_failed')
    expect(refusal(() => suite.open(key, nonce, EMPTY, sealed))).toBe('open_failed')
    for (const length of [0, 1, suite.tagSize - 1, sealed.length - 1]) {
      expect(refusal(() => suite.open(key, nonce, AAD, sealed.slice(0, length)))).toBe('open_failed')
    }
  })

  test('refuses AEAD keys and nonces of another size', () => {
    const sealed = suite.seal(key, nonce, AAD, MESSAGE)
    for (const wrongKey of [EMPTY, key.slice(1), new Uint8Array(suite.keySize + 1), new Uint8Array(24)]) {
      expect(refusal(() => suite.seal(wrongKey, nonce, AAD, MESSAGE))).toBe('invalid_length')
      expect(refusal(() => suite.open(wrongKey, nonce, AAD, sealed))).toBe('invalid_length')
    }
    for (const wrongNonce of [EMPTY, nonce.slice(1), new Uint8Array(16)]) {
      expect(refusal(() => suite.seal(key, wrongNonce, AAD, MESSAGE))).toBe('invalid_length')
      expect(refusal(() => suite.open(key, wrongNonce, AAD, sealed))).toBe('invalid_length')
    }
  })

  test('derives the same HPKE key pair from the same input, and another from another', async () => {
    const pair = await suite.deriveHpkeKeyPair(MESSAGE)
    expect(await suite.deriveHpkeKeyPair(MESSAGE)).toEqual(pair)
    expect((await suite.deriveHpkeKeyPair(AAD)).publicKey).not.toEqual(pair.publicKey)
    expect(pair.privateKey.length).toBe(kemKeySize)
    expectOwned(pair.publicKey)
    expectOwned(pair.privateKey)
    suite.validateHpkePublicKey(pair.publicKey)
  })

  test('lets bob open what alice seals to his HPKE key, and nobody else', async () => {
    const bob = await suite.generateHpkeKeyPair(systemRandom)
    const charlie = await suite.generateHpkeKeyPair(systemRandom)
    expect(charlie).not.toEqual(bob)
    const sealed = await suite.hpkeSeal(bob.publicKey, INFO, AAD, MESSAGE, systemRandom)
    expectOwned(sealed.kemOutput)
    expectOwned(sealed.ciphertext)
    expect(sealed.kemOutput.length).toBe(bob.publicKey.length)
    expect(await suite.hpkeOpen(bob.privateKey, sealed, INFO, AAD)).toEqual(MESSAGE)
    expect(await refusalOf(suite.hpkeOpen(charlie.privateKey, sealed, INFO, AAD))).toBe('open_failed')
    expect(await refusalOf(suite.hpkeOpen(bob.privateKey, sealed, AAD, AAD))).toBe('open_failed')
    expect(await refusalOf(suite.hpkeOpen(bob.privateKey, sealed, INFO, INFO))).toBe('open_failed')
    const { kemOutput, ciphertext } = sealed
    const forged = { kemOutput, ciphertext: flipped(ciphertext, 3) }
    expect(await refusalOf(suite.hpkeOpen(bob.privateKey, forged, INFO, AAD))).toBe('open_failed')
    const short = { kemOutput, ciphertext: ciphertext.slice(0, suite.tagSize - 1) }
    expect(await refusalOf(suite.hpkeOpen(bob.privateKey, short, INFO, AAD))).toBe('open_failed')
  })

  test('seals the same bytes from the same randomness', async () => {
    const bob = await suite.deriveHpkeKeyPair(MESSAGE)
    const seal = () => suite.hpkeSeal(bob.publicKey, INFO, AAD, MESSAGE, seededRandom(suite, 7))
    expect(await seal()).toEqual(await seal())
    expect(await suite.generateHpkeKeyPair(seededRandom(suite, 7))).toEqual(
      await suite.generateHpkeKeyPair(seededRandom(suite, 7)),
    )
    expect(await suite.generateSignatureKeyPair(seededRandom(suite, 7))).toEqual(
      await suite.generateSignatureKeyPair(seededRandom(suite, 7)),
    )
  })

  test('seals to bob and charlie under one info as it would to each, and names the one that is no key', async () => {
    const bob = await suite.deriveHpkeKeyPair(MESSAGE)
    const charlie = await suite.deriveHpkeKeyPair(AAD)
    const sealings = [
      { publicKey: bob.publicKey, plaintext: MESSAGE },
      { publicKey: charlie.publicKey, plaintext: AAD },
    ]
    const [one, other] = [seededRandom(suite, 7), seededRandom(suite, 7)]
    expect(await suite.hpkeSealAll(sealings, INFO, AAD, one)).toEqual([
      await suite.hpkeSeal(bob.publicKey, INFO, AAD, MESSAGE, other),
      await suite.hpkeSeal(charlie.publicKey, INFO, AAD, AAD, other),
    ])
    const [forBob] = await suite.hpkeSealAll(sealings, INFO, AAD, systemRandom)
    expect(await suite.hpkeOpen(bob.privateKey, forBob!, INFO, AAD)).toEqual(MESSAGE)
    expect(await suite.hpkeSealAll([], INFO, AAD, systemRandom)).toEqual([])
    const withNoKey = [...sealings, { publicKey: new Uint8Array(3), plaintext: AAD }]
    expect(await refusalOf(suite.hpkeSealAll(withNoKey, INFO, AAD, systemRandom))).toBe('invalid_public_key')
  })

  test('exports one secret to both ends', async () => {
    const bob = await suite.deriveHpkeKeyPair(MESSAGE)
    const { kemOutput, exported } = await suite.hpkeExportSender(bob.publicKey, INFO, AAD, 50, systemRandom)
    expectOwned(exported)
    expect(exported.length).toBe(50)
    expect(await suite.hpkeExportReceiver(bob.privateKey, kemOutput, INFO, AAD, 50)).toEqual(exported)
    expect(await suite.hpkeExportReceiver(bob.privateKey, kemOutput, AAD, AAD, 50)).not.toEqual(exported)
    expect(await suite.hpkeExportReceiver(bob.privateKey, kemOutput, INFO, INFO, 50)).not.toEqual(exported)
    const tooLong = 255 * suite.hashSize + 1
    expect(await refusalOf(suite.hpkeExportSender(bob.publicKey, INFO, AAD, tooLong, systemRandom))).toBe(
      'invalid_length',
    )
    expect(await refusalOf(suite.hpkeExportReceiver(bob.privateKey, kemOutput, INFO, AAD, -1))).toBe('invalid_length')
  })

  test('refuses HPKE keys and KEM outputs that are none', async () => {
    const bob = await suite.deriveHpkeKeyPair(MESSAGE)
    const { kemOutput, ciphertext } = await suite.hpkeSeal(bob.publicKey, INFO, AAD, MESSAGE, systemRandom)
    for (const notAKey of malformedPublicKeys(suite, bob.publicKey)) {
      expect(refusal(() => suite.validateHpkePublicKey(notAKey))).toBe('invalid_public_key')
      expect(await refusalOf(suite.hpkeSeal(notAKey, INFO, AAD, MESSAGE, systemRandom))).toBe('invalid_public_key')
      expect(await refusalOf(suite.hpkeExportSender(notAKey, INFO, AAD, 8, systemRandom))).toBe('invalid_public_key')
      const sealed = { kemOutput: notAKey, ciphertext }
      expect(await refusalOf(suite.hpkeOpen(bob.privateKey, sealed, INFO, AAD))).toBe('kem_failed')
      expect(await refusalOf(suite.hpkeExportReceiver(bob.privateKey, notAKey, INFO, AAD, 8))).toBe('kem_failed')
    }
    for (const notAKey of malformedPrivateKeys(suite, bob.privateKey)) {
      const sealed = { kemOutput, ciphertext }
      expect(await refusalOf(suite.hpkeOpen(notAKey, sealed, INFO, AAD))).toBe('invalid_private_key')
      expect(await refusalOf(suite.hpkeExportReceiver(notAKey, kemOutput, INFO, AAD, 8))).toBe('invalid_private_key')
    }
  })

  test.runIf([1, 3, 4, 6].includes(suite.id))('refuses HPKE keys of low order', async () => {
    const bob = await suite.deriveHpkeKeyPair(MESSAGE)
    const zero = new Uint8Array(bob.publicKey.length)
    const one = zero.with(0, 1)
    for (const point of [zero, one]) {
      expect(refusal(() => suite.validateHpkePublicKey(point))).toBe('invalid_public_key')
      expect(await refusalOf(suite.hpkeSeal(point, INFO, AAD, MESSAGE, systemRandom))).toBe('kem_failed')
      expect(await refusalOf(suite.hpkeExportSender(point, INFO, AAD, 8, systemRandom))).toBe('kem_failed')
      const sealed = { kemOutput: point, ciphertext: new Uint8Array(40) }
      expect(await refusalOf(suite.hpkeOpen(bob.privateKey, sealed, INFO, AAD))).toBe('kem_failed')
      expect(await refusalOf(suite.hpkeExportReceiver(bob.privateKey, point, INFO, AAD, 8))).toBe('kem_failed')
    }
  })

  test('verifies what it signed and nothing else', async () => {
    const alice = await suite.generateSignatureKeyPair(systemRandom)
    const bob = await suite.generateSignatureKeyPair(systemRandom)
    expectOwned(alice.publicKey)
    expectOwned(alice.privateKey)
    expect(await suite.signaturePublicKey(alice.privateKey)).toEqual(alice.publicKey)
    suite.validateSignaturePublicKey(alice.publicKey)
    const signature = await suite.sign(alice.privateKey, MESSAGE)
    expectOwned(signature)
    expect(await suite.verify(alice.publicKey, MESSAGE, signature)).toBe(true)
    expect(await suite.verify(bob.publicKey, MESSAGE, signature)).toBe(false)
    expect(await suite.verify(alice.publicKey, AAD, signature)).toBe(false)
    for (const index of [0, 5, signature.length >> 1, signature.length - 1]) {
      expect(await suite.verify(alice.publicKey, MESSAGE, flipped(signature, index))).toBe(false)
    }
  })

  test('finds hostile signatures and keys invalid, without an exception', async () => {
    const alice = await signerFromPrivateKey(suite, (await suite.generateSignatureKeyPair(random)).privateKey)
    const signature = await alice.sign(MESSAGE)
    const sizes = [0, 1, 31, 32, 57, 64, 65, 97, 114, 133, 1000]
    for (const size of sizes) {
      for (const byte of [0x00, 0x04, 0x30, 0xff]) {
        const garbage = new Uint8Array(size).fill(byte)
        expect(await suite.verify(alice.publicKey, MESSAGE, garbage)).toBe(false)
        expect(await suite.verify(garbage, MESSAGE, signature)).toBe(false)
      }
    }
    expect(await suite.verify(alice.publicKey, MESSAGE, Uint8Array.of(...signature, 0))).toBe(false)
    expect(await suite.verify(alice.publicKey, MESSAGE, signature.slice(0, -1))).toBe(false)
    expect(await suite.verify(alice.publicKey.slice(1), MESSAGE, signature)).toBe(false)
  })

  test('refuses signature keys that are none', async () => {
    const alice = await suite.generateSignatureKeyPair(systemRandom)
    for (const size of [0, 1, alice.publicKey.length - 1, alice.publicKey.length + 1]) {
      expect(refusal(() => suite.validateSignaturePublicKey(new Uint8Array(size)))).toBe('invalid_public_key')
    }
    expect(refusal(() => suite.validateSignaturePublicKey(new Uint8Array(alice.publicKey.length).fill(0xff)))).toBe(
      'invalid_public_key',
    )
    const signature = await suite.sign(alice.privateKey, MESSAGE)
    for (const notAKey of malformedPublicKeys(suite, alice.publicKey)) {
      expect(refusal(() => suite.validateSignaturePublicKey(notAKey))).toBe('invalid_public_key')
      expect(await suite.verify(notAKey, MESSAGE, signature)).toBe(false)
    }
    for (const notAKey of malformedPrivateKeys(suite, alice.privateKey)) {
      expect(await refusalOf(suite.sign(notAKey, MESSAGE))).toBe('invalid_private_key')
      expect(await refusalOf(suite.signaturePublicKey(notAKey))).toBe('invalid_private_key')
      expect(await refusalOf(signerFromPrivateKey(suite, notAKey))).toBe('invalid_private_key')
    }
  })

  test('makes a signer that survives the wiping of the key it came from', async () => {
    const alice = await suite.generateSignatureKeyPair(systemRandom)
    const privateKey = alice.privateKey.slice()
    const signer = await signerFromPrivateKey(suite, privateKey)
    privateKey.fill(0)
    expect(signer.publicKey).toEqual(alice.publicKey)
    expect(await suite.verify(alice.publicKey, MESSAGE, await signer.sign(MESSAGE))).toBe(true)
  })

  test('changes none of its inputs', async () => {
    const bob = await suite.deriveHpkeKeyPair(MESSAGE)
    const alice = await suite.generateSignatureKeyPair(seededRandom(suite, 9))
    const inputs = [key, nonce, AAD, INFO, MESSAGE, bob.publicKey, bob.privateKey, alice.publicKey, alice.privateKey]
    const before = inputs.map((input) => input.slice())
    suite.open(key, nonce, AAD, suite.seal(key, nonce, AAD, MESSAGE))
    suite.expand(suite.extract(key, MESSAGE), INFO, 100)
    const sealed = await suite.hpkeSeal(bob.publicKey, INFO, AAD, MESSAGE, systemRandom)
    await suite.hpkeOpen(bob.privateKey, sealed, INFO, AAD)
    await suite.verify(alice.publicKey, MESSAGE, await suite.sign(alice.privateKey, MESSAGE))
    await signerFromPrivateKey(suite, alice.privateKey)
    expect(inputs).toEqual(before)
  })

  test('says so when the source of randomness is broken', async () => {
    const short = () => new Uint8Array(3)
    expect(await refusalOf(suite.generateHpkeKeyPair(short))).toBe('provider_failed')
    expect(await refusalOf(suite.generateSignatureKeyPair(short))).toBe('provider_failed')
    const bob = await suite.deriveHpkeKeyPair(MESSAGE)
    expect(await refusalOf(suite.hpkeSeal(bob.publicKey, INFO, AAD, MESSAGE, short))).toBe('provider_failed')
  })
})

const NIST_SUITES: readonly number[] = [2, 5, 7]

/** No public keys of the suite: wrong sizes, and on a NIST curve off the curve, compressed or at infinity. */
function malformedPublicKeys(suite: CipherSuite, publicKey: Uint8Array): readonly Uint8Array[] {
  const wrongSizes = [EMPTY, publicKey.slice(1), Uint8Array.of(...publicKey, 0), new Uint8Array(1)]
  if (!NIST_SUITES.includes(suite.id)) return wrongSizes
  const compressed = publicKey.slice(0, 1 + (publicKey.length - 1) / 2)
  compressed[0] = 2
  return [
    ...wrongSizes,
    compressed,
    flipped(publicKey, publicKey.length - 1),
    flipped(publicKey, 0),
    flipped(publicKey, 5),
    new Uint8Array(publicKey.length),
    new Uint8Array(publicKey.length).fill(0xff).fill(4, 0, 1),
  ]
}

/** No private keys: wrong sizes, and on a NIST curve zero and what is beyond its order. */
function malformedPrivateKeys(suite: CipherSuite, privateKey: Uint8Array): readonly Uint8Array[] {
  const wrongSizes = [EMPTY, privateKey.slice(1), Uint8Array.of(...privateKey, 0)]
  if (!NIST_SUITES.includes(suite.id)) return wrongSizes
  return [...wrongSizes, new Uint8Array(privateKey.length), new Uint8Array(privateKey.length).fill(0xff)]
}
