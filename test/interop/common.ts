/** What both implementations are told alike. */
import { utf8 } from '@dmls/crypto'
import type { Lifetime } from '@dmls/mls'

/** Extension types of private use that every member lists, so that a GroupContext may carry them. */
export const EXTENSION_TYPES: readonly number[] = [0xff01, 0xff02]

/** What every member exports to compare (RFC 9420 §8.5). */
export const EXPORT = { label: 'interop', context: utf8('context'), length: 32 }

const HOUR_SECONDS = 3600n
const DAY_SECONDS = 24n * HOUR_SECONDS

/** Seconds since the Unix epoch. The peer reads the system's clock, so both do. */
export function now(): bigint {
  return BigInt(Math.floor(Date.now() / 1000))
}

export function lifetime(): Lifetime {
  const time = now()
  return { notBefore: time - HOUR_SECONDS, notAfter: time + 90n * DAY_SECONDS }
}
