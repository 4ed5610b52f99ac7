/** `@dmls/crypto/node`: every cipher suite by node:crypto, natively. */

import { assembleProvider } from '../assemble.ts'
import type { CryptoProvider } from '../cipher-suite.ts'
import { dhkem } from '../dhkem.ts'
import { isNistCurve, SUITES } from '../suite-table.ts'
import { nodeAead } from './aead.ts'
import { nodeEcDh } from './ec-dh.ts'
import { nodeEcdsa } from './ecdsa.ts'
import { nodeEddsa } from './eddsa.ts'
import { nodeHash } from './hash.ts'
import { nodeMontgomery } from './montgomery.ts'

/**
 * A provider of its own. It remembers the imported form of public keys it has seen, a bounded number per scheme; it never
 * remembers a private key.
 */
export function createNodeProvider(): CryptoProvider {
  return assembleProvider(
    'node',
    SUITES.map(({ id }) => id),
    {
      hash: nodeHash,
      aead: nodeAead,
      kem: (name, kdf) => dhkem(name, isNistCurve(name) ? nodeEcDh(name) : nodeMontgomery(name), kdf),
      signature: (name) => (isNistCurve(name) ? nodeEcdsa(name) : nodeEddsa(name)),
    },
  )
}

/** The provider for whoever needs only one. */
export const nodeProvider: CryptoProvider = createNodeProvider()
