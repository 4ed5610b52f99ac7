/**
 * Gossipsub as {@link Gossip}, and how it is set up. Messages are not signed by the transport and do not name their
 * author: their content authenticates itself. A message's id is the SHA-256 of its topic and its bytes: the same bytes
 * on two topics, such as one Welcome for two inboxes, are two messages.
 */
import type { PeerName, Verdict } from '@dmls/client/ports'
import { concatBytes, utf8 } from '@dmls/crypto'
import type { GossipSub, GossipsubOpts } from '@libp2p/gossipsub'
import { StrictNoSign, TopicValidatorResult } from '@libp2p/gossipsub'
import { sha256 } from '../sha256.ts'
import type { Gossip } from './node-port.ts'

const VERDICTS: Readonly<Record<Verdict, TopicValidatorResult>> = {
  accept: TopicValidatorResult.Accept,
  ignore: TopicValidatorResult.Ignore,
  reject: TopicValidatorResult.Reject,
}

/** The part of the pubsub service that is used. */
export type PubSub = Pick<
  GossipSub,
  'topicValidators' | 'subscribe' | 'unsubscribe' | 'getPeers' | 'getSubscribers' | 'publish' | 'addEventListener'
>

export interface GossipSettings {
  readonly score: (peer: PeerName) => number
  readonly sharedAddresses: readonly string[]
  readonly gossipBytesMax: number
}

/** For 2 to about 100 peers; everything is found again by backfill, so that gossip may lose what it likes. */
export function gossipOptions({ score, sharedAddresses, gossipBytesMax }: GossipSettings): Partial<GossipsubOpts> {
  return {
    globalSignaturePolicy: StrictNoSign,
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

export function gossipPort(pubsub: PubSub): Gossip {
  return {
    join(topic, validate) {
      pubsub.topicValidators.set(topic, async (peer, { data }) => VERDICTS[await validate(data, peer.toString())])
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
