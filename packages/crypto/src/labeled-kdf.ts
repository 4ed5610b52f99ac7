/**
 * LabeledExtract and LabeledExpand, RFC 9180 §4. The fixed bytes of each label are joined once.
 */

import { concatBytes, utf8, wipe } from './bytes.ts'
import { requireOutputLength } from './checks.ts'
import type { Kdf } from './primitives.ts'

export interface LabeledKdf {
  extractor(label: string): (salt: Uint8Array, ikm: Uint8Array) => Uint8Array
  /** Expands to `length` bytes, always; for one info, whose labelled form is made once. */
  expander(label: string, length: number): (info: Uint8Array) => (prk: Uint8Array) => Uint8Array
}

export function labeledKdf(kdf: Kdf, suiteId: Uint8Array): LabeledKdf {
  const version = utf8('HPKE-v1')
  return {
    extractor(label) {
      const prefix = concatBytes(version, suiteId, utf8(label))
      return (salt, ikm) => {
        const labeled = concatBytes(prefix, ikm)
        const prk = kdf.extract(salt, labeled)
        wipe(labeled)
        return prk
      }
    },
    expander(label, length) {
      requireOutputLength(length, 255 * kdf.size)
      const prefix = concatBytes(Uint8Array.of(length >> 8, length & 0xff), version, suiteId, utf8(label))
      return (info) => {
        const labeled = concatBytes(prefix, info)
        return (prk) => kdf.expand(prk, labeled, length)
      }
    },
  }
}
