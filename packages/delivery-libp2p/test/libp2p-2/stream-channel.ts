/** A libp2p 2 stream, a source to pull from and a sink that pulls, as a {@link ByteChannel}. */
import type { PeerName } from '@dmls/client/ports'
import type { Stream } from 'libp2p-2-interface'
import type { ByteChannel } from '../../src/backfill/byte-channel.ts'

interface Outgoing {
  readonly bytes: Uint8Array
  readonly taken: () => void
}

export function streamChannel(stream: Stream, peer: PeerName): ByteChannel {
  const outgoing: Outgoing[] = []
  let hasEnded = false
  let wake: () => void = () => undefined

  async function* written(): AsyncGenerator<Uint8Array> {
    while (true) {
      const next = outgoing.shift()
      if (next !== undefined) {
        yield next.bytes
        // The sink asks for more: what it had is on its way.
        next.taken()
      } else if (hasEnded) return
      else
        await new Promise<void>((resolve) => {
          wake = resolve
        })
    }
  }
  const sunk = stream.sink(written())
  const broken = new Promise<never>((_, reject) => void sunk.catch(reject))
  broken.catch(() => undefined)

  const source = stream.source[Symbol.asyncIterator]()
  let coming: Promise<Uint8Array | undefined> | undefined
  const next = async (): Promise<Uint8Array | undefined> => {
    const { value, done } = await source.next()
    return done === true ? undefined : new Uint8Array(value.subarray())
  }

  return {
    peer,
    async write(bytes, signal) {
      const { promise, resolve } = Promise.withResolvers<void>()
      outgoing.push({ bytes, taken: resolve })
      wake()
      await unlessAborted(Promise.race([promise, broken]), signal)
    },
    async read(signal) {
      coming ??= next()
      const bytes = await unlessAborted(coming, signal)
      coming = undefined
      return bytes
    },
    async close() {
      hasEnded = true
      wake()
      await sunk.catch(() => undefined)
      await stream.close({ signal: AbortSignal.timeout(2000) }).catch((error: Error) => stream.abort(error))
    },
    abort(reason) {
      hasEnded = true
      wake()
      stream.abort(reason)
    },
  }
}

function unlessAborted<T>(step: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'))
    if (signal.aborted) return abort()
    signal.addEventListener('abort', abort, { once: true })
    step.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
