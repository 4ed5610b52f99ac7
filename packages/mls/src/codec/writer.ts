/** Writing of the TLS presentation language with RFC 9420 §2.1.2 variable-size vectors. */
import { usage } from '../errors.ts'
import { VECTOR_SIZE_MAX } from './reader.ts'

export class Writer {
  #buffer: Uint8Array = new Uint8Array(256)
  #length = 0

  #reserve(extra: number): number {
    const start = this.#length
    const needed = start + extra
    if (needed > this.#buffer.length) {
      const grown = new Uint8Array(Math.max(needed, this.#buffer.length * 2))
      grown.set(this.#buffer.subarray(0, start))
      // the outgrown buffer may hold a secret
      this.#buffer.fill(0)
      this.#buffer = grown
    }
    this.#length = needed
    return start
  }

  uint8(value: number): this {
    const at = this.#reserve(1)
    this.#buffer[at] = value
    return this
  }

  uint16(value: number): this {
    const at = this.#reserve(2)
    this.#buffer[at] = value >>> 8
    this.#buffer[at + 1] = value
    return this
  }

  uint32(value: number): this {
    const at = this.#reserve(4)
    this.#buffer[at] = value >>> 24
    this.#buffer[at + 1] = value >>> 16
    this.#buffer[at + 2] = value >>> 8
    this.#buffer[at + 3] = value
    return this
  }

  uint64(value: bigint): this {
    return this.uint32(Number(value >> 32n)).uint32(Number(value & 0xffffffffn))
  }

  fixed(bytes: Uint8Array): this {
    const at = this.#reserve(bytes.length)
    this.#buffer.set(bytes, at)
    return this
  }

  /** The length header of a variable-size vector in its shortest form, RFC 9420 §2.1.2. */
  length(length: number): this {
    if (length < 0x40) return this.uint8(length)
    if (length < 0x4000) return this.uint16(length | 0x4000)
    if (length > VECTOR_SIZE_MAX) throw usage('vector_too_long', 'a vector is longer than its length can say')
    return this.uint32(length + 0x80000000)
  }

  /** `opaque value<V>` */
  opaque(bytes: Uint8Array): this {
    return this.length(bytes.length).fixed(bytes)
  }

  /** `T values<V>` */
  vector<T>(values: readonly T[], element: (writer: Writer, value: T) => void): this {
    const inner = new Writer()
    for (const value of values) element(inner, value)
    this.opaque(inner.#buffer.subarray(0, inner.#length))
    inner.#buffer.fill(0)
    return this
  }

  /** `optional<T>`, RFC 9420 §2.1.1 */
  optional<T>(value: T | undefined, encode: (writer: Writer, value: T) => void): this {
    if (value === undefined) return this.uint8(0)
    this.uint8(1)
    encode(this, value)
    return this
  }

  /** What was written, as a copy; the writer's own buffer is cleared. */
  finish(): Uint8Array {
    const bytes = this.#buffer.slice(0, this.#length)
    this.#buffer.fill(0, 0, this.#length)
    this.#length = 0
    return bytes
  }
}

/** Encodes one whole structure. */
export function encodeWhole<T>(value: T, encode: (writer: Writer, value: T) => void): Uint8Array {
  const writer = new Writer()
  encode(writer, value)
  return writer.finish()
}
