/**
 * How the store lays out its records in the LSM tree. Each entry of the client is two records: its sealed value, and an
 * index record that says which slot of the key file holds the value's secret. Plus two records of the store's own.
 */
import { concatBytes, utf8 } from '@dmls/crypto'

/** Where an entry's secret is, and which batch wrote it. */
export interface Place {
  readonly slot: number
  readonly sequence: number
}

export const PLACE_SIZE = 12

const VALUE = 0x76
const INDEX = 0x69

/** Format and store id. */
export const FORMAT_KEY: Uint8Array = utf8('s/format')
/** Sequence and digest after the last batch. */
export const STATE_KEY: Uint8Array = utf8('s/state')

export function valueKey(key: Uint8Array): Uint8Array {
  return prefixed(VALUE, key)
}

export function indexKey(key: Uint8Array): Uint8Array {
  return prefixed(INDEX, key)
}

/** The client's key in the key of a record. */
export function clientKey(recordKey: Uint8Array): Uint8Array {
  return recordKey.slice(1)
}

/** The index records of all keys that start with `prefix`. */
export function indexRange(prefix: Uint8Array): { readonly gte: Uint8Array; readonly lt: Uint8Array } {
  const gte = indexKey(prefix)
  const last = gte.findLastIndex((byte) => byte !== 0xff)
  // INDEX itself is not 0xff, so there is always a byte to count up.
  const lt = gte.slice(0, last + 1)
  lt[last] = (lt[last] as number) + 1
  return { gte, lt }
}

export function encodePlace({ slot, sequence }: Place): Uint8Array {
  const bytes = new Uint8Array(PLACE_SIZE)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, slot)
  view.setBigUint64(4, BigInt(sequence))
  return bytes
}

/** The place at the start of an index record or a value record; undefined if the bytes are too few. */
export function decodePlace(bytes: Uint8Array): Place | undefined {
  if (bytes.length < PLACE_SIZE) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return { slot: view.getUint32(0), sequence: Number(view.getBigUint64(4)) }
}

/** What names an entry: bound into its value's seal and into the digest. */
export function entryName(key: Uint8Array, place: Place): Uint8Array {
  return concatBytes(encodePlace(place), key)
}

function prefixed(kind: number, key: Uint8Array): Uint8Array {
  const record = new Uint8Array(1 + key.length)
  record[0] = kind
  record.set(key, 1)
  return record
}
