/** What the provider on WebCrypto does on platforms with less than this one. */

import { CryptoError, systemRandom, utf8 } from '@dmls/crypto'
import { nobleProvider } from '@dmls/crypto/noble'
import { detectWebCryptoProvider, webCryptoProvider } from '@dmls/crypto/webcrypto'
import { afterEach, describe, expect, test, vi } from 'vitest'

const { subtle } = globalThis.crypto

afterEach(() => {
  vi.restoreAllMocks()
})

/** A platform whose WebCrypto does not import keys of these algorithms or curves. */
function withoutAlgorithms(...names: readonly string[]): void {
  const original = subtle.importKey.bind(subtle) as (...parameters: readonly unknown[]) => Promise<unknown>
  vi.spyOn(subtle, 'importKey').mockImplementation(((...parameters: readonly unknown[]) => {
    const { name, namedCurve } = parameters[2] as { readonly name?: string; readonly namedCurve?: string }
    if (names.includes(name ?? '') || names.includes(namedCurve ?? '')) {
      return Promise.reject(new DOMException('Unrecognized name.', 'NotSupportedError'))
    }
    return original(...parameters)
  }) as typeof subtle.importKey)
}

describe('WebCrypto', () => {
  test('has the suites that are claimed here', async () => {
    expect((await detectWebCryptoProvider()).cipherSuites).toEqual(webCryptoProvider.cipherSuites)
    expect(webCryptoProvider.cipherSuites).toEqual([1, 2, 3, 5, 7])
  })

  test('without P-521 lacks suite 5, without X25519 or Ed25519 suites 1 and 3', async () => {
    withoutAlgorithms('P-521')
    expect((await detectWebCryptoProvider()).cipherSuites).toEqual([1, 2, 3, 7])
    vi.restoreAllMocks()
    withoutAlgorithms('X25519')
    expect((await detectWebCryptoProvider()).cipherSuites).toEqual([2, 5, 7])
    vi.restoreAllMocks()
    withoutAlgorithms('Ed25519')
    const provider = await detectWebCryptoProvider()
    expect(provider.cipherSuites).toEqual([2, 5, 7])
    expect(() => provider.cipherSuite(1)).toThrow(CryptoError)
  })

  test('says provider_failed when it is asked for what it lacks', async () => {
    withoutAlgorithms('X25519', 'Ed25519')
    const suite = webCryptoProvider.cipherSuite(1)
    const code = 'provider_failed'
    await expect(suite.generateHpkeKeyPair(systemRandom)).rejects.toMatchObject({ code })
    await expect(suite.generateSignatureKeyPair(systemRandom)).rejects.toMatchObject({ code })
    await expect(suite.sign(new Uint8Array(32), utf8('alice'))).rejects.toMatchObject({ code })
  })

  test.each(webCryptoProvider.cipherSuites)(
    'that exports no private key as JWK yields the right public keys nonetheless, suite %i',
    async (id) => {
      const original = subtle.exportKey.bind(subtle) as (...parameters: readonly unknown[]) => Promise<unknown>
      vi.spyOn(subtle, 'exportKey').mockImplementation(((...parameters: readonly unknown[]) =>
        parameters[0] === 'jwk'
          ? Promise.reject(new DOMException('', 'OperationError'))
          : original(...parameters)) as typeof subtle.exportKey)
      const suite = webCryptoProvider.cipherSuite(id)
      const reference = nobleProvider.cipherSuite(id)
      const alice = await suite.generateSignatureKeyPair(systemRandom)
      expect(await reference.signaturePublicKey(alice.privateKey)).toEqual(alice.publicKey)
      // Four keys, so that a wrong sign of y would show.
      for (let i = 0; i < 4; i++) {
        const bob = await suite.deriveHpkeKeyPair(Uint8Array.of(i))
        expect(await reference.deriveHpkeKeyPair(Uint8Array.of(i))).toEqual(bob)
        const sealed = await suite.hpkeSeal(bob.publicKey, utf8('info'), utf8('aad'), utf8('alice'), systemRandom)
        expect(await suite.hpkeOpen(bob.privateKey, sealed, utf8('info'), utf8('aad'))).toEqual(utf8('alice'))
        expect(await reference.hpkeOpen(bob.privateKey, sealed, utf8('info'), utf8('aad'))).toEqual(utf8('alice'))
      }
    },
  )
})
