/** The primitives of the store: SHA-256 and ChaCha20-Poly1305 under 256-bit keys. No public-key operation is used. */
import { type CipherSuite, CipherSuiteId } from '@dmls/crypto'
import { nodeProvider } from '@dmls/crypto/node'

export const suite: CipherSuite = nodeProvider.cipherSuite(
  CipherSuiteId.MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_Ed25519,
)
