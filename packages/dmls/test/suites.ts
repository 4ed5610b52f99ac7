/** The cipher suites that tests run with. */
import type { CipherSuite, CryptoProvider } from '@dmls/crypto'
import { nobleProvider } from '@dmls/crypto/noble'
import { nodeProvider } from '@dmls/crypto/node'
import { webCryptoProvider } from '@dmls/crypto/webcrypto'

export const providers: readonly CryptoProvider[] = [nodeProvider, nobleProvider, webCryptoProvider]

/** Suite 1 of the fast provider, for tests in which the suite does not matter. */
export const suite: CipherSuite = nodeProvider.cipherSuite(1)

/** One suite, which every provider has, for each hash that the registered suites use. */
export const SUITE_OF_HASH: Readonly<Record<string, number>> = { 'SHA-256': 1, 'SHA-384': 7, 'SHA-512': 5 }

export const hash: (data: Uint8Array) => Uint8Array = (data) => suite.hash(data)
