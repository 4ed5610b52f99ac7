/**
 * Values as they lie on the disk: place (12 bytes) ‖ ciphertext ‖ tag (16). The key comes from the slot named by the
 * place; a slot holds one secret for one value, so every key seals once and the nonce can be all zeros.
 */
import { concatBytes, wipe } from '@dmls/crypto'
import type { KeyFile } from './key-file.ts'
import { decodePlace, encodePlace, entryName, PLACE_SIZE, type Place } from './records.ts'
import { suite } from './suite.ts'

const NONCE = new Uint8Array(suite.nonceSize)

/** Seals a value under the secret that the slot of `place` already holds. */
export function sealValue(keys: KeyFile, key: Uint8Array, place: Place, value: Uint8Array): Uint8Array {
  const valueKey = keys.deriveKey(place.slot)
  const sealed = suite.seal(valueKey, NONCE, entryName(key, place), value)
  wipe(valueKey)
  const record = new Uint8Array(PLACE_SIZE + sealed.length)
  record.set(encodePlace(place))
  record.set(sealed, PLACE_SIZE)
  return record
}

/** The value, or undefined if the record is damaged or its secret was forgotten. */
export function openValue(keys: KeyFile, key: Uint8Array, record: Uint8Array): Uint8Array | undefined {
  return openValues(keys, [[key, record]])[0]
}

/** The values of several keys, in their order; undefined where a record is missing or damaged, or its secret forgotten. */
export function openValues(
  keys: KeyFile,
  records: readonly (readonly [key: Uint8Array, record: Uint8Array | undefined])[],
): readonly (Uint8Array | undefined)[] {
  const slots = records.map(([, record]) => slotOf(record))
  const valueKeys = keys.deriveKeys(slots.filter((slot) => slot !== undefined))
  let next = 0
  const values = records.map(([key, record], i) =>
    record === undefined || slots[i] === undefined ? undefined : openWith(valueKeys[next++] as Uint8Array, key, record),
  )
  wipe(...valueKeys)
  return values
}

/** Undefined for what is no record. */
function slotOf(record: Uint8Array | undefined): number | undefined {
  if (record === undefined || record.length < PLACE_SIZE + suite.tagSize) return undefined
  return decodePlace(record)?.slot
}

function openWith(valueKey: Uint8Array, key: Uint8Array, record: Uint8Array): Uint8Array | undefined {
  try {
    // the place at the start of the record, and the key: its entryName
    const name = concatBytes(record.subarray(0, PLACE_SIZE), key)
    return suite.open(valueKey, NONCE, name, record.subarray(PLACE_SIZE))
  } catch {
    return undefined
  }
}
