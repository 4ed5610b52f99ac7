/** HKDF over inputs that are given in two pieces, on every provider's hash. */
import { describe, expect, it } from 'vitest'
import { concatBytes } from '../src/bytes.ts'
import { hkdf } from '../src/hkdf.ts'
import { nobleHash } from '../src/noble/hash.ts'
import { nodeHash } from '../src/node/hash.ts'

const bytes = (length: number, first: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (first + i) & 0xff)
const PRK = bytes(32, 1)

describe.each([
  ['node', nodeHash],
  ['noble', nobleHash],
] as const)('HKDF on %s', (_, hashOf) => {
  const kdf = hkdf(hashOf('SHA-256'))

  it.each([
    [16, 10, 7],
    [32, 0, 40],
    [33, 40, 0],
    [200, 70, 300],
  ])('expands to %i bytes by an info of %i and %i bytes as by the two in one piece', (length, start, rest) => {
    const [infoStart, infoRest] = [bytes(start, 3), bytes(rest, 5)]
    expect(kdf.expand(PRK, infoStart, length, infoRest)).toEqual(
      kdf.expand(PRK, concatBytes(infoStart, infoRest), length),
    )
  })

  it.each([0, 20, 100])('extracts under a salt of %i bytes from two pieces as from one', (saltSize) => {
    const salt = bytes(saltSize, 9)
    expect(kdf.extract(salt, bytes(30, 3), bytes(300, 5))).toEqual(
      kdf.extract(salt, concatBytes(bytes(30, 3), bytes(300, 5))),
    )
  })
})
