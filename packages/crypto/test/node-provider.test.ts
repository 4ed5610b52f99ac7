/** What only the provider on node:crypto has: a choice of threads, and a memory of public keys. */

import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { CryptoError, systemRandom, utf8 } from '@dmls/crypto'
import { createNodeProvider, nodeProvider } from '@dmls/crypto/node'
import { describe, expect, test } from 'vitest'
import { keyCache } from '../src/node/key-cache.ts'

describe.each([1, 2, 4])('signatures of suite %i verified on threads', (id) => {
  const suite = createNodeProvider({ verifyOn: 'threads' }).cipherSuite(id)

  test('get the same verdict, many at once', async () => {
    const alice = await suite.generateSignatureKeyPair(systemRandom)
    const signer = await suite.importSigner(alice.privateKey)
    const messages = Array.from({ length: 40 }, (_, i) => utf8(`message ${i}`))
    const signatures = await Promise.all(messages.map((message) => signer.sign(message)))
    const verdicts = await Promise.all(
      messages.map((message, i) => {
        // Every other message comes with the signature of the one before it.
        const signature = signatures[i - (i % 2)] as Uint8Array
        return suite.verify(alice.publicKey, message, signature)
      }),
    )
    expect(verdicts).toEqual(messages.map((_, i) => i % 2 === 0))
  })

  test('are not valid under what is no key', async () => {
    expect(await suite.verify(new Uint8Array(32), utf8('x'), new Uint8Array(64))).toBe(false)
    expect(await suite.verify(new Uint8Array(65).fill(4), utf8('x'), new Uint8Array(64))).toBe(false)
  })
})

describe('the memory of public keys', () => {
  const key = createPublicKey(generateKeyPairSync('ed25519').privateKey)

  test('imports a key once and forgets the oldest beyond its bound', () => {
    const imported: number[] = []
    const cache = keyCache((publicKey) => {
      imported.push(publicKey[0] as number)
      return key
    }, 2)
    for (const first of [1, 1, 2, 1, 3, 2, 1]) cache.get(Uint8Array.of(first))
    expect(imported).toEqual([1, 2, 3, 1])
  })

  test('does not remember a failure, nor confuse a key with another view of its memory', () => {
    let attempts = 0
    const failing = keyCache(() => {
      attempts++
      throw new CryptoError('invalid_public_key', 'no')
    })
    for (let i = 0; i < 2; i++) expect(() => failing.get(Uint8Array.of(1))).toThrow(CryptoError)
    expect(attempts).toBe(2)

    const seen: string[] = []
    const cache = keyCache((publicKey) => {
      seen.push(publicKey.join())
      return key
    })
    const memory = Uint8Array.of(1, 2, 3)
    cache.get(memory.subarray(0, 2))
    cache.get(memory.subarray(1, 3))
    expect(seen).toEqual(['1,2', '2,3'])
  })

  test('leaves the verdict alone when a key buffer changes after use', async () => {
    const suite = nodeProvider.cipherSuite(1)
    const alice = await suite.generateSignatureKeyPair(systemRandom)
    const bob = await suite.generateSignatureKeyPair(systemRandom)
    const signature = await suite.sign(alice.privateKey, utf8('alice'))
    const buffer = alice.publicKey.slice()
    expect(await suite.verify(buffer, utf8('alice'), signature)).toBe(true)
    buffer.set(bob.publicKey)
    expect(await suite.verify(buffer, utf8('alice'), signature)).toBe(false)
  })
})
