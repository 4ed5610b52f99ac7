/** A Delivery that delivers nothing by itself: the test sees what is published and hands over what it wants. */
import { toHex } from '@dmls/crypto'
import { decodeMlsMessage, MlsError } from '@dmls/mls'
import type { Delivery, Topic, TopicHandler, Verdict } from '../src/ports.ts'

export interface Published {
  readonly topic: string
  readonly message: Uint8Array
}

/** Whether something that was published is a Welcome. */
export function isWelcome({ message }: Published): boolean {
  try {
    return decodeMlsMessage(message).wireFormat === 'mls_welcome'
  } catch (error) {
    if (error instanceof MlsError) return false
    throw error
  }
}

export class HandDelivery implements Delivery {
  readonly #handlers = new Map<string, TopicHandler>()
  readonly published: Published[] = []
  /** Called at each publication, before it counts as done. */
  onPublish: (message: Uint8Array) => void = () => undefined

  async subscribe(topic: Topic, handler: TopicHandler): Promise<() => Promise<void>> {
    const name = toHex(topic)
    this.#handlers.set(name, handler)
    return async () => void this.#handlers.delete(name)
  }

  async publish(topic: Topic, message: Uint8Array): Promise<void> {
    this.onPublish(message)
    this.published.push({ topic: toHex(topic), message: message.slice() })
  }

  async backfill(): Promise<void> {
    // nobody is there to ask
  }

  async close(): Promise<void> {
    this.#handlers.clear()
  }

  /** Everything that was published since the last time. */
  take(): Published[] {
    return this.published.splice(0)
  }

  /** What the handler of a topic would give to a peer that lacks everything. */
  async served(topic: string): Promise<Uint8Array[]> {
    const handler = this.#handlers.get(topic)
    const messages: Uint8Array[] = []
    for await (const id of handler?.held() ?? []) {
      const message = await handler?.load(id)
      if (message !== undefined) messages.push(message)
    }
    return messages
  }

  /** Hands something over; undefined when nobody listens to its topic. */
  async hand({ topic, message }: Published): Promise<Verdict | undefined> {
    return this.#handlers.get(topic)?.receive(message.slice(), 'by hand')
  }
}
