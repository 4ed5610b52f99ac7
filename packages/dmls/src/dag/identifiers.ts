/**
 * The two names that the decentralized profile adds: which epoch (protocol §2: dmls_epoch) and which member (protocol
 * §7: an instance, by its KeyPackageRef). Both are hashes, so they are kept as lower-case hex: equal text is equal
 * bytes, and they are keys of a Map as they are. Only the parsers here make them.
 */
import { fromHex, toHex } from '@dmls/crypto'
import { usage } from '@dmls/mls'

declare const brand: unique symbol

/** Lower-case hex of a `dmls_epoch`, KDF.Nh bytes. */
export type DmlsEpoch = string & { readonly [brand]: 'DmlsEpoch' }

/** Lower-case hex of the KeyPackageRef a member was added with; creator and external joiners: hash of their first leaf. */
export type InstanceId = string & { readonly [brand]: 'InstanceId' }

/** No hash of a registered cipher suite is longer. */
const IDENTIFIER_SIZE_MAX = 64

function identifierHex(value: Uint8Array | string): string {
  const hex = typeof value === 'string' ? value : toHex(value)
  if (hex.length === 0 || hex.length % 2 !== 0 || hex.length > 2 * IDENTIFIER_SIZE_MAX || /[^0-9a-f]/.test(hex)) {
    throw usage('bad_identifier', 'an identifier is 1 to 64 bytes, as bytes or as lower-case hex')
  }
  return hex
}

/** @throws MlsError `bad_identifier` unless the value is 1 to 64 bytes, or lower-case hex of them. */
export function dmlsEpoch(value: Uint8Array | string): DmlsEpoch {
  return identifierHex(value) as DmlsEpoch
}

/** @throws MlsError `bad_identifier` unless the value is 1 to 64 bytes, or lower-case hex of them. */
export function instanceId(value: Uint8Array | string): InstanceId {
  return identifierHex(value) as InstanceId
}

/** The bytes that an identifier names. */
export function identifierBytes(identifier: DmlsEpoch | InstanceId): Uint8Array {
  return fromHex(identifier)
}

/** Ascending order of hex text, which is the order of the bytes. For sorting; never depends on the locale. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
