/**
 * The frames of `/dmls/backfill/1`: length (4 bytes, big-endian), type (1), body. The dialling side opens with `open`,
 * then asks; the other answers each question in turn; `bye` ends the session. Or it says `poke` and leaves.
 *
 *     open     version (1), topic                        compare with me
 *     poke     version (1), topic                        I have something new: compare with me
 *     compare  ranges: prefix, count (4), fingerprint    what have you got in these ranges?
 *     answers  same | list of ids with positions | 16 subranges with count and fingerprint, one for each range
 *     want     ids                                       send me these
 *     message  bytes                                     one that was wanted
 *     done                                               that was all of the want
 *     refuse                                             that topic is not served here
 *     bye                                                explicit end: a stream that just ends was cut
 */
import { equalBytes, fromUtf8, utf8 } from '@dmls/crypto'
import { FINGERPRINT_SIZE, ID_SIZE, NIBBLES_MAX, type Prefix } from './id-snapshot.ts'
import { PeerFault } from './peer-fault.ts'

/** Ranges in one `compare`. */
export const RANGES_MAX = 64
/** A range with at most this many messages is answered by their ids. */
export const LIST_MAX = 64
/** Ids in one `want`. */
export const WANT_MAX = 32
/** Largest frame but for `message`, in bytes. */
export const CONTROL_BYTES_MAX: number = 2 + RANGES_MAX * (2 + LIST_MAX * (ID_SIZE + 4))
const TOPIC_BYTES_MAX = 600
const VERSION = 1

/** How many messages a range has, and a fingerprint (16 bytes) of their ids. */
export interface Summary {
  readonly count: number
  readonly fingerprint: Uint8Array
}

export interface RangeQuestion {
  readonly prefix: Prefix
  readonly mine: Summary
}

export interface ListedId {
  readonly id: Uint8Array
  /** Where it stands among all that the peer holds, oldest first. */
  readonly position: number
}

export type RangeAnswer =
  | { readonly kind: 'same' }
  | { readonly kind: 'list'; readonly ids: readonly ListedId[] }
  /** One for each next nibble. */
  | { readonly kind: 'split'; readonly parts: readonly Summary[] }

export type Frame =
  | { readonly type: 'open' | 'poke'; readonly topic: string }
  | { readonly type: 'compare'; readonly ranges: readonly RangeQuestion[] }
  | { readonly type: 'answers'; readonly answers: readonly RangeAnswer[] }
  | { readonly type: 'want'; readonly ids: readonly Uint8Array[] }
  | { readonly type: 'message'; readonly message: Uint8Array }
  | { readonly type: 'done' | 'refuse' | 'bye' }

const TYPES = ['open', 'poke', 'compare', 'answers', 'want', 'message', 'done', 'refuse', 'bye'] as const
const KINDS = ['same', 'list', 'split'] as const

/** Type and body of a frame, without its length. */
export function encodeFrame(frame: Frame): Uint8Array {
  const type = TYPES.indexOf(frame.type) + 1
  switch (frame.type) {
    case 'open':
    case 'poke': {
      const topic = utf8(frame.topic)
      const bytes = new Uint8Array(2 + topic.length)
      bytes[0] = type
      bytes[1] = VERSION
      bytes.set(topic, 2)
      return bytes
    }
    case 'message': {
      const bytes = new Uint8Array(1 + frame.message.length)
      bytes[0] = type
      bytes.set(frame.message, 1)
      return bytes
    }
    case 'compare': {
      const out = new Out(type)
      for (const { prefix, mine } of frame.ranges) {
        out.byte(prefix.length)
        for (const nibble of prefix) out.byte(nibble)
        out.summary(mine)
      }
      return out.bytes()
    }
    case 'answers': {
      const out = new Out(type)
      for (const answer of frame.answers) {
        out.byte(KINDS.indexOf(answer.kind))
        if (answer.kind === 'split') for (const part of answer.parts) out.summary(part)
        if (answer.kind === 'list') {
          out.byte(answer.ids.length)
          for (const { id, position } of answer.ids) {
            out.put(id)
            out.uint32(position)
          }
        }
      }
      return out.bytes()
    }
    case 'want': {
      const out = new Out(type)
      for (const id of frame.ids) out.put(id)
      return out.bytes()
    }
    case 'done':
    case 'refuse':
    case 'bye':
      return Uint8Array.of(type)
  }
}

