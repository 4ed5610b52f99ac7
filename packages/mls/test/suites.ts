/** The cipher suites that tests run with. */
import type { CipherSuite, CryptoProvider } from '@dmls/crypto'
import { nobleProvider } from '@dmls/crypto/noble'
import { nodeProvider } from '@dmls/crypto/node'
import { webCryptoProvider } from '@dmls/crypto/webcrypto'

export const providers: readonly CryptoProvider[] = [nodeProvider, nobleProvider, webCryptoProvider]

export const suites: readonly CipherSuite[] = nodeProvider.cipherSuites.map((id) => nodeProvider.cipherSuite(id))

/** Suite 1 of the fast provider, for tests in which the suite does not matter. */
export const suite: CipherSuite = nodeProvider.cipherSuite(1)
