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

/** The first is ours with its quickest provider. */
export function libraries(which: 'all' | 'essential'): readonly BenchLibrary[] {
  const profile = mlsProfile
  const ours = dmlsLibrary({ name: OURS, repeats: 8, sizeMax: 1e6, profile, newSuite: newNodeSuite })
  const peer = tsMlsLibrary(1000)
  if (which === 'essential') return [ours, peer]
  const other = { sizeMax: 1000, profile, repeats: 2 }
  return [
    ours,
    dmlsLibrary({ name: DECENTRALIZED, repeats: 4, sizeMax: 1e6, profile: dmlsProfile, newSuite: newNodeSuite }),
    dmlsLibrary({ ...other, name: 'dmls, webcrypto', newSuite: suiteOf(webCryptoProvider) }),
    dmlsLibrary({ ...other, name: 'dmls, noble', newSuite: suiteOf(nobleProvider) }),
    peer,
  ]
}
