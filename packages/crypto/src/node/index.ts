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
import { withNativeDhkem } from './native-dhkem.ts'
import { onCaller, onThreads } from './verify.ts'

export interface NodeProviderOptions {
  /**
   * Where signatures are verified. `caller`, the default: on the calling thread, so that the order of events never varies.
   * `threads`: those that are asked for together on libuv's pool, where they take a third of the time on four cores and do
   * not hold up the event loop.
   */
  readonly verifyOn?: 'caller' | 'threads'
}

/**
 * A provider of its own. It remembers the imported form of public keys it has seen, a bounded number per scheme; it never
 * remembers a private key.
 */
export function createNodeProvider({ verifyOn = 'caller' }: NodeProviderOptions = {}): CryptoProvider {
  const verifier = verifyOn === 'threads' ? onThreads() : onCaller
  return assembleProvider(
    'node',
    SUITES.map(({ id }) => id),
    {
      hash: nodeHash,
      aead: nodeAead,
      kem: (name, kdf) =>
        isNistCurve(name)
          ? dhkem(name, nodeEcDh(name), kdf)
          : withNativeDhkem(name, dhkem(name, nodeMontgomery(name), kdf)),
      signature: (name) => (isNistCurve(name) ? nodeEcdsa(name, verifier) : nodeEddsa(name, verifier)),
    },
  )
}

/** The provider for whoever needs only one. */
export const nodeProvider: CryptoProvider = createNodeProvider()
