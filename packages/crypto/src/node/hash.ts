/** SHA-2 and HMAC by node:crypto. */

import { createHmac, createSecretKey, hash } from 'node:crypto'
import { guarded } from '../checks.ts'
import type { Hash } from '../primitives.ts'
import { HASH_SIZE, type HashName } from '../suite-table.ts'
import { plain } from './buffers.ts'
import { OPENSSL_HASH } from './openssl-names.ts'

/**
 * A key goes in as a KeyObject: since Node 24 that takes a third of the time of raw bytes, in which Node looks for a
 * KeyObject by way of exceptions.
 */
export function nodeHash(name: HashName): Hash {
  const algorithm = OPENSSL_HASH[name]
  return {
    size: HASH_SIZE[name],
    hash: (data) => guarded('provider_failed', 'hash failed', () => plain(hash(algorithm, data, 'buffer'))),
    mac: (key, data) =>
      guarded('provider_failed', 'HMAC failed', () =>
        plain(createHmac(algorithm, createSecretKey(key)).update(data).digest()),
      ),
  }
}
