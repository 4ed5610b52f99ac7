/**
 * `@dmls/delivery-libp2p/node`: the delivery on a node of your own, such as one that an application runs already, another
 * libp2p or another pubsub. Gossipsub of either name becomes a {@link Gossip} by {@link gossipPort}; the rest of a
 * {@link NodePort} is connections and streams. The node must ask {@link NodeHooks} who may connect.
 */
export type { ByteChannel } from './backfill/byte-channel.ts'
export { createDeliveryOn } from './libp2p-delivery.ts'
export {
  type GossipOptions,
  type GossipSettings,
  gossipOptions,
  gossipPort,
  type PubSub,
  type VerdictNames,
} from './node/gossip-port.ts'
export type { Gossip, NodeHooks, NodePort, PeerEvent } from './node/node-port.ts'
