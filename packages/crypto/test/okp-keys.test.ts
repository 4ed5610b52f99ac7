/** The two ways in which raw keys reach node:crypto lead to the same keys; one Node uses only one of them. */

import { systemRandom } from '@dmls/crypto'
import { describe, expect, test } from 'vitest'
import { exportOkpPublicKey, jwk, pem, quickestWrapping } from '../src/node/okp-keys.ts'

describe.each([
  { curve: 'X25519', size: 32 },
  { curve: 'X448', size: 56 },
  { curve: 'Ed25519', size: 32 },
  { curve: 'Ed448', size: 57 },
] as const)('keys of $curve', ({ curve, size }) => {
  test('are the same as JWK and as PEM', () => {
    const bytes = systemRandom(size)
    const privateKey = jwk.privateKey(curve, bytes)
    expect(pem.privateKey(curve, bytes).equals(privateKey)).toBe(true)
    expect(pem.privateKey(curve, systemRandom(size)).equals(privateKey)).toBe(false)
    const publicBytes = exportOkpPublicKey(privateKey)
    expect(exportOkpPublicKey(pem.privateKey(curve, bytes))).toEqual(publicBytes)
    const publicKey = jwk.publicKey(curve, publicBytes)
    expect(pem.publicKey(curve, publicBytes).equals(publicKey)).toBe(true)
    expect(publicKey.export({ format: 'jwk' }).x).toBe(Buffer.from(publicBytes).toString('base64url'))
  })
})

test('OpenSSL 3.5 and later get PEM, earlier ones JWK', () => {
  for (const version of [0x30500000, 0x30500080, 0x30a00010, 0x40000000]) expect(quickestWrapping(version)).toBe(pem)
  for (const version of [0x1010117f, 0x30000100, 0x304000f0]) expect(quickestWrapping(version)).toBe(jwk)
})
