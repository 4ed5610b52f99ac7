import {
  compareBytes,
  concatBytes,
  equalBytes,
  equalConstantTime,
  fromHex,
  fromUtf8,
  toHex,
  utf8,
  wipe,
} from '@dmls/crypto'
import { fc, test } from '@fast-check/vitest'
import { describe, expect } from 'vitest'

const bytes = () => fc.uint8Array({ maxLength: 40 })

describe('byte strings', () => {
  test.prop([bytes(), bytes()])('are equal exactly when their hexadecimals are', (a, b) => {
    const same = toHex(a) === toHex(b)
    expect(equalBytes(a, b)).toBe(same)
    expect(equalConstantTime(a, b)).toBe(same)
    expect(compareBytes(a, b) === 0).toBe(same)
    expect(equalBytes(a, a.slice())).toBe(true)
    expect(equalConstantTime(a, a.slice())).toBe(true)
  })

  test.prop([bytes(), fc.nat(), fc.integer({ min: 1, max: 255 })])('differ when one byte does', (a, at, difference) => {
    fc.pre(a.length > 0)
    const b = a.slice()
    b[at % a.length] = (b[at % a.length] as number) ^ difference
    expect(equalBytes(a, b)).toBe(false)
    expect(equalConstantTime(a, b)).toBe(false)
  })

  test.prop([bytes(), bytes()])('are ordered like their hexadecimals', (a, b) => {
    const expected = toHex(a) < toHex(b) ? -1 : toHex(a) > toHex(b) ? 1 : 0
    expect(Math.sign(compareBytes(a, b))).toBe(expected)
  })

  test.prop([fc.array(bytes(), { maxLength: 5 })])('join into a copy', (parts) => {
    const joined = concatBytes(...parts)
    expect(toHex(joined)).toBe(parts.map(toHex).join(''))
    for (const part of parts) wipe(part)
    expect(parts.every((part) => part.every((byte) => byte === 0))).toBe(true)
    expect(joined.length).toBe(parts.reduce((sum, { length }) => sum + length, 0))
  })

  test.prop([bytes()])('survive the way to hexadecimal and back', (a) => {
    expect(fromHex(toHex(a))).toEqual(a)
    expect(fromHex(toHex(a).toUpperCase())).toEqual(a)
  })

  test('are not read from what is no hexadecimal', () => {
    for (const text of ['0', '0g', ' 0', '0x00', '-1']) expect(() => fromHex(text)).toThrow(RangeError)
  })

  test.prop([fc.string({ unit: 'grapheme' })])('survive the way from text and back', (text) => {
    expect(fromUtf8(utf8(text))).toBe(text)
  })

  test('that are not UTF-8 are refused as text', () => {
    expect(() => fromUtf8(Uint8Array.of(0xff))).toThrow(TypeError)
    expect(() => fromUtf8(Uint8Array.of(0xc0, 0x80))).toThrow(TypeError)
  })
})

test('bytes of any number are the hexadecimal digits that they have one by one', () => {
  for (const length of [0, 1, 32, 1023, 1024, 1025, 5000]) {
    const bytes = Uint8Array.from({ length }, (_, i) => (i * 37) % 256)
    expect(toHex(bytes)).toBe([...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(''))
  }
})
