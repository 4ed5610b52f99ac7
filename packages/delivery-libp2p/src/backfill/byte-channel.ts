/** A stream to one peer as the backfill sees it, whatever carries it. */
import type { PeerName } from '@dmls/client/ports'

export interface ByteChannel {
  readonly peer: PeerName
  /** Resolves when more may be written: a slow reader slows the writer. Rejects once the stream is gone. */
  write(bytes: Uint8Array, signal: AbortSignal): Promise<void>
  /** The next bytes, or undefined when the peer has finished. Never holds more than a bounded amount unread. */
  read(signal: AbortSignal): Promise<Uint8Array | undefined>
  /** Finishes our side, once what was written is on its way. */
  close(): Promise<void>
  abort(reason: Error): void
}
