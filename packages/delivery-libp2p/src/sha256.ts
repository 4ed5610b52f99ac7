/** SHA-256, which names messages: 32 bytes. */
import { CipherSuiteId } from '@dmls/crypto'
import { nodeProvider } from '@dmls/crypto/node'

const suite = nodeProvider.cipherSuite(CipherSuiteId.MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519)

export function sha256(bytes: Uint8Array): Uint8Array {
  return suite.hash(bytes)
}
