/** SHA-2 and HMAC by node:crypto, both by its one-shot `hash`: an object for each digest costs several times as much. */

import { hash } from 'node:crypto'
import { asCryptoError } from '../checks.ts'
import type { Hash } from '../primitives.ts'
import { HASH_SIZE, type HashName } from '../suite-table.ts'
import { plain } from './buffers.ts'
import { OPENSSL_HASH } from './openssl-names.ts'

/** The block of the hash function that HMAC pads its key to (RFC 2104 §2). */
const BLOCK_SIZE: Readonly<Record<HashName, number>> = { 'SHA-256': 64, 'SHA-384': 128, 'SHA-512': 128 }
const INNER_PAD = 0x36
const OUTER_PAD = 0x5c
/** Inner inputs for messages up to this size are kept, cleared, for the next call. */
const KEPT_MESSAGE_SIZE_MAX = 256

const NOTHING: Uint8Array = new Uint8Array(0)
const ONE = Uint8Array.of(1)

/** Writes the hash of `data` into `target`. */
type Digest = (target: Uint8Array, at: number, data: Uint8Array) => void

export function nodeHash(name: HashName): Hash {
  const algorithm = OPENSSL_HASH[name]
  const size = HASH_SIZE[name]
  const blockSize = BLOCK_SIZE[name]
  const outer = new Uint8Array(blockSize + size)
  const inners: (Uint8Array | undefined)[] = []

  /** As a string with one character a byte: a third of the time of a buffer, but nobody can overwrite it. */
  const publicDigest: Digest = (target, at, data) => {
    const text = hash(algorithm, data, 'binary')
    for (let i = 0; i < size; i++) target[at + i] = text.charCodeAt(i)
  }

  const secretDigest: Digest = (target, at, data) => {
    const digest = hash(algorithm, data, 'buffer')
    target.set(digest, at)
    digest.fill(0)
  }

  function innerInput(messageSize: number): Uint8Array {
    if (messageSize > KEPT_MESSAGE_SIZE_MAX) return new Uint8Array(blockSize + messageSize)
    const kept = inners[messageSize] ?? new Uint8Array(blockSize + messageSize)
    inners[messageSize] = kept
    return kept
  }

  /**
   * RFC 2104 §2: H(K ⊕ opad ‖ H(K ⊕ ipad ‖ message)), the message in three pieces. Measured at half the time of `createHmac`
   * with a KeyObject.
   */
  function hmac(
    innerDigest: Digest,
    key: Uint8Array,
    first: Uint8Array,
    second: Uint8Array = NOTHING,
    third: Uint8Array = NOTHING,
  ): Uint8Array {
    if (key.length > blockSize) return hmacWithLongKey(innerDigest, key, first, second, third)
    const secondAt = blockSize + first.length
    const thirdAt = secondAt + second.length
    const inner = innerInput(thirdAt + third.length - blockSize)
    try {
      inner.fill(INNER_PAD, key.length, blockSize)
      outer.fill(OUTER_PAD, key.length, blockSize)
      for (let i = 0; i < key.length; i++) {
        const byte = key[i] as number
        inner[i] = byte ^ INNER_PAD
        outer[i] = byte ^ OUTER_PAD
      }
      inner.set(first, blockSize)
      if (second.length > 0) inner.set(second, secondAt)
      if (third.length > 0) inner.set(third, thirdAt)
      innerDigest(outer, blockSize, inner)
      return plain(hash(algorithm, outer, 'buffer'))
    } catch (error) {
      throw asCryptoError(error, 'provider_failed', 'HMAC failed')
    } finally {
      inner.fill(0)
      outer.fill(0)
    }
  }

  /** RFC 2104 §2: a key longer than a block is hashed first. */
  function hmacWithLongKey(
    innerDigest: Digest,
    key: Uint8Array,
    ...message: readonly [Uint8Array, Uint8Array, Uint8Array]
  ): Uint8Array {
    const short = new Uint8Array(size)
    try {
      secretDigest(short, 0, key)
      return hmac(innerDigest, short, ...message)
    } catch (error) {
      throw asCryptoError(error, 'provider_failed', 'HMAC failed')
    } finally {
      short.fill(0)
    }
  }

  return {
    size,
    hash(data) {
      const digest = new Uint8Array(size)
      try {
        publicDigest(digest, 0, data)
      } catch (error) {
        throw asCryptoError(error, 'provider_failed', 'hash failed')
      }
      return digest
    },
    // without the key the inner hash tells nothing
    mac: (key, data) => hmac(publicDigest, key, data),
    expandOnce: (prk, info, infoRest) => hmac(publicDigest, prk, info, infoRest, ONE),
    // with a salt that everybody knows, the inner hash is as good as the result
    extract: (salt, ikm, ikmRest) => hmac(secretDigest, salt, ikm, ikmRest),
  }
}
