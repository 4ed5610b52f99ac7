/** What is measured. */
import type { CipherSuite, CryptoProvider } from '@dmls/crypto'
import { nobleProvider } from '@dmls/crypto/noble'
import { createNodeProvider } from '@dmls/crypto/node'
import { webCryptoProvider } from '@dmls/crypto/webcrypto'
import { dmlsProfile } from '@dmls/dmls'
import { mlsProfile } from '@dmls/mls'
import { dmlsLibrary } from './dmls.ts'
import type { BenchLibrary } from './library.ts'
import { tsMlsLibrary } from './ts-mls.ts'

export const SUITE = 1
/** Of this library with the provider on node:crypto: what the targets are about. */
export const OURS = 'dmls, node'
/** The same with the key schedule of the decentralized profile. */
export const DECENTRALIZED = 'dmls, node, decentralized'
export const PEER = 'ts-mls 1.6.4'

export function newNodeSuite(): CipherSuite {
  return createNodeProvider({ verifyOn: 'threads' }).cipherSuite(SUITE)
}

const suiteOf = (provider: CryptoProvider) => (): CipherSuite => provider.cipherSuite(SUITE)

/** Ours as the targets mean it, by default with suites of its provider. */
export function ours(newSuite: () => CipherSuite = newNodeSuite): BenchLibrary {
  const limits = { repeats: 24, foundings: 4, sizeMax: 1e6, bareSizeMax: 1e4 }
  return dmlsLibrary({ name: OURS, ...limits, profile: mlsProfile, newSuite })
}

export function libraries(which: 'all' | 'essential'): readonly BenchLibrary[] {
  if (which === 'essential') return [ours(), tsMlsLibrary()]
  const other = { repeats: 4, foundings: 1, sizeMax: 1e4, bareSizeMax: 1000, profile: mlsProfile }
  const decentralized = { repeats: 12, foundings: 0, sizeMax: 1e4, bareSizeMax: 0, profile: dmlsProfile }
  return [
    ours(),
    // bare trees have nothing to show of a profile, which is about the key schedule only
    dmlsLibrary({ ...decentralized, name: DECENTRALIZED, newSuite: newNodeSuite }),
    dmlsLibrary({ ...other, name: 'dmls, webcrypto', newSuite: suiteOf(webCryptoProvider) }),
    dmlsLibrary({ ...other, name: 'dmls, noble', newSuite: suiteOf(nobleProvider) }),
    tsMlsLibrary(),
  ]
}
