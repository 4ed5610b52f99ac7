/**
 * EdDSA where RFC 8032 leaves a choice: keys and signatures with a component of low order. Whoever makes them on purpose
 * must not be able to split a group whose members run on different providers: all providers give one verdict.
 */

import { type CipherSuite, fromHex, systemRandom, toHex, utf8 } from '@dmls/crypto'
import type { EdwardsPoint } from '@noble/curves/abstract/edwards.js'
import { ed448 } from '@noble/curves/ed448.js'
import { ED25519_TORSION_SUBGROUP, ed25519 } from '@noble/curves/ed25519.js'
import { sha512 } from '@noble/hashes/sha2.js'
import { shake256 } from '@noble/hashes/sha3.js'
import { describe, expect, test } from 'vitest'
import { PROVIDERS } from './providers.ts'

function suitesWith(id: number): readonly CipherSuite[] {
  return PROVIDERS.filter(({ cipherSuites }) => cipherSuites.some((candidate) => candidate === id)).map((provider) =>
    provider.cipherSuite(id),
  )
}

/** The verdict of all suites; fails if they differ. */
async function verdict(
  suites: readonly CipherSuite[],
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  const verdicts = await Promise.all(suites.map((suite) => suite.verify(publicKey, message, signature)))
  expect(new Set(verdicts).size).toBe(1)
  return verdicts[0] as boolean
}

/** Whether all suites take the bytes for a public key; fails if they differ. */
function isPublicKey(suites: readonly CipherSuite[], bytes: Uint8Array): boolean {
  const verdicts = suites.map((suite) => {
    try {
      suite.validateSignaturePublicKey(bytes)
      return true
    } catch {
      return false
    }
  })
  expect(new Set(verdicts).size).toBe(1)
  return verdicts[0] as boolean
}

function littleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${toHex(bytes.slice().reverse())}`)
}

function littleEndianBytes(value: bigint, size: number): Uint8Array {
  return fromHex(value.toString(16).padStart(2 * size, '0')).reverse()
}

interface Curve {
  readonly suites: readonly CipherSuite[]
  readonly curve: typeof ed25519 | typeof ed448
  readonly size: number
  readonly p: bigint
  /** Every point of low order, the identity first. */
  readonly lowOrder: readonly EdwardsPoint[]
  challenge(R: Uint8Array, A: Uint8Array, message: Uint8Array): bigint
}

const P448 = 2n ** 448n - 2n ** 224n - 1n

const CURVES: readonly (Curve & { readonly title: string })[] = [
  {
    title: 'Ed25519',
    suites: suitesWith(1),
    curve: ed25519,
    size: 32,
    p: 2n ** 255n - 19n,
    lowOrder: ED25519_TORSION_SUBGROUP.map((hex) => ed25519.Point.fromHex(hex)),
    challenge: (R, A, message) => littleEndian(sha512(Uint8Array.of(...R, ...A, ...message))),
  },
  {
    title: 'Ed448',
    suites: suitesWith(4),
    curve: ed448,
    size: 57,
    p: P448,
    lowOrder: [
      { x: 0n, y: 1n },
      { x: 0n, y: P448 - 1n },
      { x: 1n, y: 0n },
      { x: P448 - 1n, y: 0n },
    ].map((point) => ed448.Point.fromAffine(point)),
    challenge: (R, A, message) =>
      littleEndian(shake256(Uint8Array.of(...utf8('SigEd448'), 0, 0, ...R, ...A, ...message), { dkLen: 114 })),
  },
]

describe.each(CURVES)('$title', ({ suites, curve, size, p, lowOrder, challenge }) => {
  const { BASE, Fn } = curve.Point
  const scalar = () => (littleEndian(systemRandom(size + 8)) % (Fn.ORDER - 1n)) + 1n

  /** A signature whose key and R are off by points of low order; with both zero it is an ordinary one. */
  function forge(
    message: Uint8Array,
    keyOffset: EdwardsPoint,
    offsetOfR: EdwardsPoint,
  ): { readonly publicKey: Uint8Array; readonly signature: Uint8Array } {
    const [a, r] = [scalar(), scalar()]
    const publicKey = BASE.multiply(a).add(keyOffset).toBytes()
    const R = BASE.multiply(r).add(offsetOfR).toBytes()
    const S = (r + challenge(R, publicKey, message) * a) % Fn.ORDER
    return { publicKey, signature: Uint8Array.of(...R, ...littleEndianBytes(S, size)) }
  }

  const [zero, ...torsion] = lowOrder as [EdwardsPoint, ...EdwardsPoint[]]

  test('an ordinary signature that was made by hand is valid', async () => {
    const message = utf8('alice')
    const { publicKey, signature } = forge(message, zero, zero)
    expect(await verdict(suites, publicKey, message, signature)).toBe(true)
    expect(isPublicKey(suites, publicKey)).toBe(true)
  })

  test('signatures by keys of mixed order get one verdict', async () => {
    for (const offset of torsion) {
      for (let i = 0; i < 8; i++) {
        const message = utf8(`mallory ${i}`)
        const { publicKey, signature } = forge(message, offset, zero)
        await verdict(suites, publicKey, message, signature)
        expect(isPublicKey(suites, publicKey)).toBe(true)
      }
    }
  })

  test('signatures with an R of mixed order get one verdict', async () => {
    for (const offset of torsion) {
      const message = utf8('mallory')
      const { publicKey, signature } = forge(message, zero, offset)
      await verdict(suites, publicKey, message, signature)
    }
  })

  test('keys of low order are no keys, and sign nothing', async () => {
    const message = utf8('mallory')
    for (const point of lowOrder) {
      const y = littleEndian(point.toBytes()) % 2n ** BigInt(8 * size - 1)
      const encodings = [y, y + p]
        .filter((encoded) => encoded < 2n ** BigInt(size === 32 ? 255 : 448))
        .flatMap((encoded) => [encoded, encoded + 2n ** BigInt(8 * size - 1)])
        .map((encoded) => littleEndianBytes(encoded, size))
      for (const publicKey of encodings) {
        expect(isPublicKey(suites, publicKey)).toBe(false)
        // Eight tries: with one challenge in eight the key drops out of the equation.
        for (let i = 0; i < 8; i++) {
          const r = scalar()
          const signature = Uint8Array.of(...BASE.multiply(r).toBytes(), ...littleEndianBytes(r, size))
          expect(await verdict(suites, publicKey, message, signature)).toBe(false)
        }
      }
    }
  })

  test('half of all strings are keys, the same ones everywhere', () => {
    const counts = { keys: 0, others: 0 }
    for (let i = 0; i < 40; i++) {
      const bytes = systemRandom(size)
      if (size === 57) bytes[56] = (bytes[56] as number) & 0x80
      if (isPublicKey(suites, bytes)) counts.keys++
      else counts.others++
    }
    expect(counts.keys).toBeGreaterThan(3)
    expect(counts.others).toBeGreaterThan(3)
  })

  test('encodings of y from p on are no keys', () => {
    for (let y = 0n; y < 19n; y++) expect(isPublicKey(suites, littleEndianBytes(p + y, size))).toBe(false)
    if (size === 57) {
      const key = BASE.toBytes()
      key[56] = 1
      expect(isPublicKey(suites, key)).toBe(false)
    }
  })
})
