/** What a libp2p delivery can be told. */
import type { PeerName } from '@dmls/client/ports'
import type { Limits } from './limits.ts'

export type TransportName = 'tcp' | 'websockets' | 'memory'

/** One line of the log. Peers are named; contents never are. */
export interface LogLine {
  readonly level: 'debug' | 'info' | 'warning'
  readonly event: string
  readonly peer?: PeerName
  readonly topic?: string
  readonly detail?: string
}

export interface Libp2pDeliveryOptions {
  /** Multiaddrs to listen on. Default `/ip4/127.0.0.1/tcp/0`: this machine only, on any port. */
  readonly listen?: readonly string[]
  /** Multiaddrs of peers to stay connected to, with or without `/p2p/…`. */
  readonly bootstrap?: readonly string[]
  /** 32 bytes, kept secret by the caller: the same seed gives the same peer name. Default: a new one each time. */
  readonly seed?: Uint8Array
  /** Default `['tcp']`. */
  readonly transports?: readonly TransportName[]
  /** Modules that find peers, such as `mdns()` of `@libp2p/mdns`, passed through to libp2p. */
  readonly peerDiscovery?: readonly unknown[]
  /** Whether a peer may be connected; asked for both directions. See also {@link Libp2pDelivery.admit}. */
  readonly allowConnection?: (peer: PeerName) => boolean
  readonly log?: (line: LogLine) => void
  readonly limits?: Partial<Limits>
  /** Time between two comparisons with other peers of each topic, in milliseconds, give or take a quarter. Default 15 000. */
  readonly resyncMs?: number
  /** Waits between attempts to reach a peer again, doubling from the first to the second. Default 500 and 30 000. */
  readonly reconnectMs?: { readonly min: number; readonly max: number }
  /** Addresses from which many peers may come without being taken for one attacker. Default: the loopback addresses. */
  readonly sharedAddresses?: readonly string[]
  /** Connections that one host may open in a second. Default 50. */
  readonly inboundPerSecondMax?: number
  /** Default 300. */
  readonly connectionsMax?: number
  /** Ends connections whose peer has not answered for `timeoutMs`; asks every `intervalMs`. Default 10 000 and 30 000. */
  readonly liveness?: { readonly intervalMs: number; readonly timeoutMs: number }
}
