/** Changing bytes without knowing what they mean: what noise, a broken relay or a stranger does to a message. */
import type { Tape } from './tape.ts'

/** Values that length headers, presence octets and integers like to break at. */
const INTERESTING: readonly (readonly number[])[] = [
  [0x00],
  [0x01],
  [0x02],
  [0x3f],
  [0x40, 0x00],
  [0x40, 0x3f],
  [0x40, 0x40],
  [0x7f, 0xff],
  [0x80, 0x00, 0x00, 0x00],
  [0x80, 0x00, 0x3f, 0xff],
  [0xbf, 0xff, 0xff, 0xff],
  [0xc0],
  [0xff],
  [0xff, 0xff],
  [0x7f, 0xff, 0xff, 0xff],
  [0xff, 0xff, 0xff, 0xff],
  [0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
]

function splice(bytes: Uint8Array, at: number, removed: number, inserted: ArrayLike<number>): Uint8Array {
  const result = new Uint8Array(bytes.length - removed + inserted.length)
  result.set(bytes.subarray(0, at))
  result.set(inserted, at)
  result.set(bytes.subarray(at + removed), at + inserted.length)
  return result
}

/** One change; `others` are bytes that may be copied in. */
export function mutateBytesOnce(bytes: Uint8Array, tape: Tape, others: readonly Uint8Array[]): Uint8Array {
  const at = tape.below(bytes.length + 1)
  const within = Math.min(at, Math.max(bytes.length - 1, 0))
  const length = Math.min(1 + tape.below(8), bytes.length - within)
  switch (tape.below(8)) {
    case 0: {
      const result = bytes.slice()
      if (result.length > 0) result[within] = (result[within] as number) ^ (1 << tape.below(8))
      return result
    }
    case 1: {
      const result = bytes.slice()
      if (result.length > 0) result[within] = tape.byte()
      return result
    }
    case 2:
      return splice(bytes, within, length, [])
    case 3:
      return splice(bytes, at, 0, tape.take(length))
    case 4: {
      const value = tape.pick(INTERESTING)
      return splice(bytes, within, Math.min(value.length, bytes.length - within), value)
    }
    case 5:
      return splice(bytes, at, 0, tape.pick(INTERESTING))
    case 6:
      return bytes.slice(0, at)
    default: {
      const other = others.length === 0 ? bytes : tape.pick(others)
      const from = tape.below(other.length + 1)
      return splice(bytes, at, 0, other.subarray(from, from + 1 + tape.below(64)))
    }
  }
}

/** One to four changes. */
export function mutateBytes(bytes: Uint8Array, tape: Tape, others: readonly Uint8Array[] = []): Uint8Array {
  let result = bytes
  for (let left = 1 + tape.below(4); left > 0; left--) result = mutateBytesOnce(result, tape, others)
  return result
}
