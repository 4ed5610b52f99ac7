/**
 * A Delivery that tells what passes through it: which messages left this process and which ones reached it, by the
 * SHA-256 of their bytes. The demonstration needs it to tell "nobody could read it" from "it never got there".
 */
import type { Delivery, TopicHandler, Verdict } from '@dmls/client/ports'
import { toHex } from '@dmls/crypto'
import { nodeProvider } from '@dmls/crypto/node'

export interface DeliveryObserver {
  /** Called before the message is handed to the network. */
  published(messageId: string): void
  /** Called after the client has finished with a message from the network. */
  arrived(messageId: string, verdict: Verdict): void
}

export interface ObservationOptions {
  /** Swallows what arrives: a client that only talks and does not want to know what was decided about it. */
  readonly isDeaf?: boolean
}

/** The same delivery, observed. */
export function observeDelivery(
  delivery: Delivery,
  observer: DeliveryObserver,
  { isDeaf = false }: ObservationOptions = {},
): Delivery {
  return {
    subscribe: (topic, handler) => delivery.subscribe(topic, observeHandler(handler, observer, isDeaf)),
    publish: (topic, message) => {
      observer.published(idOf(message))
      return delivery.publish(topic, message)
    },
    backfill: (topic) => delivery.backfill(topic),
    close: () => delivery.close(),
  }
}

function observeHandler(handler: TopicHandler, observer: DeliveryObserver, isDeaf: boolean): TopicHandler {
  return {
    receive: async (message, from) => {
      const id = idOf(message)
      const verdict = isDeaf ? 'ignore' : await handler.receive(message, from)
      observer.arrived(id, verdict)
      return verdict
    },
    held: () => handler.held(),
    load: (id) => handler.load(id),
  }
}

/** A suite whose hash is SHA-256. */
const SUITE = 1

function idOf(message: Uint8Array): string {
  return toHex(nodeProvider.cipherSuite(SUITE).hash(message))
}
