/**
 * Welcomes on their way to people who may be offline: each lies in the log of its recipient's inbox topic, which we
 * serve until the recipient has been heard in the group.
 */
import { fromHex, toHex } from '@dmls/crypto'
import type { KeyPackage } from '@dmls/mls'
import type { ClientContext } from './context.ts'
import type { WelcomeSender } from './group/group-handle.ts'
import type { Pending } from './group/message-ledger.ts'
import { OUTGOING_PREFIX, outgoingKey } from './store-keys.ts'
import { TopicLog } from './topic-log.ts'
import { inboxTopic } from './topic-names.ts'

interface Outbox {
  readonly log: TopicLog
  readonly leave: () => Promise<void>
}

export class OutgoingWelcomes implements WelcomeSender {
  readonly #context: ClientContext
  /** By the hexadecimal topic. */
  readonly #outboxes = new Map<string, Promise<Outbox>>()

  private constructor(context: ClientContext) {
    this.#context = context
  }

  static async open(context: ClientContext): Promise<OutgoingWelcomes> {
    const outgoing = new OutgoingWelcomes(context)
    for await (const [key] of context.store.entries({ prefix: OUTGOING_PREFIX })) {
      await outgoing.#outbox(key.slice(OUTGOING_PREFIX.length))
    }
    return outgoing
  }

  #outbox(topic: Uint8Array): Promise<Outbox> {
    const name = toHex(topic)
    const known = this.#outboxes.get(name)
    if (known !== undefined) return known
    const opened = this.#serve(topic)
    this.#outboxes.set(name, opened)
    return opened
  }

  async #serve(topic: Uint8Array): Promise<Outbox> {
    const log = await TopicLog.open(this.#context.store, topic, this.#context.digest)
    const leave = await this.#context.delivery.subscribe(topic, {
      // what others sent to that inbox is none of our business: not held, so not accepted, or it would come again at once
      receive: async () => 'ignore',
      held: async function* () {
        for (const id of log.ids()) yield fromHex(id)
      },
      load: (id) => log.load(toHex(id)),
    })
    return { log, leave }
  }

  async prepare(
    welcome: Uint8Array,
    recipients: readonly KeyPackage[],
  ): Promise<Pending & { readonly send: () => Promise<void> }> {
    const topics = new Map<string, Uint8Array>()
    for (const { leafNode } of recipients) {
      const identity = this.#context.authenticator.identity(leafNode.credential)
      const topic = inboxTopic(this.#context.digest, identity)
      topics.set(toHex(topic), topic)
    }
    const appended = await Promise.all(
      [...topics.values()].map(async (topic) => {
        const { log } = await this.#outbox(topic)
        return { topic, entry: log.append(welcome) }
      }),
    )
    return {
      operations: appended.flatMap(({ topic, entry }) => [
        ...entry.operations,
        { type: 'put' as const, key: outgoingKey(topic), value: new Uint8Array(0) },
      ]),
      written: () => {
        for (const { entry } of appended) entry.written()
      },
      send: async () => {
        // best effort: the recipient finds it by backfill otherwise
        for (const { topic } of appended) await this.#context.delivery.publish(topic, welcome).catch(() => undefined)
      },
    }
  }

  async close(): Promise<void> {
    for (const outbox of this.#outboxes.values()) await (await outbox).leave()
  }
}