/** @throws PeerFault if the bytes are no frame */
export function decodeFrame(bytes: Uint8Array): Frame {
  const type = TYPES[(bytes[0] ?? 0) - 1]
  const body = new In(bytes.subarray(1))
  switch (type) {
    case 'open':
    case 'poke':
      return { type, topic: decodeTopic(body) }
    case 'message':
      return { type, message: bytes.slice(1) }
    case 'compare': {
      const ranges: RangeQuestion[] = []
      while (!body.isAtEnd) {
        const size = body.byte()
        if (size > NIBBLES_MAX || ranges.length === RANGES_MAX) throw new PeerFault('too long a question')
        const prefix = Array.from({ length: size }, () => body.nibble())
        ranges.push({ prefix, mine: body.summary() })
      }
      return { type, ranges }
    }
    case 'answers': {
      const answers: RangeAnswer[] = []
      while (!body.isAtEnd) answers.push(decodeAnswer(body))
      return { type, answers }
    }
    case 'want': {
      const ids: Uint8Array[] = []
      while (!body.isAtEnd) ids.push(body.take(ID_SIZE))
      if (ids.length > WANT_MAX) throw new PeerFault('too many wanted at once')
      return { type, ids }
    }
    case 'done':
    case 'refuse':
    case 'bye':
      if (!body.isAtEnd) throw new PeerFault('bytes behind a frame')
      return { type }
    default:
      throw new PeerFault('unknown type of frame')
  }
}

function decodeTopic(body: In): string {
  if (body.byte() !== VERSION) throw new PeerFault('unknown version')
  const bytes = body.rest()
  if (bytes.length > TOPIC_BYTES_MAX) throw new PeerFault('too long a topic')
  try {
    const topic = fromUtf8(bytes)
    if (equalBytes(utf8(topic), bytes)) return topic
  } catch {
    // Falls through: not UTF-8.
  }
  throw new PeerFault('the topic is no text')
}

function decodeAnswer(body: In): RangeAnswer {
  const kind = KINDS[body.byte()]
  switch (kind) {
    case 'same':
      return { kind }
    case 'split':
      return { kind, parts: Array.from({ length: 16 }, () => body.summary()) }
    case 'list': {
      const size = body.byte()
      if (size > LIST_MAX) throw new PeerFault('too long a list')
      return { kind, ids: Array.from({ length: size }, () => ({ id: body.take(ID_SIZE), position: body.uint32() })) }
    }
    default:
      throw new PeerFault('unknown kind of answer')
  }
}

class Out {
  readonly #bytes: number[]

  constructor(type: number) {
    this.#bytes = [type]
  }

  byte(value: number): void {
    this.#bytes.push(value)
  }

  uint32(value: number): void {
    this.#bytes.push(value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff)
  }

  put(bytes: Uint8Array): void {
    for (const byte of bytes) this.#bytes.push(byte)
  }

  summary({ count, fingerprint }: Summary): void {
    this.uint32(count)
    this.put(fingerprint)
  }

  bytes(): Uint8Array {
    return Uint8Array.from(this.#bytes)
  }
}

class In {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length
  }

  /** A copy of the next bytes. */
  take(size: number): Uint8Array {
    if (this.#at + size > this.#bytes.length) throw new PeerFault('a frame ends too early')
    this.#at += size
    return this.#bytes.slice(this.#at - size, this.#at)
  }

  rest(): Uint8Array {
    return this.take(this.#bytes.length - this.#at)
  }

  byte(): number {
    return this.take(1)[0] as number
  }

  nibble(): number {
    const value = this.byte()
    if (value > 15) throw new PeerFault('no nibble')
    return value
  }

  uint32(): number {
    const bytes = this.take(4)
    return new DataView(bytes.buffer).getUint32(0)
  }

  summary(): Summary {
    return { count: this.uint32(), fingerprint: this.take(FINGERPRINT_SIZE) }
  }
}
