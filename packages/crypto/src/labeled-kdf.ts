/**
 * LabeledExtract and LabeledExpand, RFC 9180 §4. The fixed bytes of each label are joined once.
 */

import { concatBytes, utf8 } from './bytes.ts'
import { requireOutputLength } from './checks.ts'
import type { Kdf } from './primitives.ts'

const EMPTY = new Uint8Array(0)

export interface LabeledKdf {
  extractor(label: string): (salt: Uint8Array, ikm: Uint8Array) => Uint8Array
  /** Expands to `length` bytes, always; each info begins with `infoStart`. */
  expander(label: string, length: number, infoStart?: Uint8Array): (prk: Uint8Array, infoRest: Uint8Array) => Uint8Array
}

export function labeledKdf(kdf: Kdf, suiteId: Uint8Array): LabeledKdf {
  const version = utf8('HPKE-v1')
  return {
    extractor(label) {
      const prefix = concatBytes(version, suiteId, utf8(label))
      return (salt, ikm) => kdf.extract(salt, prefix, ikm)
    },
    expander(label, length, infoStart = EMPTY) {
      requireOutputLength(length, 255 * kdf.size)
      const prefix = concatBytes(Uint8Array.of(length >> 8, length & 0xff), version, suiteId, utf8(label), infoStart)
      return (prk, infoRest) => kdf.expand(prk, prefix, length, infoRest)
    },
  }
}
