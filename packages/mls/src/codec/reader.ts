/**
 * Strict reading of the TLS presentation language with RFC 9420 §2.1.2 variable-size vectors. Refuses non-minimal
 * lengths and lengths beyond the input; returns copies, never views of the input.
 */
import { malformed } from '../errors.ts'

/** A vector longer than this is refused: 2^30 − 1, the largest that the encoding can say. */
export const VECTOR_SIZE_MAX: number = 2 ** 30 - 1

/**
 * A value costs hundreds of bytes of memory, and can be encoded in one. So an input may have this many values, and one
 * more for so many bytes of it: real messages, which are made of keys, hashes and signatures, have far fewer.
 */
const VALUES_FREE = 4096
const BYTES_PER_VALUE = 16

const NOTHING = new Uint8Array(0)

export class Reader {
  /**
   * Reads nothing. V8 forgets what objects of a class look like when a full collection finds none of them, and with that
   * all code that was compiled for them: as long as there is this one, reading is not slow again after each collection.
   */
  static readonly exemplar: Reader = new Reader(NOTHING)

  readonly #bytes: Uint8Array
  /** Of the innermost vector that is being read. */
  #end: number
  #offset: number
  /** How many values may still be read. */
  #allowance: number

  constructor(bytes: Uint8Array, start = 0, end: number = bytes.length) {
    // a subclass such as Buffer may override slice() to return a view; copies must be plain copies
    this.#bytes =
      bytes.constructor === Uint8Array ? bytes : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
    this.#offset = start
    this.#end = end
    this.#allowance = VALUES_FREE + Math.floor((end - start) / BYTES_PER_VALUE)
  }

  #spend(): void {
    if (--this.#allowance < 0) throw malformed('too_many_values', 'the input has too many values for its size')
  }

  /** Bytes not read yet. */
  get remaining(): number {
    return this.#end - this.#offset
  }

  #advance(length: number): number {
    const start = this.#offset
    if (length > this.#end - start) throw malformed('truncated', 'the input ends too early')
    this.#offset = start + length
    return start
  }

  uint8(): number {
    return this.#bytes[this.#advance(1)] as number
  }

  uint16(): number {
    const at = this.#advance(2)
    const b = this.#bytes
    return ((b[at] as number) << 8) | (b[at + 1] as number)
  }

  uint32(): number {
    const at = this.#advance(4)
    const b = this.#bytes
    return (
      (b[at] as number) * 0x1000000 +
      (((b[at + 1] as number) << 16) | ((b[at + 2] as number) << 8) | (b[at + 3] as number))
    )
  }

  uint64(): bigint {
    const high = this.uint32()
    const low = this.uint32()
    // below 2^53 a number holds it exactly, which spares two big integers
    return high < 0x200000 ? BigInt(high * 0x100000000 + low) : (BigInt(high) << 32n) | BigInt(low)
  }

  /** `length` bytes, copied. */
  fixed(length: number): Uint8Array {
    const start = this.#advance(length)
    return this.#bytes.slice(start, start + length)
  }

  /** The length header of a variable-size vector, RFC 9420 §2.1.2. */
  length(): number {
    const first = this.uint8()
    if (first < 0x40) return first
    const prefix = first >> 6
    if (prefix === 3) throw malformed('bad_length_prefix', 'a vector length starts with the reserved prefix 0b11') // RFC 9420 §2.1.2
    let length = first & 0x3f
    for (let more = (1 << prefix) - 1; more > 0; more--) length = length * 256 + this.uint8()
    if (length < (prefix === 1 ? 0x40 : 0x4000)) {
      throw malformed('non_minimal_length', 'a vector length is not in its shortest form') // RFC 9420 §2.1.2
    }
    return length
  }

  /** `opaque value<V>`, copied. */
  opaque(): Uint8Array {
    this.#spend()
    const length = this.length()
    return length === 0 ? NOTHING : this.fixed(length)
  }

  /**
   * `T values<V>`: elements until the vector's bytes are used up exactly. `element` gets this reader, for which the input
   * ends there meanwhile; one whose element throws is not to be read on.
   */
  vector<T>(element: (reader: Reader) => T): T[] {
    const length = this.length()
    if (length > this.remaining) throw malformed('truncated', 'the input ends too early')
    const outerEnd = this.#end
    this.#end = this.#offset + length
    const values: T[] = []
    while (this.#offset < this.#end) {
      const value = element(this)
      if (typeof value === 'object') this.#spend()
      values.push(value)
    }
    this.#end = outerEnd
    // an array that grew has room for sixteen more at least: a copy has none, and what is decoded is kept for long
    return values.slice()
  }

  /** `optional<T>`: a presence octet that is 0 or 1, RFC 9420 §2.1.1. */
  optional<T>(value: (reader: Reader) => T): T | undefined {
    const present = this.uint8()
    if (present === 0) return undefined
    if (present !== 1) throw malformed('bad_presence', 'a presence octet is neither 0 nor 1') // RFC 9420 §2.1.1
    return value(this)
  }

  /** Bytes between two offsets of the same reader, copied; see {@link Reader.offset}. */
  since(offset: number): Uint8Array {
    return this.#bytes.slice(offset, this.#offset)
  }

  /** Where the reader stands; only useful with {@link Reader.since}. */
  get offset(): number {
    return this.#offset
  }

  /** @throws MlsError `trailing_bytes` unless everything has been read. */
  finish(): void {
    if (this.remaining !== 0) throw malformed('trailing_bytes', 'bytes follow the end of the structure')
  }
}

/** Decodes one whole structure and refuses trailing bytes. */
export function decodeWhole<T>(bytes: Uint8Array, decode: (reader: Reader) => T): T {
  const reader = new Reader(bytes)
  const value = decode(reader)
  reader.finish()
  return value
}
