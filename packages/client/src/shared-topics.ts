/**
 * Several parts of one client on one topic: a Delivery knows one handler for each topic, but our inbox may also be where
 * we send a Welcome to another device of ours. What arrives goes to all of them, what is asked for comes from any.
 */
import { toHex } from '@dmls/crypto'
import type { Delivery, PeerName, Topic, TopicHandler, Verdict } from './ports.ts'
import { SerialQueue } from './serial-queue.ts'

interface Share {
  readonly handlers: Set<TopicHandler>
  readonly leave: () => Promise<void>
}

/** The delivery, with any number of handlers for each topic. */
export function shareTopics(delivery: Delivery): Delivery {
  const shares = new Map<string, Share>()
  // joining and leaving a topic take time; in turn, or a topic that is left may be joined before it is free
  const queue = new SerialQueue()

  const join = async (topic: Topic, handler: TopicHandler): Promise<void> => {
    const present = shares.get(toHex(topic))
    if (present !== undefined) {
      present.handlers.add(handler)
      return
    }
    const handlers = new Set([handler])
    const leave = await delivery.subscribe(topic, togetherOf(handlers))
    shares.set(toHex(topic), { handlers, leave })
  }

  const part = async (topic: Topic, handler: TopicHandler): Promise<void> => {
    const share = shares.get(toHex(topic))
    if (share?.handlers.delete(handler) !== true || share.handlers.size > 0) return
    shares.delete(toHex(topic))
    await share.leave()
  }

  return {
    async subscribe(topic, handler) {
      await queue.run(() => join(topic, handler))
      return () => queue.run(() => part(topic, handler))
    },
    publish: (topic, message) => delivery.publish(topic, message),
    backfill: (topic) => delivery.backfill(topic),
    close: () => delivery.close(),
  }
}

/** Many handlers as one. */
function togetherOf(handlers: ReadonlySet<TopicHandler>): TopicHandler {
  return {
    async receive(message: Uint8Array, from: PeerName): Promise<Verdict> {
      const verdicts = await Promise.all([...handlers].map((handler) => handler.receive(message, from)))
      if (verdicts.includes('accept')) return 'accept'
      // one part may refuse what is of use to another
      return verdicts.every((verdict) => verdict === 'reject') ? 'reject' : 'ignore'
    },
    async *held() {
      const named = new Set<string>()
      for (const handler of handlers) {
        for await (const id of handler.held()) {
          if (named.has(toHex(id))) continue
          named.add(toHex(id))
          yield id
        }
      }
    },
    async load(id) {
      for (const handler of handlers) {
        const message = await handler.load(id)
        if (message !== undefined) return message
      }
      return undefined
    },
  }
}
