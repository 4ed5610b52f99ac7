import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { decodeWhole, Reader, VECTOR_SIZE_MAX } from '../../src/codec/reader.ts'
import { encodeWhole, lengthSize, opaqueSize, Writer } from '../../src/codec/writer.ts'
import { hex, vectorTest } from '../vectors.ts'

function malformed(code: string): unknown {
  return expect.objectContaining({ name: 'MlsError', blame: 'malformed', code })
}

vectorTest<{ readonly vlbytes_header: string; readonly length: number }>(
  'mls',
  'deserialization',
  'vector length headers are as published, both ways',
  (vectors) => {
    expect(vectors.length).toBeGreaterThan(10)
    for (const { vlbytes_header, length } of vectors) {
      const reader = new Reader(hex(vlbytes_header))
      expect(reader.length()).toBe(length)
      reader.finish()
      expect(new Writer().length(length).finish()).toEqual(hex(vlbytes_header))
    }
  },
)

describe('a vector length', () => {
  test('comes back, in its shortest form', () => {
    const lengths = fc.oneof(fc.nat(100), fc.integer({ min: 16_000, max: 17_000 }), fc.nat(VECTOR_SIZE_MAX))
    fc.assert(
      fc.property(lengths, (length) => {
        const header = new Writer().length(length).finish()
        expect(header.length).toBe(lengthSize(length))
        expect(decodeWhole(header, (reader) => reader.length())).toBe(length)
      }),
    )
  })

  test.each([
    ['0x4000', 'non_minimal_length'],
    ['0x403f', 'non_minimal_length'],
    ['0x80000000', 'non_minimal_length'],
    ['0x8000003f', 'non_minimal_length'],
    ['0x80003fff', 'non_minimal_length'],
    ['0xc0', 'bad_length_prefix'],
    ['0xff', 'bad_length_prefix'],
    ['0xc000000000000001', 'bad_length_prefix'],
    ['0x40', 'truncated'],
    ['0x800040', 'truncated'],
  ])('%s is refused: %s', (header, code) => {
    expect(() => new Reader(hex(header.slice(2))).length()).toThrow(malformed(code))
  })

  test('beyond the input is refused without reserving memory for it', () => {
    for (const header of ['3f', '7fff', 'bfffffff']) {
      expect(() => new Reader(hex(`${header}00`)).opaque()).toThrow(malformed('truncated'))
      expect(() => new Reader(hex(`${header}00`)).vector((r) => r.uint8())).toThrow(malformed('truncated'))
    }
  })

  test('that no header can say is refused by the writer', () => {
    expect(() => new Writer().length(VECTOR_SIZE_MAX + 1)).toThrow(
      expect.objectContaining({ blame: 'usage', code: 'vector_too_long' }),
    )
  })

  test('that ends inside an element is refused', () => {
    expect(() => new Reader(hex('03000102')).vector((r) => r.uint16())).toThrow(malformed('truncated'))
    // the element may not read on behind the vector either
    expect(() => new Reader(hex('0203aabbcc')).vector((r) => r.opaque())).toThrow(malformed('truncated'))
  })
})

