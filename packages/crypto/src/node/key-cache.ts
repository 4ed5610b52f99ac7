/**
 * A bounded memory of imported public keys, one per scheme of a provider. It never holds a private key.
 */

import { Buffer } from 'node:buffer'
import type { KeyObject } from 'node:crypto'

/** Enough for the members of a large group; a KeyObject takes about 1 KiB. */
const KEYS_MAX = 2048

export interface KeyCache {
  /** The imported form of `publicKey`. Throws what the import throws, and remembers no failure. */
  get(publicKey: Uint8Array): KeyObject
  /** The same, or undefined where the import throws. */
  find(publicKey: Uint8Array): KeyObject | undefined
}

export function keyCache(importKey: (publicKey: Uint8Array) => KeyObject, keysMax: number = KEYS_MAX): KeyCache {
  const keys = new Map<string, KeyObject>()

  function get(publicKey: Uint8Array): KeyObject {
    const name = Buffer.from(publicKey.buffer, publicKey.byteOffset, publicKey.byteLength).toString('latin1')
    const known = keys.get(name)
    if (known !== undefined) return known
    const key = importKey(publicKey)
    if (keys.size >= keysMax) {
      // The oldest goes: a Map iterates in the order of insertion.
      for (const oldest of keys.keys()) {
        keys.delete(oldest)
        break
      }
    }
    keys.set(name, key)
    return key
  }

  return {
    get,
    find(publicKey) {
      try {
        return get(publicKey)
      } catch {
        return undefined
      }
    },
  }
}
