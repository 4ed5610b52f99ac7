/** The checks of public keys that need no library, against a library that does the arithmetic another way. */

import { fromHex, systemRandom } from '@dmls/crypto'
import { x448 } from '@noble/curves/ed448.js'
import { x25519 } from '@noble/curves/ed25519.js'
import { describe, expect, test } from 'vitest'
import { hasLowOrder } from '../src/montgomery-points.ts'
import { isNistPoint } from '../src/nist-points.ts'
import { isNistScalar, randomNistScalar } from '../src/nist-scalars.ts'
import { NIST_CURVES } from '../src/noble/nist-curves.ts'

describe.each(['P-256', 'P-384', 'P-521'] as const)('%s', (curve) => {
  const { Point, getPublicKey, utils } = NIST_CURVES[curve]
  const n = Point.Fn.ORDER

  test('takes the keys of the library for points, and nothing beside them', () => {
    for (let i = 0; i < 10; i++) {
      const publicKey = getPublicKey(utils.randomSecretKey(), false)
      expect(isNistPoint(curve, publicKey)).toBe(true)
      const index = 1 + ((systemRandom(1)[0] as number) % (publicKey.length - 1))
      publicKey[index] = (publicKey[index] as number) ^ 1
      expect(isNistPoint(curve, publicKey)).toBe(false)
    }
  })

  test('does not reduce coordinates', () => {
    const { p } = Point.CURVE()
    const size = Point.Fp.BYTES
    // A point whose x + p still has room in the encoding, if the curve leaves any.
    for (let x = 0n; x < 40n; x++) {
      const y2 = Point.Fp.add(Point.Fp.mul(x * x, x), Point.CURVE().b - 3n * x + 3n * p)
      let y: bigint
      try {
        y = Point.Fp.sqrt(Point.Fp.create(y2))
      } catch {
        continue
      }
      const encode = (value: bigint) => value.toString(16).padStart(2 * size, '0')
      const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex, 'hex'))
      expect(isNistPoint(curve, bytes(`04${encode(x)}${encode(y)}`))).toBe(true)
      expect(isNistPoint(curve, bytes(`04${encode(x + p)}${encode(y)}`))).toBe(false)
    }
  })

  test('takes the scalars from 1 to n - 1', () => {
    const size = Point.Fn.BYTES
    const bytes = (value: bigint) => Uint8Array.from(Buffer.from(value.toString(16).padStart(2 * size, '0'), 'hex'))
    for (const scalar of [1n, 2n, n >> 1n, n - 1n]) expect(isNistScalar(curve, bytes(scalar))).toBe(true)
    for (const scalar of [0n, n, n + 1n]) expect(isNistScalar(curve, bytes(scalar))).toBe(false)
    expect(isNistScalar(curve, bytes(1n).slice(1))).toBe(false)
  })
})

describe('random scalars', () => {
  const n = fromHex('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551')

  test('are drawn again until they are below the order', () => {
    const draws = [n.slice(), new Uint8Array(32), new Uint8Array(32).fill(0xff), new Uint8Array(32).fill(7)]
    const scalar = randomNistScalar('P-256', () => draws.shift() as Uint8Array)
    expect(scalar).toEqual(new Uint8Array(32).fill(7))
    expect(draws).toEqual([])
  })

  test('are given up on when the source yields none', () => {
    expect(() => randomNistScalar('P-256', (length) => new Uint8Array(length))).toThrow(
      expect.objectContaining({ code: 'provider_failed' }),
    )
  })
})

describe.each([
  { curve: 'X25519', group: x25519, p: 2n ** 255n - 19n, size: 32, bits: 255n },
  { curve: 'X448', group: x448, p: 2n ** 448n - 2n ** 224n - 1n, size: 56, bits: 448n },
] as const)('$curve', ({ curve, group, p, size, bits }) => {
  /** All encodings of u: with p added and with unused bits set, as far as there is room. */
  function encodings(u: bigint): readonly Uint8Array[] {
    const values = [u, u + p].filter((value) => value < 2n ** bits)
    if (curve === 'X25519') values.push(...values.map((value) => value + 2n ** 255n))
    return values.map((value) =>
      Uint8Array.from(Buffer.from(value.toString(16).padStart(2 * size, '0'), 'hex')).reverse(),
    )
  }

  function givesZero(publicKey: Uint8Array): boolean {
    try {
      group.getSharedSecret(group.utils.randomSecretKey(), publicKey)
      return false
    } catch {
      return true
    }
  }

  test('has low order exactly where the shared secret is zero', () => {
    // On X25519 also the two coordinates of order 8.
    const order8 =
      curve === 'X25519'
        ? [
            325606250916557431795983626356110631294008115727848805560023387167927233504n,
            39382357235489614581723060781553021112529911719440698176882885853963445705823n,
          ]
        : []
    let lowOrder = 0
    for (const u of [0n, 1n, 2n, 3n, 4n, 9n, p - 2n, p - 1n, ...order8, ...order8.map((x) => p - x)]) {
      for (const publicKey of encodings(u)) {
        expect(hasLowOrder(curve, publicKey)).toBe(givesZero(publicKey))
        if (hasLowOrder(curve, publicKey)) lowOrder++
      }
    }
    expect(lowOrder).toBe(curve === 'X25519' ? 14 : 5)
    for (let i = 0; i < 20; i++) expect(hasLowOrder(curve, systemRandom(size))).toBe(false)
  })
})
