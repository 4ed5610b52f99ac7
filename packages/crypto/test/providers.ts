/** The providers under test, and the pairs of providers that must agree. */

import type { CipherSuite, CipherSuiteId, CryptoProvider } from '@dmls/crypto'
import { nobleProvider } from '@dmls/crypto/noble'
import { nodeProvider } from '@dmls/crypto/node'
import { webCryptoProvider } from '@dmls/crypto/webcrypto'

export const PROVIDERS: readonly CryptoProvider[] = [nodeProvider, nobleProvider, webCryptoProvider]

/** Every suite of every provider, with a name for the title of a test. */
export const SUITES_UNDER_TEST: readonly { readonly title: string; readonly suite: CipherSuite }[] = PROVIDERS.flatMap(
  (provider) =>
    provider.cipherSuites.map((id) => ({ title: `${provider.name} suite ${id}`, suite: provider.cipherSuite(id) })),
)

/** Every ordered pair of different providers, with the suites that both have. */
export const PAIRS: readonly {
  readonly title: string
  readonly id: CipherSuiteId
  readonly one: CipherSuite
  readonly other: CipherSuite
}[] = PROVIDERS.flatMap((a) =>
  PROVIDERS.filter((b) => b !== a).flatMap((b) =>
    a.cipherSuites
      .filter((id) => b.cipherSuites.includes(id))
      .map((id) => ({
        title: `${a.name} and ${b.name}, suite ${id}`,
        id,
        one: a.cipherSuite(id),
        other: b.cipherSuite(id),
      })),
  ),
)

/** A reproducible source: the hash chain of a seed. Not random in any other sense. */
export function seededRandom(suite: CipherSuite, seed: number): (length: number) => Uint8Array {
  let counter = 0
  return (length) => {
    counter++
    const key = Uint8Array.of(seed & 0xff, seed >> 8, counter & 0xff, counter >> 8)
    return suite.expand(suite.hash(key), key, length)
  }
}
