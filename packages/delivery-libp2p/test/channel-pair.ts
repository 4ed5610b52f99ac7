/** Two ends of a stream in memory, which counts what passes through it. */
import type { ByteChannel } from '../src/backfill/byte-channel.ts'

export interface ChannelPair {
  readonly ends: readonly [ByteChannel, ByteChannel]
  /** Bytes written by both ends. */
  readonly bytes: () => number
}

export function channelPair(names: readonly [string, string] = ['alice', 'bob']): ChannelPair {
  const pipes = [new Pipe(), new Pipe()] as const
  const end = (peer: string, incoming: Pipe, outgoing: Pipe): ByteChannel => ({
    peer,
    write: async (bytes) => outgoing.push(bytes),
    read: (signal) => incoming.pull(signal),
    close: async () => outgoing.end(undefined),
    abort: (reason) => {
      outgoing.end(reason)
      incoming.end(reason)
    },
  })
  return {
    ends: [end(names[1], pipes[0], pipes[1]), end(names[0], pipes[1], pipes[0])],
    bytes: () => pipes[0].bytes + pipes[1].bytes,
  }
}

class Pipe {
  readonly #chunks: Uint8Array[] = []
  #end: { readonly error: Error | undefined } | undefined
  #wake: () => void = () => undefined
  bytes = 0

  push(bytes: Uint8Array): void {
    if (this.#end !== undefined) throw this.#end.error ?? new Error('closed')
    this.bytes += bytes.length
    this.#chunks.push(new Uint8Array(bytes))
    this.#wake()
  }

  end(error: Error | undefined): void {
    this.#end ??= { error }
    this.#wake()
  }

  async pull(signal: AbortSignal): Promise<Uint8Array | undefined> {
    while (this.#chunks.length === 0) {
      if (this.#end?.error !== undefined) throw this.#end.error
      if (this.#end !== undefined) return undefined
      await new Promise<void>((resolve, reject) => {
        this.#wake = resolve
        signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
      })
    }
    return this.#chunks.shift()
  }
}
