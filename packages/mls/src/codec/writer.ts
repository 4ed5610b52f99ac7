/**
 * Writing of the TLS presentation language with RFC 9420 §2.1.2 variable-size vectors. A writer may hold secrets: every
 * buffer it outgrows is cleared, and what it returns is the only copy.
 */
import { usage } from '../errors.ts'
import { VECTOR_SIZE_MAX } from './reader.ts'

/** Most structures of the protocol that hold no tree fit; V8 keeps arrays of this size on its own heap. */
const SIZE_DEFAULT = 64
/** Memory beyond V8's own heap is dear to ask for and cheap to have for a moment: few steps, and the last one cuts it. */
const GROWTH = 4
const NOTHING = new Uint8Array(0)

/** How many bytes the length header of a vector of `length` bytes takes, RFC 9420 §2.1.2. */
export function lengthSize(length: number): 1 | 2 | 4 {
  return length < 0x40 ? 1 : length < 0x4000 ? 2 : 4
}

/** How many bytes `opaque value<V>` takes for a value of `length` bytes. */
export function opaqueSize(length: number): number {
  return lengthSize(length) + length
}

export class Writer {
  #buffer: Uint8Array
  #length = 0

  /** `sizeHint` bytes are reserved at once; a writer that is filled to exactly that size hands its buffer out uncopied. */
  constructor(sizeHint: number = SIZE_DEFAULT) {
    this.#buffer = new Uint8Array(sizeHint)
  }

  /** Bytes written so far. */
  get size(): number {
    return this.#length
  }

  #reserve(extra: number): number {
    const start = this.#length
    const needed = start + extra
    if (needed > this.#buffer.length) this.#grow(needed)
    this.#length = needed
    return start
  }

  #grow(needed: number): void {
    const outgrown = this.#buffer
    const grown = new Uint8Array(Math.max(needed, outgrown.length * GROWTH))
    grown.set(outgrown.subarray(0, this.#length))
    // the outgrown buffer may hold a secret
    outgrown.fill(0, 0, this.#length)
    this.#buffer = grown
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

  /** `count` zero bytes: padding, RFC 9420 §6.3.1. */
  zeros(count: number): this {
    const at = this.#reserve(count)
    this.#buffer.fill(0, at, at + count)
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
    const header = this.#reserve(1)
    for (const value of values) element(this, value)
    return this.#close(header)
  }

  /** `opaque value<V>` of what `encode` writes. */
  opaqueOf(encode: (writer: Writer) => void): this {
    const header = this.#reserve(1)
    encode(this)
    return this.#close(header)
  }

  /** Writes the header of a vector in front of what follows its place, which is moved when the header is a longer one. */
  #close(header: number): this {
    const size = this.#length - header - 1
    const headerSize = lengthSize(size)
    if (headerSize > 1) {
      this.#reserve(headerSize - 1)
      this.#buffer.copyWithin(header + headerSize, header + 1, header + 1 + size)
    }
    const end = this.#length
    this.#length = header
    this.length(size)
    this.#length = end
    return this
  }

  /** `optional<T>`, RFC 9420 §2.1.1 */
  optional<T>(value: T | undefined, encode: (writer: Writer, value: T) => void): this {
    if (value === undefined) return this.uint8(0)
    this.uint8(1)
    encode(this, value)
    return this
  }

  /**
   * What was written, as a view of the writer's own memory: for whoever reads it at once and keeps nothing. Not for secrets,
   * which {@link finish} leaves no other copy of.
   */
  written(): Uint8Array {
    return this.#buffer.subarray(0, this.#length)
  }

  /** Empty again, with the memory that it has: what {@link written} gave out is overwritten next. */
  restart(): this {
    this.#length = 0
    return this
  }

  /** What was written; the caller owns it and the writer is empty again. */
  finish(): Uint8Array {
    const buffer = this.#buffer
    const length = this.#length
    this.#buffer = NOTHING
    this.#length = 0
    if (length === buffer.length) return buffer
    const bytes = buffer.slice(0, length)
    buffer.fill(0, 0, length)
    return bytes
  }
}

/** A structure that is signed or hashed: it is encoded behind its label at once, and nowhere else. */
export interface Structure {
  /** About as many bytes as it takes, better too many than too few. */
  readonly sizeHint: number
  readonly encode: (writer: Writer) => void
}

/** Encodes one whole structure. */
export function encodeWhole<T>(
  value: T,
  encode: (writer: Writer, value: T) => void,
  sizeHint: number = SIZE_DEFAULT,
): Uint8Array {
  const writer = new Writer(sizeHint)
  encode(writer, value)
  return writer.finish()
}
