/**
 * A node of libp2p 2 with `@chainsafe/libp2p-gossipsub` as a {@link NodePort}, over TCP: what an application that still
 * has these would write. Only tests use it.
 */
import { gossipsub } from '@chainsafe/libp2p-gossipsub'
import { DeliveryError, type PeerName } from '@dmls/client/ports'
import { createLibp2p } from 'libp2p-2'
import { generateKeyPair } from 'libp2p-2-crypto/keys'
import { identify } from 'libp2p-2-identify'
import { type PeerId, TopicValidatorResult } from 'libp2p-2-interface'
import { type Multiaddr, multiaddr } from 'libp2p-2-multiaddr'
import { noise } from 'libp2p-2-noise'
import { peerIdFromString } from 'libp2p-2-peer-id'
import { tcp } from 'libp2p-2-tcp'
import { yamux } from 'libp2p-2-yamux'
import type { Libp2pDeliveryOptions } from '../../src/index.ts'
import { gossipOptions, gossipPort } from '../../src/node/gossip-port.ts'
import type { NodeHooks, NodePort } from '../../src/node/node-port.ts'
import { streamChannel } from './stream-channel.ts'

const LIMITED = { runOnLimitedConnection: true, maxInboundStreams: 16, maxOutboundStreams: 16 }

export async function startLibp2p2Node(options: Libp2pDeliveryOptions, hooks: NodeHooks): Promise<NodePort> {
  const isDenied = (peer: PeerId): boolean => !hooks.isAllowed(peer.toString())
  const sharedAddresses = ['127.0.0.1', '::1']
  const settings = { score: hooks.score, sharedAddresses, gossipBytesMax: hooks.limits.gossipBytesMax }
  const libp2p = await createLibp2p({
    privateKey: await generateKeyPair('Ed25519'),
    addresses: { listen: [...(options.listen ?? ['/ip4/127.0.0.1/tcp/0'])] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionGater: {
      denyDialPeer: isDenied,
      denyOutboundEncryptedConnection: isDenied,
      denyInboundEncryptedConnection: isDenied,
    },
    connectionManager: { inboundConnectionThreshold: 50, maxIncomingPendingConnections: 64, reconnectRetries: 0 },
    services: { identify: identify(), pubsub: gossipsub(gossipOptions(settings)) },
  })
  return {
    name: libp2p.peerId.toString(),
    gossip: gossipPort(libp2p.services.pubsub, {
      accept: TopicValidatorResult.Accept,
      ignore: TopicValidatorResult.Ignore,
      reject: TopicValidatorResult.Reject,
    }),
    addresses: () => libp2p.getMultiaddrs().map(String),
    peers: () => libp2p.getPeers().map(String),
    async handle(protocol, answer) {
      const take = ({ stream, connection }: Parameters<Parameters<typeof libp2p.handle>[1]>[0]): void =>
        answer(streamChannel(stream, connection.remotePeer.toString()))
      await libp2p.handle(protocol, take, LIMITED)
    },
    async open(peer, protocol, signal) {
      const connection = libp2p.getConnections(peerIdFromString(peer)).find(({ status }) => status === 'open')
      if (connection === undefined) throw new DeliveryError('unreachable', 'The peer is not connected.', { peer })
      return streamChannel(await connection.newStream([protocol], { signal, ...LIMITED }), peer)
    },
    async dial(addresses, signal) {
      try {
        return (
          await libp2p.dial(
            addresses.map((each) => multiaddr(each)),
            { signal },
          )
        ).remotePeer.toString()
      } catch (cause) {
        throw new DeliveryError('unreachable', 'Nobody reached.', {}, { cause })
      }
    },
    hangUp: (peer) => libp2p.hangUp(peerIdFromString(peer), { signal: AbortSignal.timeout(1000) }),
    onPeer(listener) {
      const tell = (peer: PeerName, addresses: readonly string[]): void =>
        listener({ type: 'addresses', peer, addresses })
      libp2p.addEventListener('peer:connect', ({ detail }) => listener({ type: 'connected', peer: String(detail) }))
      libp2p.addEventListener('peer:disconnect', ({ detail }) => {
        listener({ type: 'disconnected', peer: String(detail) })
      })
      libp2p.addEventListener('peer:identify', ({ detail: { peerId, listenAddrs } }) => {
        const withPeer = (address: Multiaddr): string => `${address.decapsulateCode(421)}/p2p/${peerId}`
        tell(String(peerId), listenAddrs.map(withPeer))
      })
    },
    async stop() {
      await libp2p.stop()
    },
  }
}
