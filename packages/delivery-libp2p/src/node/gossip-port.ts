/**
 * Gossipsub as {@link Gossip}, and how it is set up. Messages are not signed by the transport and do not name their
 * author: their content authenticates itself. A message's id is the SHA-256 of its topic and its bytes: the same bytes
 * on two topics, such as one Welcome for two inboxes, are two messages.
 */
import type { PeerName, Verdict } from '@dmls/client/ports'
import { concatBytes, utf8 } from '@dmls/crypto'
import type { GossipsubOpts } from '@libp2p/gossipsub'
import { sha256 } from '../sha256.ts'
import type { Gossip } from './node-port.ts'

/** What `@libp2p/gossipsub` and `@chainsafe/libp2p-gossipsub` call the verdicts. */
export type VerdictNames<Name> = Readonly<Record<Verdict, Name>>

/** The part of the pubsub service that is used: both packages have it, with types of their own for the rest. */
export interface PubSub<Name> {
  readonly topicValidators: {
    set(topic: string, validate: (peer: Named, message: { readonly data: Uint8Array }) => Promise<Name>): unknown
    delete(topic: string): unknown
  }
  subscribe(topic: string): void
  unsubscribe(topic: string): void
  getPeers(): readonly Named[]
  getSubscribers(topic: string): readonly Named[]
  publish(topic: string, message: Uint8Array): Promise<{ readonly recipients: readonly Named[] }>
  addEventListener(type: 'subscription-change', listener: (event: SubscriptionChange) => void): void
}

/** A peer id. */
interface Named {
  toString(): string
}

interface SubscriptionChange {
  readonly detail: {
    readonly peerId: Named
    readonly subscriptions: readonly { readonly topic: string; readonly subscribe: boolean }[]
  }
}

export interface GossipSettings {
  readonly score: (peer: PeerName) => number
  readonly sharedAddresses: readonly string[]
  readonly gossipBytesMax: number
}

/** Options that both packages know. */
export type GossipOptions = Pick<
  GossipsubOpts,
  | 'globalSignaturePolicy'
  | 'fallbackToFloodsub'
  | 'floodPublish'
  | 'doPX'
  | 'allowPublishToZeroTopicPeers'
  | 'ignoreDuplicatePublishError'
  | 'emitSelf'
  | 'D'
  | 'Dlo'
  | 'Dhi'
  | 'Dlazy'
  | 'gossipsubIWantFollowupMs'
> & {
  readonly msgIdFn: (message: { readonly topic: string; readonly data: Uint8Array }) => Uint8Array
  readonly runOnLimitedConnection: boolean
  readonly maxInboundDataLength: number
  readonly maxOutboundBufferSize: number
  readonly scoreParams: {
    readonly appSpecificScore: (peer: PeerName) => number
    readonly appSpecificWeight: number
    readonly IPColocationFactorWhitelist: Set<string>
    readonly behaviourPenaltyThreshold: number
  }
}

/** For 2 to about 100 peers; everything is found again by backfill, so that gossip may lose what it likes. */
export function gossipOptions({ score, sharedAddresses, gossipBytesMax }: GossipSettings): GossipOptions {
  return {
    globalSignaturePolicy: 'StrictNoSign',
    msgIdFn: (message) => sha256(concatBytes(utf8(`${message.topic}\n`), message.data)),
    fallbackToFloodsub: false,
    floodPublish: true,
    doPX: false,
    allowPublishToZeroTopicPeers: true,
    ignoreDuplicatePublishError: true,
    emitSelf: false,
    runOnLimitedConnection: true,
    D: 8,
    Dlo: 6,
    Dhi: 12,
    Dlazy: 8,
    // A stalled process answers late without meaning any harm.
    gossipsubIWantFollowupMs: 15_000,
    maxInboundDataLength: 4 * gossipBytesMax,
    // Some messages in flight for a slow peer; one that falls back further is served by backfill.
    maxOutboundBufferSize: 32 * gossipBytesMax,
    scoreParams: {
      appSpecificScore: score,
      appSpecificWeight: 1,
      IPColocationFactorWhitelist: new Set(sharedAddresses),
      behaviourPenaltyThreshold: 6,
    },
  }
}

export function gossipPort<Name>(pubsub: PubSub<Name>, names: VerdictNames<Name>): Gossip {
  return {
    join(topic, validate) {
      pubsub.topicValidators.set(topic, async (peer, { data }) => names[await validate(data, peer.toString())])
      pubsub.subscribe(topic)
    },
    leave(topic) {
      pubsub.unsubscribe(topic)
      pubsub.topicValidators.delete(topic)
    },
    async publish(topic, message) {
      return (await pubsub.publish(topic, message)).recipients.map(String)
    },
    peers: () => pubsub.getPeers().map(String),
    subscribers: (topic) => pubsub.getSubscribers(topic).map(String),
    onJoined(listener) {
      pubsub.addEventListener('subscription-change', ({ detail }) => {
        for (const { topic, subscribe } of detail.subscriptions)
          if (subscribe) listener(detail.peerId.toString(), topic)
      })
    },
  }
}
