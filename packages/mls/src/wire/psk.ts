/** RFC 9420 §8.4 `PreSharedKeyID`, with the kind that the MLS extensions draft adds. */
import type { Reader } from '../codec/reader.ts'
import type { Writer } from '../codec/writer.ts'
import { malformed } from '../errors.ts'

export type ResumptionPskUsage = 'application' | 'reinit' | 'branch'

export type Psk =
  | { readonly pskType: 'external'; readonly pskId: Uint8Array }
  | {
      readonly pskType: 'resumption'
      readonly usage: ResumptionPskUsage
      readonly pskGroupId: Uint8Array
      readonly pskEpoch: bigint
    }
  /** MLS extensions draft: a key that a component of the application provides. */
  | { readonly pskType: 'application'; readonly componentId: number; readonly pskId: Uint8Array }

export interface PreSharedKeyId {
  readonly psk: Psk
  /** KDF.Nh fresh random bytes. */
  readonly pskNonce: Uint8Array
}

const USAGES: readonly ResumptionPskUsage[] = ['application', 'reinit', 'branch']

export function encodePreSharedKeyId(writer: Writer, id: PreSharedKeyId): void {
  if (id.psk.pskType === 'external') {
    writer.uint8(1).opaque(id.psk.pskId)
  } else if (id.psk.pskType === 'application') {
    writer.uint8(3).uint16(id.psk.componentId).opaque(id.psk.pskId)
  } else {
    writer
      .uint8(2)
      .uint8(USAGES.indexOf(id.psk.usage) + 1)
      .opaque(id.psk.pskGroupId)
      .uint64(id.psk.pskEpoch)
  }
  writer.opaque(id.pskNonce)
}

function decodePsk(reader: Reader): Psk {
  const type = reader.uint8()
  if (type === 1) return { pskType: 'external', pskId: reader.opaque() }
  if (type === 3) return { pskType: 'application', componentId: reader.uint16(), pskId: reader.opaque() }
  if (type !== 2) throw malformed('bad_psk_type', 'a pre-shared key has an unknown type')
  const usage = USAGES[reader.uint8() - 1]
  if (usage === undefined) throw malformed('bad_psk_usage', 'a resumption PSK has an unknown usage')
  return { pskType: 'resumption', usage, pskGroupId: reader.opaque(), pskEpoch: reader.uint64() }
}

export function decodePreSharedKeyId(reader: Reader): PreSharedKeyId {
  return { psk: decodePsk(reader), pskNonce: reader.opaque() }
}
