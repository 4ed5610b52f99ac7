/**
 * A libp2p 3 node as a {@link NodePort}: noise, yamux, identify and gossipsub over TCP, WebSockets or memory. It dials
 * whom it is told to and nobody else; who may be connected is asked of `isAllowed` at every step.
 */
import { DeliveryError, type PeerName } from '@dmls/client/ports'
import { generateKeyPair, generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import { gossipsub, TopicValidatorResult } from '@libp2p/gossipsub'
import { identify } from '@libp2p/identify'
import type { Connection, PeerId } from '@libp2p/interface'
import { memory } from '@libp2p/memory'
import { noise } from '@libp2p/noise'
import { peerIdFromString } from '@libp2p/peer-id'
import { tcp } from '@libp2p/tcp'
import { webSockets } from '@libp2p/websockets'
import { yamux } from '@libp2p/yamux'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { createLibp2p, type Libp2pOptions } from 'libp2p'
import type { Libp2pDeliveryOptions, TransportName } from '../options.ts'
import { gossipOptions, gossipPort, type VerdictNames } from './gossip-port.ts'
import type { NodeHooks, NodePort, PeerEvent } from './node-port.ts'
import { streamChannel } from './stream-channel.ts'

const TRANSPORTS: Readonly<Record<TransportName, () => NonNullable<Libp2pOptions['transports']>[number]>> = {
  tcp: () => tcp(),
  websockets: () => webSockets(),
  memory: () => memory(),
}
const VERDICTS: VerdictNames<TopicValidatorResult> = {
  accept: TopicValidatorResult.Accept,
  ignore: TopicValidatorResult.Ignore,
  reject: TopicValidatorResult.Reject,
}
/** So much can arrive on a paused stream; below what libp2p lets a stream hold. */
const STREAM_WINDOW_BYTES_MAX = 2 ** 20

/** @throws DeliveryError `bad_address`, `delivery_failed` */
export async function startLibp2pNode(options: Libp2pDeliveryOptions, hooks: NodeHooks): Promise<NodePort> {
  const listen = options.listen ?? ['/ip4/127.0.0.1/tcp/0']
  for (const address of listen) parseAddress(address)
  const isDenied = (peer: PeerId): boolean => !hooks.isAllowed(peer.toString())
  const liveness = options.liveness ?? { intervalMs: 10_000, timeoutMs: 30_000 }
  const config = {
    privateKey: await (options.seed === undefined
      ? generateKeyPair('Ed25519')
      : generateKeyPairFromSeed('Ed25519', options.seed)),
    addresses: { listen: [...listen] },
    transports: (options.transports ?? ['tcp']).map((name) => TRANSPORTS[name]()),
    connectionEncrypters: [noise()],
    streamMuxers: [yamux({ streamOptions: { maxStreamWindowSize: STREAM_WINDOW_BYTES_MAX } })],
    peerDiscovery: (options.peerDiscovery ?? []) as NonNullable<Libp2pOptions['peerDiscovery']>,
    connectionGater: {
      denyDialPeer: isDenied,
      denyOutboundEncryptedConnection: isDenied,
      denyInboundEncryptedConnection: isDenied,
    },
    connectionManager: {
      maxConnections: options.connectionsMax ?? 300,
      inboundConnectionThreshold: options.inboundPerSecondMax ?? 50,
      maxIncomingPendingConnections: 64,
      // Reconnecting is our own business: libp2p would give up.
      reconnectRetries: 0,
    },
    connectionMonitor: { pingInterval: liveness.intervalMs, pingTimeout: { minTimeout: liveness.timeoutMs } },
    services: {
      identify: identify(),
      pubsub: gossipsub(
        gossipOptions({
          score: hooks.score,
          sharedAddresses: options.sharedAddresses ?? ['127.0.0.1', '::1'],
          gossipBytesMax: hooks.limits.gossipBytesMax,
        }),
      ),
    },
  }
  const libp2p = await createLibp2p(config).catch((cause: unknown) => {
    throw new DeliveryError('delivery_failed', `libp2p did not start: ${reasonOf(cause)}`, {}, { cause })
  })

  const connectionTo = (peer: PeerName): Connection => {
    const connection = libp2p.getConnections(peerIdFromString(peer)).find(({ status }) => status === 'open')
    if (connection === undefined) throw new DeliveryError('unreachable', 'The peer is not connected.', { peer })
    return connection
  }

  return {
    name: libp2p.peerId.toString(),
    gossip: gossipPort(libp2p.services.pubsub, VERDICTS),
    addresses: () => libp2p.getMultiaddrs().map(String),
    peers: () => libp2p.getPeers().map(String),
    async handle(protocol, answer) {
      await libp2p.handle(
        protocol,
        (stream, connection) => answer(streamChannel(stream, connection.remotePeer.toString())),
        { runOnLimitedConnection: true, maxInboundStreams: 16, maxOutboundStreams: 16 },
      )
    },
    async open(peer, protocol, signal) {
      const stream = await connectionTo(peer).newStream([protocol], {
        signal,
        runOnLimitedConnection: true,
        maxOutboundStreams: 16,
      })
      return streamChannel(stream, peer)
    },
    async dial(addresses, signal) {
      const targets = addresses.map(parseAddress)
      try {
        return (await libp2p.dial(targets, { signal })).remotePeer.toString()
      } catch (cause) {
        throw new DeliveryError('unreachable', `Nobody reached: ${reasonOf(cause)}`, {}, { cause })
      }
    },
    async hangUp(peer) {
      await libp2p.hangUp(peerIdFromString(peer), { signal: AbortSignal.timeout(1000) })
    },
    onPeer(listener: (event: PeerEvent) => void) {
      libp2p.addEventListener('peer:connect', ({ detail }) => listener({ type: 'connected', peer: detail.toString() }))
      libp2p.addEventListener('peer:disconnect', ({ detail }) => {
        listener({ type: 'disconnected', peer: detail.toString() })
      })
      libp2p.addEventListener('connection:open', ({ detail }) => {
        if (detail.direction === 'inbound') return
        const addresses = [withPeer(detail.remoteAddr, detail.remotePeer)]
        listener({ type: 'addresses', peer: detail.remotePeer.toString(), addresses })
      })
      libp2p.addEventListener('peer:identify', ({ detail }) => {
        const addresses = detail.listenAddrs.map((address) => withPeer(address, detail.peerId))
        listener({ type: 'addresses', peer: detail.peerId.toString(), addresses })
      })
    },
    async stop() {
      await libp2p.stop()
    },
  }
}

/** @throws DeliveryError `bad_address` */
export function parseAddress(address: string): Multiaddr {
  try {
    return multiaddr(address)
  } catch (cause) {
    throw new DeliveryError('bad_address', `Not a multiaddr: ${address}`, { address }, { cause })
  }
}

function withPeer(address: Multiaddr, peer: PeerId): string {
  const text = address.toString()
  return text.includes('/p2p/') ? text : `${text}/p2p/${peer.toString()}`
}

function reasonOf(cause: unknown): string {
  if (cause instanceof AggregateError) return cause.errors.map(reasonOf).join('; ')
  return cause instanceof Error ? cause.message : String(cause)
}
