/** DER and the fixed encoding of ECDSA signatures; Wycheproof has the hostile encodings. */

import { fromHex, systemRandom, toHex } from '@dmls/crypto'
import { p521 } from '@noble/curves/nist.js'
import { describe, expect, test } from 'vitest'
import { decodeDerSignature, encodeDerSignature } from '../src/ecdsa-signature.ts'

describe('ECDSA signatures', () => {
  test('survive the way to DER and back, whatever their leading bytes', () => {
    for (const size of [32, 48, 66]) {
      for (const [r, s] of [
        [0x00, 0x00],
        [0x7f, 0x80],
        [0x80, 0x01],
        [0xff, 0xff],
      ] as const) {
        const fixed = systemRandom(2 * size)
        fixed[0] = r
        fixed[size] = s
        const der = encodeDerSignature(fixed)
        expect(decodeDerSignature(der, size)).toEqual(fixed)
        expect(decodeDerSignature(der.slice(0, -1), size)).toBeUndefined()
        expect(decodeDerSignature(Uint8Array.of(...der, 0), size)).toBeUndefined()
      }
    }
  })

  test('have the DER that another library gives them, with a length of one byte and of two', () => {
    const key = p521.utils.randomSecretKey()
    for (let i = 0; i < 4; i++) {
      const fixed = p521.sign(Uint8Array.of(i), key, { lowS: false })
      const der = p521.Signature.fromBytes(fixed, 'compact').toBytes('der')
      expect(encodeDerSignature(fixed)).toEqual(der)
      expect(decodeDerSignature(der, 66)).toEqual(fixed)
    }
    expect(toHex(encodeDerSignature(fromHex('00000080')))).toBe('300702010002020080')
  })

  test('are refused in BER and when they do not fit', () => {
    for (const notDer of [
      '',
      '30',
      '3000',
      '3003020101',
      '300602010102010100',
      '308106020101020101',
      '30800201010201010000',
      '30080202000102020001',
      '3006020181020101',
      '3006020101030101',
      '3106020101020101',
      '300402000200',
      '3008020301000002010100',
      '300802030100000201',
    ]) {
      expect(decodeDerSignature(fromHex(notDer), 2)).toBeUndefined()
    }
    expect(decodeDerSignature(fromHex('3006020101020102'), 2)).toEqual(fromHex('00010002'))
    expect(decodeDerSignature(fromHex('30080203010000020102'), 2)).toBeUndefined()
  })
})
