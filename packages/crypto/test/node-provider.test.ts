/** What only the provider on node:crypto has: a choice of threads, and a memory of public keys. */

import { createHmac, createPublicKey, generateKeyPairSync } from 'node:crypto'
import { CryptoError, systemRandom, utf8 } from '@dmls/crypto'
import { createNodeProvider, nodeProvider } from '@dmls/crypto/node'
import { describe, expect, test } from 'vitest'
import { dhkem } from '../src/dhkem.ts'
import { hkdf } from '../src/hkdf.ts'
import { nodeHash } from '../src/node/hash.ts'
import { keyCache } from '../src/node/key-cache.ts'
import { nodeMontgomery } from '../src/node/montgomery.ts'
import { withNativeDhkem } from '../src/node/native-dhkem.ts'

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

  test('get it too when one or two are asked for, or one after another', async () => {
    const alice = await suite.generateSignatureKeyPair(systemRandom)
    const signature = await suite.sign(alice.privateKey, utf8('alice'))
    const verify = (message: string) => suite.verify(alice.publicKey, utf8(message), signature)
    expect(await verify('alice')).toBe(true)
    expect(await Promise.all([verify('alice'), verify('bob')])).toEqual([true, false])
    expect(await verify('bob')).toBe(false)
  })

  test('are not valid under what is no key', async () => {
    expect(await suite.verify(new Uint8Array(32), utf8('x'), new Uint8Array(64))).toBe(false)
    expect(await suite.verify(new Uint8Array(65).fill(4), utf8('x'), new Uint8Array(64))).toBe(false)
  })
})

describe.each([
  ['X25519', 'SHA-256'],
  ['X448', 'SHA-512'],
] as const)('DHKEM of OpenSSL over %s', (curve, hashName) => {
  const ours = dhkem(curve, nodeMontgomery(curve), hkdf(nodeHash(hashName)))
  const native = withNativeDhkem(curve, ours)

  test('is there on this version of Node', () => {
    expect(native).not.toBe(ours)
  })

  test('shares secrets with ours, both ways', async () => {
    const bob = await ours.generateKeyPair(systemRandom)
    for (const [sender, receiver] of [
      [ours, native],
      [native, ours],
      [native, native],
    ] as const) {
      const { sharedSecret, enc } = await sender.encap(bob.publicKey, systemRandom)
      expect(await receiver.decap(enc, bob.privateKey)).toEqual(sharedSecret)
    }
  })

  test('gives way to ours where the randomness is not the system’s', async () => {
    const bob = await ours.generateKeyPair(systemRandom)
    const fixed = (length: number) => new Uint8Array(length).fill(7)
    expect(await native.encap(bob.publicKey, fixed)).toEqual(await ours.encap(bob.publicKey, fixed))
  })

  test('refuses as ours does', async () => {
    const { publicKey, privateKey } = await ours.generateKeyPair(systemRandom)
    const { enc } = await ours.encap(publicKey, systemRandom)
    const zero = new Uint8Array(publicKey.length)
    const refusals = (kem: typeof ours) => [
      () => kem.encap(zero, systemRandom),
      () => kem.encap(publicKey.slice(1), systemRandom),
      () => kem.decap(zero, privateKey),
      () => kem.decap(enc.slice(1), privateKey),
      () => kem.decap(enc, privateKey.slice(1)),
    ]
    const code = (attempt: () => unknown): string => {
      try {
        attempt()
        return 'none'
      } catch (error) {
        return error instanceof CryptoError ? error.code : 'untyped'
      }
    }
    expect(refusals(native).map(code)).toEqual(refusals(ours).map(code))
    expect(refusals(native).map(code)).not.toContain('none')
  })

  test.skipIf(curve === 'X448')('takes a public key with its unused bit set for what ours does', async () => {
    const bob = await ours.generateKeyPair(systemRandom)
    const { enc } = await ours.encap(bob.publicKey, systemRandom)
    enc[31] = (enc[31] as number) | 0x80
    expect(await native.decap(enc, bob.privateKey)).toEqual(await ours.decap(enc, bob.privateKey))
  })
})

describe('HMAC', () => {
  test.each(['SHA-256', 'SHA-384', 'SHA-512'] as const)(
    'with %s is that of node:crypto, whatever the sizes',
    (name) => {
      const hash = nodeHash(name)
      const algorithm = name.toLowerCase().replace('-', '')
      for (const keySize of [0, 1, 32, 63, 64, 65, 127, 128, 129, 300]) {
        for (const size of [0, 1, 55, 64, 256, 257, 5000]) {
          const [key, data] = [systemRandom(keySize), systemRandom(size)]
          const expected = new Uint8Array(createHmac(algorithm, key).update(data).digest())
          expect(hash.mac(key, data)).toEqual(expected)
          expect(hash.extract(key, data)).toEqual(expected)
        }
      }
    },
  )
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
