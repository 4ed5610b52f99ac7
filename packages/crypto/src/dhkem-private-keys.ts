/**
 * Private keys of DHKEM: DeriveKeyPair (RFC 9180 §7.1.3) without the multiplication that makes the public key, and
 * private keys from fresh randomness. Every provider takes the same randomness to the same key.
 */

import { concatBytes, utf8, wipe } from './bytes.ts'
import { drawRandom } from './checks.ts'
import type { RandomSource } from './cipher-suite.ts'
import { CryptoError } from './errors.ts'
import { type LabeledKdf, labeledKdf } from './labeled-kdf.ts'
import { isNistScalar, nistScalarMask } from './nist-scalars.ts'
import type { Kdf } from './primitives.ts'
import { isNistCurve, KEM, type KemName, type NistCurveName } from './suite-table.ts'

export interface DhkemPrivateKeys {
  derive(ikm: Uint8Array): Uint8Array
  /** The random bytes themselves, or on a NIST curve what {@link derive} makes of them. */
  generate(random: RandomSource): Uint8Array
}

const EMPTY = new Uint8Array(0)

export function dhkemPrivateKeys(name: KemName, kdf: Kdf): DhkemPrivateKeys {
  const { privateKeySize } = KEM[name]
  const labeled = labeledKdf(kdf, kemSuiteId(name))
  const derive = isNistCurve(name)
    ? nistDeriver(labeled, name, privateKeySize)
    : montgomeryDeriver(labeled, privateKeySize)
  return {
    derive,
    generate(random) {
      const bytes = drawRandom(random, privateKeySize)
      if (!isNistCurve(name)) return bytes
      const privateKey = derive(bytes)
      wipe(bytes)
      return privateKey
    },
  }
}

/** RFC 9180 §4.1: suite_id = "KEM" || I2OSP(kem_id, 2). */
export function kemSuiteId(name: KemName): Uint8Array {
  const { id } = KEM[name]
  return concatBytes(utf8('KEM'), Uint8Array.of(id >> 8, id & 0xff))
}

/** RFC 9180 §7.1.3, X25519 and X448. */
function montgomeryDeriver(labeled: LabeledKdf, size: number): (ikm: Uint8Array) => Uint8Array {
  const extract = labeled.extractor('dkp_prk')
  const expand = labeled.expander('sk', size)
  return (ikm) => {
    const prk = extract(EMPTY, ikm)
    const privateKey = expand(prk, EMPTY)
    wipe(prk)
    return privateKey
  }
}

/** RFC 9180 §7.1.3, P-256, P-384 and P-521: the first candidate that is a scalar. */
function nistDeriver(labeled: LabeledKdf, curve: NistCurveName, size: number): (ikm: Uint8Array) => Uint8Array {
  const extract = labeled.extractor('dkp_prk')
  const expand = labeled.expander('candidate', size)
  const mask = nistScalarMask(curve)
  return (ikm) => {
    const prk = extract(EMPTY, ikm)
    for (let counter = 0; counter < 256; counter++) {
      const candidate = expand(prk, Uint8Array.of(counter))
      candidate[0] = (candidate[0] as number) & mask
      if (isNistScalar(curve, candidate)) {
        wipe(prk)
        return candidate
      }
    }
    throw new CryptoError('provider_failed', 'no candidate is a scalar')
  }
}
