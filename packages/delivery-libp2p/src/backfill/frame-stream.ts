/** Frames over a stream: bounded sizes, bounded silence. */
import type { ByteChannel } from './byte-channel.ts'
import { CONTROL_BYTES_MAX, decodeFrame, encodeFrame, type Frame } from './frames.ts'
import { PeerFault } from './peer-fault.ts'

/** Bytes handed to the transport at once, so that a large message is not buffered whole. */
const CHUNK_BYTES = 2 ** 16

/** The peer said nothing for too long. */
export class PeerSilent extends Error {
  override readonly name = 'PeerSilent'
}

/** The stream ended without `bye`, or somebody cut it. */
export class StreamCut extends Error {
  override readonly name = 'StreamCut'
}

export class FrameStream {
  readonly #channel: ByteChannel
  readonly #idleMs: number
  #signal: AbortSignal
  #unread: Uint8Array = new Uint8Array(0)

  /** `signal` ends everything at once. */
  constructor(channel: ByteChannel, idleMs: number, signal: AbortSignal) {
    this.#channel = channel
    this.#idleMs = idleMs
    this.#signal = signal
  }

  /** From now on this signal ends everything as well. */
  endWith(signal: AbortSignal): void {
    this.#signal = AbortSignal.any([this.#signal, signal])
  }

  async send(frame: Frame): Promise<void> {
    const body = encodeFrame(frame)
    const bytes = new Uint8Array(4 + body.length)
    new DataView(bytes.buffer).setUint32(0, body.length)
    bytes.set(body, 4)
    for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
      await this.#limited((signal) => this.#channel.write(bytes.subarray(at, at + CHUNK_BYTES), signal))
    }
  }

  /**
   * The next frame, which is refused if it is larger than any frame but a `message`, or for a `message` larger than
   * `messageBytesMax`. Silence counts between two arrivals of bytes, so that large messages may take their time.
   *
   * @throws PeerFault, PeerSilent, StreamCut
   */
  async next(messageBytesMax = 0): Promise<Frame> {
    const head = await this.#take(4)
    const size = new DataView(head.buffer, head.byteOffset).getUint32(0)
    if (size === 0 || size > Math.max(CONTROL_BYTES_MAX, messageBytesMax + 1)) throw new PeerFault('too large a frame')
    const frame = decodeFrame(await this.#take(size))
    if (frame.type === 'message' && frame.message.length > messageBytesMax) throw new PeerFault('too large a message')
    return frame
  }

  /** Bytes of one frame, of which never more is held than has arrived. */
  async #take(size: number): Promise<Uint8Array> {
    const parts: Uint8Array[] = []
    let missing = size
    while (true) {
      const part = this.#unread.subarray(0, missing)
      this.#unread = this.#unread.subarray(part.length)
      parts.push(part)
      missing -= part.length
      if (missing === 0) break
      const chunk = await this.#limited((signal) => this.#channel.read(signal))
      if (chunk === undefined) throw new StreamCut('the stream ended')
      this.#unread = chunk
    }
    if (parts.length === 1) return parts[0] as Uint8Array
    const whole = new Uint8Array(size)
    let at = 0
    for (const part of parts) {
      whole.set(part, at)
      at += part.length
    }
    return whole
  }

  async #limited<T>(step: (signal: AbortSignal) => Promise<T>): Promise<T> {
    this.#signal.throwIfAborted()
    const idle = AbortSignal.timeout(this.#idleMs)
    try {
      return await step(AbortSignal.any([idle, this.#signal]))
    } catch (cause) {
      if (this.#signal.aborted) throw new StreamCut('the session was ended', { cause })
      if (idle.aborted) throw new PeerSilent('the peer is silent', { cause })
      throw new StreamCut('the stream was cut', { cause })
    }
  }
}
