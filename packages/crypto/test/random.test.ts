import { systemRandom } from '@dmls/crypto'
import { describe, expect, test } from 'vitest'

describe('systemRandom', () => {
  test('fills any length, beyond what one call of the system may ask for', () => {
    for (const length of [0, 1, 32, 65_536, 65_537, 200_001]) {
      const bytes = systemRandom(length)
      expect(bytes.length).toBe(length)
      // 40 zero bytes in a row at the end of a longer array would mean that it was not filled.
      if (length > 40) expect(bytes.subarray(-40).some((byte) => byte !== 0)).toBe(true)
    }
  })

  test('gives other bytes every time', () => {
    expect(systemRandom(32)).not.toEqual(systemRandom(32))
  })
})
