/** Every two providers do the same thing: members of one group may run on different ones. */

import { signerFromPrivateKey, systemRandom, utf8 } from '@dmls/crypto'
import { describe, expect, test } from 'vitest'
import { PAIRS, seededRandom } from './providers.ts'

const INFO = utf8('info')
const AAD = utf8('aad')
const MESSAGE = utf8('alice to bob')

describe.each(PAIRS)('$title', ({ one, other }) => {
  test('have the same sizes and derive the same secrets', () => {
    expect([one.hashSize, one.keySize, one.nonceSize, one.tagSize, one.name]).toEqual([
      other.hashSize,
      other.keySize,
      other.nonceSize,
      other.tagSize,
      other.name,
    ])
    for (const length of [0, 1, 55, 56, 63, 64, 65, 111, 112, 127, 128, 129, 1000]) {
      const data = one.expand(INFO, AAD, length)
      expect(other.expand(INFO, AAD, length)).toEqual(data)
      expect(one.hash(data)).toEqual(other.hash(data))
      expect(one.mac(data, MESSAGE)).toEqual(other.mac(data, MESSAGE))
      expect(one.extract(MESSAGE, data)).toEqual(other.extract(MESSAGE, data))
    }
  })

  test('open what the other sealed', () => {
    const key = one.expand(INFO, AAD, one.keySize)
    const nonce = one.expand(INFO, MESSAGE, one.nonceSize)
    for (const length of [0, 1, 15, 16, 17, 1000]) {
      const plaintext = one.expand(MESSAGE, MESSAGE, length)
      expect(other.open(key, nonce, AAD, one.seal(key, nonce, AAD, plaintext))).toEqual(plaintext)
    }
  })

  test('derive and generate the same key pairs', async () => {
    for (let seed = 0; seed < 3; seed++) {
      const ikm = seededRandom(one, seed)(one.hashSize)
      expect(await one.deriveHpkeKeyPair(ikm)).toEqual(await other.deriveHpkeKeyPair(ikm))
      expect(await one.generateHpkeKeyPair(seededRandom(one, seed))).toEqual(
        await other.generateHpkeKeyPair(seededRandom(one, seed)),
      )
      expect(await one.generateSignatureKeyPair(seededRandom(one, seed))).toEqual(
        await other.generateSignatureKeyPair(seededRandom(one, seed)),
      )
    }
  })

  test('seal the same bytes to an HPKE key, and open them', async () => {
    const bob = await other.generateHpkeKeyPair(systemRandom)
    const seed = systemRandom(1)[0] as number
    const sealed = await one.hpkeSeal(bob.publicKey, INFO, AAD, MESSAGE, seededRandom(one, seed))
    expect(await other.hpkeSeal(bob.publicKey, INFO, AAD, MESSAGE, seededRandom(one, seed))).toEqual(sealed)
    expect(await other.hpkeOpen(bob.privateKey, sealed, INFO, AAD)).toEqual(MESSAGE)
  })

  test('export the same secret', async () => {
    const bob = await other.generateHpkeKeyPair(systemRandom)
    const { kemOutput, exported } = await one.hpkeExportSender(bob.publicKey, INFO, AAD, 77, systemRandom)
    expect(await other.hpkeExportReceiver(bob.privateKey, kemOutput, INFO, AAD, 77)).toEqual(exported)
  })

  test('verify what the other signed', async () => {
    const alice = await one.generateSignatureKeyPair(systemRandom)
    expect(await other.signaturePublicKey(alice.privateKey)).toEqual(alice.publicKey)
    const signer = await signerFromPrivateKey(one, alice.privateKey)
    for (const signature of [await one.sign(alice.privateKey, MESSAGE), await signer.sign(MESSAGE)]) {
      expect(await other.verify(alice.publicKey, MESSAGE, signature)).toBe(true)
      expect(await other.verify(alice.publicKey, AAD, signature)).toBe(false)
    }
  })
})
