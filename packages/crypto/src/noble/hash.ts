/** SHA-2 and HMAC by @noble/hashes. */

import { hmac } from '@noble/hashes/hmac.js'
import { sha256, sha384, sha512 } from '@noble/hashes/sha2.js'
import { concatBytes, wipe } from '../bytes.ts'
import { guarded } from '../checks.ts'
import type { Hash } from '../primitives.ts'
import { HASH_SIZE, type HashName } from '../suite-table.ts'

const HASHES = { 'SHA-256': sha256, 'SHA-384': sha384, 'SHA-512': sha512 } as const

const NOTHING: Uint8Array = new Uint8Array(0)

export function nobleHash(name: HashName): Hash {
  const algorithm = HASHES[name]
  const mac = (key: Uint8Array, data: Uint8Array): Uint8Array =>
    guarded('provider_failed', 'HMAC failed', () => hmac(algorithm, key, data))
  return {
    size: HASH_SIZE[name],
    hash: (data) => guarded('provider_failed', 'hash failed', () => algorithm(data)),
    mac,
    expandOnce: (prk, info, infoRest = NOTHING) => mac(prk, concatBytes(info, infoRest, Uint8Array.of(1))),
    extract(salt, ikm, ikmRest) {
      if (ikmRest === undefined) return mac(salt, ikm)
      const whole = concatBytes(ikm, ikmRest)
      try {
        return mac(salt, whole)
      } finally {
        wipe(whole)
      }
    },
  }
}