describe('the codec', () => {
  test('returns every integer it wrote', () => {
    const integers = fc.record({
      a: fc.nat(0xff),
      b: fc.nat(0xffff),
      c: fc.integer({ min: 0, max: 0xffffffff }),
      d: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    })
    fc.assert(
      fc.property(integers, ({ a, b, c, d }) => {
        const written = new Writer().uint8(a).uint16(b).uint32(c).uint64(d).finish()
        expect(written.length).toBe(15)
        const reader = new Reader(written)
        expect([reader.uint8(), reader.uint16(), reader.uint32(), reader.uint64()]).toEqual([a, b, c, d])
        reader.finish()
      }),
    )
    for (const edge of [0n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 53n + 1n, 2n ** 64n - 1n]) {
      expect(new Reader(new Writer().uint64(edge).finish()).uint64()).toBe(edge)
    }
  })

  test('writes vectors of any size in place, nested too', () => {
    const sizes = fc.array(fc.constantFrom(0, 1, 61, 62, 63, 64, 65, 16_381, 16_384), { maxLength: 4 })
    fc.assert(
      fc.property(fc.array(sizes, { maxLength: 3 }), fc.nat(300), (lists, sizeHint) => {
        const written = new Writer(sizeHint).uint8(7).vector(lists, (w, list) => {
          w.vector(list, (inner, size) => inner.opaque(new Uint8Array(size).fill(size)))
        })
        const reader = new Reader(written.uint8(9).finish())
        expect(reader.uint8()).toBe(7)
        const read = reader.vector((r) => r.vector((inner) => inner.opaque()))
        expect(read.map((list) => list.map((value) => value.length))).toEqual(lists)
        expect(read.flat().every((value) => value.every((byte) => byte === (value.length & 0xff)))).toBe(true)
        expect(reader.uint8()).toBe(9)
        reader.finish()
      }),
      { numRuns: 60 },
    )
  })

  test('hands out what it wrote once, and a writer that was sized right copies nothing', () => {
    const writer = new Writer(opaqueSize(3)).opaque(Uint8Array.from([1, 2, 3]))
    expect(writer.finish()).toEqual(Uint8Array.from([3, 1, 2, 3]))
    expect(writer.finish()).toEqual(new Uint8Array(0))
    expect(writer.uint8(5).finish()).toEqual(Uint8Array.from([5]))
    const sized = new Writer(2).uint16(0x1234).finish()
    expect(sized.byteLength).toBe(sized.buffer.byteLength)
  })

  test('clears every buffer that it outgrows or copies out of, since it may hold a secret', () => {
    const copied: Uint8Array[] = []
    const set = vi.spyOn(Uint8Array.prototype, 'set').mockImplementation(function (this: Uint8Array, from, at = 0) {
      if (from instanceof Uint8Array) copied.push(from)
      for (let i = 0; i < from.length; i++) this[at + i] = from[i] as number
    })
    const slice = vi.spyOn(Uint8Array.prototype, 'slice').mockImplementation(function (this: Uint8Array, start, end) {
      copied.push(this)
      return Uint8Array.from(this.subarray(start, end))
    })
    const writer = new Writer(4)
    for (let i = 0; i < 100; i++) writer.uint8(7)
    const written = writer.finish()
    set.mockRestore()
    slice.mockRestore()
    expect(written).toEqual(new Uint8Array(100).fill(7))
    expect(copied.length).toBeGreaterThan(2)
    for (const bytes of copied) expect(bytes.every((byte) => byte === 0)).toBe(true)
  })

  test('refuses a presence octet that is neither 0 nor 1', () => {
    for (const octet of [2, 0x80, 0xff]) {
      expect(() => new Reader(Uint8Array.from([octet, 1])).optional((r) => r.uint8())).toThrow(
        malformed('bad_presence'),
      )
    }
    expect(new Reader(Uint8Array.from([0])).optional((r) => r.uint8())).toBeUndefined()
    expect(new Reader(Uint8Array.from([1, 5])).optional((r) => r.uint8())).toBe(5)
  })

  test('refuses trailing bytes and reads within its bounds only', () => {
    expect(() => decodeWhole(Uint8Array.from([1, 2]), (r) => r.uint8())).toThrow(malformed('trailing_bytes'))
    const inner = new Reader(Uint8Array.from([1, 2, 3, 4]), 1, 3)
    expect(inner.remaining).toBe(2)
    expect(() => inner.fixed(3)).toThrow(malformed('truncated'))
    expect(inner.uint16()).toBe(0x0203)
    inner.finish()
  })

  test('gives back the bytes it has passed, as a copy', () => {
    const input = Buffer.from([1, 2, 3, 4])
    const reader = new Reader(input)
    reader.uint8()
    const start = reader.offset
    reader.uint16()
    const passed = reader.since(start)
    input.fill(0)
    expect(passed).toEqual(Uint8Array.from([2, 3]))
  })

  test('encodes a whole structure from any size hint', () => {
    for (const sizeHint of [0, 1, 4, 100]) {
      expect(encodeWhole(0x01020304, (w, value: number) => w.uint32(value), sizeHint)).toEqual(
        Uint8Array.from([1, 2, 3, 4]),
      )
    }
  })
})

describe('an input of many values', () => {
  const many = (count: number, element: readonly number[]): Uint8Array =>
    encodeWhole(count, (writer) =>
      writer.opaque(new Uint8Array(count * element.length).map((_, i) => element[i % element.length] as number)),
    )

  test.each<[string, (reader: Reader) => unknown, readonly number[]]>([
    ['empty strings', (reader) => reader.vector((r) => r.opaque()), [0]],
    ['strings of one byte', (reader) => reader.vector((r) => r.opaque()), [1, 7]],
    ['structures of one byte', (reader) => reader.vector((r) => ({ value: r.uint8() })), [7]],
    ['lists of nothing', (reader) => reader.vector((r) => r.vector((inner) => inner.uint8())), [0]],
  ])('is refused before %s have filled the memory', (_name, decode, element) => {
    const read = (count: number): unknown => decodeWhole(many(count, element), decode)
    expect(read(2000)).toHaveLength(2000)
    expect(() => read(1_000_000)).toThrow(expect.objectContaining({ blame: 'malformed', code: 'too_many_values' }))
  })

  test('is read when they are numbers, which cost nothing, or when they are as long as keys are', () => {
    const numbers = (reader: Reader): number[] => reader.vector((r) => r.uint16())
    expect(decodeWhole(many(100_000, [1, 2]), numbers)).toHaveLength(100_000)
    const key = [32, ...new Array<number>(32).fill(7)]
    const keys = (reader: Reader): Uint8Array[] => reader.vector((r) => r.opaque())
    expect(decodeWhole(many(100_000, key), keys)).toHaveLength(100_000)
  })
})
