/**
 * The digest of a set of entries: the exclusive or of one keyed hash for each. It changes with every batch at the cost
 * of that batch alone, and can be computed anew from the index on open. A log damaged in its middle makes LevelDB drop
 * batches without a word; the index is then not what the last surviving batch says that it is.
 */
import type { KeyFile } from './key-file.ts'
import { entryName, type Place } from './records.ts'

export const DIGEST_SIZE = 32

/** Adds an entry, or takes it away again: the operation is its own inverse. */
export function toggle(digest: Uint8Array, keys: KeyFile, key: Uint8Array, place: Place): void {
  const hash = keys.entryDigest(entryName(key, place))
  for (let i = 0; i < DIGEST_SIZE; i++) digest[i] = (digest[i] as number) ^ (hash[i] as number)
}
