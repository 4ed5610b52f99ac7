/** RFC 9420 §8.4: the secrets of pre-shared keys, chained into one. Which PSKs a commit may name is checked elsewhere. */
import type { CipherSuite } from '@dmls/crypto'
import { Writer } from '../codec/writer.ts'
import { usage } from '../errors.ts'
import { encodePreSharedKeyId, type PreSharedKeyId } from '../wire/psk.ts'
import { zeroSecret } from './key-schedule.ts'
import { expandWithLabel } from './labeled.ts'

/** A pre-shared key that is injected, with its secret. */
export interface PskInput {
  readonly id: PreSharedKeyId
  readonly secret: Uint8Array
}

/** `psk_secret`, KDF.Nh bytes, of the PSKs in the order in which the commit or the GroupSecrets names them. */
export function derivePskSecret(suite: CipherSuite, psks: readonly PskInput[]): Uint8Array {
  if (psks.length > 0xffff) throw usage('too_many_psks', 'at most 65535 pre-shared keys are injected at once') // RFC 9420 §8.4
  const zero = zeroSecret(suite)
  let pskSecret = zeroSecret(suite)
  for (const [index, { id, secret }] of psks.entries()) {
    const label = new Writer()
    encodePreSharedKeyId(label, id)
    label.uint16(index).uint16(psks.length)
    const extracted = suite.extract(zero, secret)
    const input = expandWithLabel(suite, extracted, 'derived psk', label.finish(), suite.hashSize)
    const chained = suite.extract(input, pskSecret)
    for (const passed of [extracted, input, pskSecret]) passed.fill(0)
    pskSecret = chained
  }
  return pskSecret
}
