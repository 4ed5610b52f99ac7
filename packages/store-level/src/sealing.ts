/**
 * Values as they lie on the disk: place (12 bytes) ‖ ciphertext ‖ tag (16). The key comes from the slot named by the
 * place; a slot holds one secret for one value, so every key seals once and the nonce can be all zeros.
 */
import { wipe } from '@dmls/crypto'
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
  const place = decodePlace(record)
  if (place === undefined || record.length < PLACE_SIZE + suite.tagSize) return undefined
  const valueKey = keys.deriveKey(place.slot)
  try {
    return suite.open(valueKey, NONCE, entryName(key, place), record.subarray(PLACE_SIZE))
  } catch {
    return undefined
  } finally {
    wipe(valueKey)
  }
}
