/**
 * `@dmls/crypto/noble`: every cipher suite in plain JavaScript, for wherever nothing faster is at hand. Big integers of
 * JavaScript are not constant-time; where that matters, take another provider.
 */

import { assembleProvider } from '../assemble.ts'
import type { CryptoProvider } from '../cipher-suite.ts'
import { dhkem } from '../dhkem.ts'
import { isNistCurve, SUITES } from '../suite-table.ts'
import { nobleAead } from './aead.ts'
import { nobleEcDh } from './ec-dh.ts'
import { nobleEcdsa } from './ecdsa.ts'
import { nobleEddsa } from './eddsa.ts'
import { nobleHash } from './hash.ts'
import { nobleMontgomery } from './montgomery.ts'

export const nobleProvider: CryptoProvider = assembleProvider(
  'noble',
  SUITES.map(({ id }) => id),
  {
    hash: nobleHash,
    aead: nobleAead,
    kem: (name, kdf) => dhkem(name, isNistCurve(name) ? nobleEcDh(name) : nobleMontgomery(name), kdf),
    signature: (name) => (isNistCurve(name) ? nobleEcdsa(name) : nobleEddsa(name)),
  },
)
