/** A libp2p 3 stream as a {@link ByteChannel}: what arrives is pulled, and a full buffer pauses the sender. */
import type { PeerName } from '@dmls/client/ports'
import type { Stream } from '@libp2p/interface'
import type { ByteChannel } from '../backfill/byte-channel.ts'

/** Above this the stream is paused; the sender can then still fill its window. */
const UNREAD_BYTES_MAX = 2 ** 18
const CLOSE_TIMEOUT_MS = 2000

export function streamChannel(stream: Stream, peer: PeerName): ByteChannel {
  const unread: Uint8Array[] = []
  let unreadBytes = 0
  let hasEnded = false
  let failure: Error | undefined
  let wake: () => void = () => undefined

  stream.addEventListener('message', ({ data }) => {
    const buffer = data.subarray()
    // A plain array: slices of Node's Buffers are no copies.
    const bytes = new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength)
    unread.push(bytes)
    unreadBytes += bytes.length
    if (unreadBytes > UNREAD_BYTES_MAX && stream.readStatus === 'readable') stream.pause()
    wake()
  })
  const end = (): void => {
    hasEnded = true
    wake()
  }
  stream.addEventListener('end', end)
  stream.addEventListener('close', ({ error }) => {
    failure ??= error
    end()
  })
  if (stream.readableEnded) hasEnded = true

  return {
    peer,
    async write(bytes, signal) {
      signal.throwIfAborted()
      if (!stream.send(bytes)) await stream.onDrain({ signal })
    },
    async read(signal) {
      while (unread.length === 0) {
        if (failure !== undefined) throw failure
        if (hasEnded) return undefined
        await waitForWake(signal, (resolve) => {
          wake = resolve
        })
      }
      const bytes = unread.shift() as Uint8Array
      unreadBytes -= bytes.length
      if (unreadBytes <= UNREAD_BYTES_MAX && stream.readStatus === 'paused') stream.resume()
      return bytes
    },
    async close() {
      try {
        await stream.close({ signal: AbortSignal.timeout(CLOSE_TIMEOUT_MS) })
      } catch (error) {
        stream.abort(error instanceof Error ? error : new Error('the stream did not close'))
      }
    },
    abort(reason) {
      stream.abort(reason)
    },
  }
}

function waitForWake(signal: AbortSignal, arm: (resolve: () => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(abortError(signal))
    if (signal.aborted) return abort()
    signal.addEventListener('abort', abort, { once: true })
    arm(() => {
      signal.removeEventListener('abort', abort)
      resolve()
    })
  })
}

function abortError(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error('aborted', { cause: signal.reason })
}
