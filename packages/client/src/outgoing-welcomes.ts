/**
 * Welcomes on their way to people who may be offline: each lies in the log of its recipient's inbox topic, which we
 * serve until the recipient has been heard in the epoch that it leads into, or after it.
 */
import { concatBytes, fromHex, toHex, utf8 } from '@dmls/crypto'
import { type DmlsEpoch, dmlsEpoch, type InstanceId, identifierBytes, instanceId } from '@dmls/dmls'
import { decodeWhole, type KeyPackage, keyPackageBytes, keyPackageRef, Writer } from '@dmls/mls'
import type { ClientContext } from './context.ts'
import type { Pending } from './group/message-ledger.ts'
import type { WelcomeSender } from './group/running-group.ts'
import { OUTGOING_PREFIX, outgoingKey } from './store-keys.ts'
import { TopicLog } from './topic-log.ts'
import { inboxTopic } from './topic-names.ts'

const OUTGOING: Uint8Array = utf8('outgoing')

interface Outbox {
  readonly log: TopicLog
  readonly leave: () => Promise<void>
}

/** A Welcome that its recipient may not have yet. */
interface Outstanding {
  readonly topic: Uint8Array
  readonly instance: InstanceId
  /** Where it leads. */
  readonly epoch: DmlsEpoch
  /** Identifier of the Welcome in the log, hexadecimal. */
  readonly id: string
}

export class OutgoingWelcomes implements WelcomeSender {
  readonly #context: ClientContext
  /** By the hexadecimal topic. */
  readonly #outboxes = new Map<string, Promise<Outbox>>()
  readonly #outstanding = new Map<InstanceId, readonly Outstanding[]>()

  private constructor(context: ClientContext) {
    this.#context = context
  }

  static async open(context: ClientContext): Promise<OutgoingWelcomes> {
    const outgoing = new OutgoingWelcomes(context)
    for await (const [, value] of context.store.entries({ prefix: OUTGOING_PREFIX })) {
      const outstanding = decodeOutstanding(value)
      outgoing.#note(outstanding)
      await outgoing.#outbox(outstanding.topic)
    }
    return outgoing
  }

  #note(outstanding: Outstanding): void {
    const { instance } = outstanding
    this.#outstanding.set(instance, [...(this.#outstanding.get(instance) ?? []), outstanding])
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
    // apart from our own inbox, which may be the same topic
    const log = await TopicLog.open(this.#context.store, concatBytes(OUTGOING, topic), this.#context.digest)
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
    epoch: DmlsEpoch,
    recipients: readonly KeyPackage[],
  ): Promise<Pending & { readonly send: () => Promise<void> }> {
    const prepared = await Promise.all(
      recipients.map(async (keyPackage) => {
        const identity = this.#context.authenticator.identity(keyPackage.leafNode.credential)
        const topic = inboxTopic(this.#context.digest, identity)
        const { log } = await this.#outbox(topic)
        const instance = instanceId(keyPackageRef(this.#context.suite, keyPackageBytes(keyPackage)))
        const outstanding: Outstanding = { topic, instance, epoch, id: log.id(welcome) }
        return { outstanding, entry: log.append(welcome) }
      }),
    )
    return {
      operations: prepared.flatMap(({ outstanding, entry }) => [
        ...entry.operations,
        { type: 'put' as const, key: recordKey(outstanding), value: encodeOutstanding(outstanding) },
      ]),
      written: () => {
        for (const { outstanding, entry } of prepared) {
          entry.written()
          this.#note(outstanding)
        }
      },
      send: async () => {
        const topics = new Map(prepared.map(({ outstanding: { topic } }) => [toHex(topic), topic]))
        // best effort: the recipient finds it by backfill otherwise
        for (const topic of topics.values()) {
          await this.#context.delivery.publish(topic, welcome).catch(() => undefined)
        }
      },
    }
  }

  /** Lets go of the Welcomes of somebody who was heard; `covers` tells whether that was in an epoch or after it. */
  async heard(instance: InstanceId, covers: (epoch: DmlsEpoch) => boolean): Promise<void> {
    const outstanding = this.#outstanding.get(instance)
    if (outstanding === undefined) return
    const arrived = outstanding.filter(({ epoch }) => covers(epoch))
    if (arrived.length === 0) return
    const left = outstanding.filter((each) => !arrived.includes(each))
    if (left.length === 0) this.#outstanding.delete(instance)
    else this.#outstanding.set(instance, left)
    for (const each of arrived) await this.#letGo(each)
  }

  async #letGo(arrived: Outstanding): Promise<void> {
    const { log, leave } = await this.#outbox(arrived.topic)
    const others = [...this.#outstanding.values()].flat()
    // one Welcome may be for several devices of one person
    const forgotten = log.remove(others.some(({ id }) => id === arrived.id) ? [] : [arrived.id])
    await this.#context.store.write([...forgotten.operations, { type: 'delete', key: recordKey(arrived) }])
    forgotten.written()
    if (others.some(({ topic }) => toHex(topic) === toHex(arrived.topic))) return
    this.#outboxes.delete(toHex(arrived.topic))
    await leave()
  }

  async close(): Promise<void> {
    for (const outbox of this.#outboxes.values()) await (await outbox).leave()
  }
}

function recordKey({ instance, epoch }: Outstanding): Uint8Array {
  return outgoingKey(identifierBytes(instance), identifierBytes(epoch))
}

function encodeOutstanding({ topic, instance, epoch, id }: Outstanding): Uint8Array {
  return new Writer()
    .opaque(topic)
    .opaque(identifierBytes(instance))
    .opaque(identifierBytes(epoch))
    .opaque(fromHex(id))
    .finish()
}

function decodeOutstanding(bytes: Uint8Array): Outstanding {
  return decodeWhole(bytes, (reader) => ({
    topic: reader.opaque(),
    instance: instanceId(reader.opaque()),
    epoch: dmlsEpoch(reader.opaque()),
    id: toHex(reader.opaque()),
  }))
}
