/**
 * Welcomes on their way to people who may be offline. The bytes of one are stored once, however many it is for, and
 * served in the inbox topic of each recipient until that recipient has been heard in the epoch that it leads into, or
 * after it, or until the recipient can hardly use it any more. With the last recipient the bytes go.
 */
import { fromHex, toHex } from '@dmls/crypto'
import { type DmlsEpoch, dmlsEpoch, type InstanceId, identifierBytes, instanceId } from '@dmls/dmls'
import { decodeWhole, type KeyPackage, referenceOf, Writer } from '@dmls/mls'
import type { ClientContext } from './context.ts'
import type { Pending } from './group/message-ledger.ts'
import type { WelcomeSender } from './group/running-group.ts'
import { lifetimeEnd, secondsNow } from './key-packages.ts'
import type { StoreOperation } from './ports.ts'
import { OUTGOING_PREFIX, outgoingKey, outgoingWelcomeKey, readOutgoingKey } from './store-keys.ts'
import { inboxTopic } from './topic-names.ts'

/**
 * A Welcome is served as long as the key package that it uses is good, and for 30 days at least: a merge may repeat the
 * addition of somebody whose key package is past its time (protocol §7.2).
 */
const SERVED_SECONDS_MIN = 30n * 86_400n

/** A Welcome that one of its recipients may not have yet. */
interface Outstanding {
  /** Identifier of the Welcome, hexadecimal; the same for all whom it is for. */
  readonly id: string
  readonly instance: InstanceId
  readonly topic: Uint8Array
  /** Where it leads. */
  readonly epoch: DmlsEpoch
  /** When it is given up, seconds since the Unix epoch. */
  readonly until: bigint
}

/** An inbox that we serve. */
interface Outbox {
  /** What its owner may lack, for each of the owner's devices. */
  readonly outstanding: Set<Outstanding>
  /** How many Welcomes are about to be written for it. */
  expected: number
  /** Resolves when the topic is served, to what leaves it. */
  readonly served: Promise<() => Promise<void>>
}

export class OutgoingWelcomes implements WelcomeSender {
  readonly #context: ClientContext
  /** By the hexadecimal topic. */
  readonly #outboxes = new Map<string, Outbox>()
  /** By the Welcome's identifier, then by recipient. */
  readonly #welcomes = new Map<string, Map<InstanceId, Outstanding>>()
  /** When the first of them is to be given up. */
  #nextEnd: bigint | undefined

  private constructor(context: ClientContext) {
    this.#context = context
  }

  static async open(context: ClientContext): Promise<OutgoingWelcomes> {
    const outgoing = new OutgoingWelcomes(context)
    const stored: Outstanding[] = []
    for await (const [key, value] of context.store.entries({ prefix: OUTGOING_PREFIX })) {
      stored.push(decodeOutstanding(key, value))
    }
    for (const outstanding of stored) outgoing.#note(outstanding)
    await outgoing.#giveUp()
    for (const { served } of outgoing.#outboxes.values()) await served
    return outgoing
  }

  #note(outstanding: Outstanding): void {
    const { id, instance, topic, until } = outstanding
    const recipients = this.#welcomes.get(id) ?? new Map<InstanceId, Outstanding>()
    this.#welcomes.set(id, recipients.set(instance, outstanding))
    this.#outbox(topic).outstanding.add(outstanding)
    if (this.#nextEnd === undefined || until < this.#nextEnd) this.#nextEnd = until
  }

  #outbox(topic: Uint8Array): Outbox {
    const name = toHex(topic)
    const known = this.#outboxes.get(name)
    if (known !== undefined) return known
    const outstanding = new Set<Outstanding>()
    const served = this.#context.delivery.subscribe(topic, {
      // what others sent to that inbox is none of our business: not held, so not accepted, or it would come again at once
      receive: async () => 'ignore',
      held: async function* () {
        for (const id of idsOf(outstanding)) yield fromHex(id)
      },
      load: async (id) =>
        idsOf(outstanding).has(toHex(id)) ? this.#context.store.get(outgoingWelcomeKey(id)) : undefined,
    })
    const outbox = { outstanding, expected: 0, served }
    this.#outboxes.set(name, outbox)
    // whoever waits for it is told; the next who needs it tries again
    served.catch(() => this.#outboxes.delete(name))
    return outbox
  }

  async prepare(
    welcome: Uint8Array,
    epoch: DmlsEpoch,
    recipients: readonly KeyPackage[],
  ): Promise<Pending & { readonly send: () => Promise<void> }> {
    await this.#giveUp()
    const { suite, digest, authenticator, clock } = this.#context
    const bytesId = digest(welcome)
    const leastEnd = secondsNow(clock) + SERVED_SECONDS_MIN
    const prepared = recipients.map((keyPackage): Outstanding => {
      const end = lifetimeEnd(keyPackage)
      return {
        id: toHex(bytesId),
        instance: instanceId(referenceOf(suite, keyPackage)),
        topic: inboxTopic(digest, authenticator.identity(keyPackage.leafNode.credential)),
        epoch,
        until: end > leastEnd ? end : leastEnd,
      }
    })
    const topics = new Map(prepared.map(({ topic }) => [toHex(topic), topic]))
    await this.#expect([...topics.values()])
    return {
      operations: [
        { type: 'put', key: outgoingWelcomeKey(bytesId), value: welcome },
        ...prepared.map((each): StoreOperation => ({ type: 'put', key: keyOf(each), value: encodeOutstanding(each) })),
      ],
      written: () => {
        for (const topic of topics.values()) this.#outbox(topic).expected--
        for (const outstanding of prepared) this.#note(outstanding)
      },
      send: async () => {
        // best effort: the recipient finds it by backfill otherwise
        for (const topic of topics.values()) {
          await this.#context.delivery.publish(topic, welcome).catch(() => undefined)
        }
      },
    }
  }

  /** Serves topics before anything is written for them, and lets nobody leave them before it is. */
  async #expect(topics: readonly Uint8Array[]): Promise<void> {
    const outboxes = topics.map((topic) => this.#outbox(topic))
    for (const outbox of outboxes) outbox.expected++
    await Promise.all(outboxes.map(({ served }) => served))
  }

  /** Lets go of the Welcomes of somebody who was heard; `covers` tells whether that was in an epoch or after it. */
  async heard(instance: InstanceId, covers: (epoch: DmlsEpoch) => boolean): Promise<void> {
    const arrived = [...this.#welcomes.values()].flatMap((recipients) => recipients.get(instance) ?? [])
    await this.#letGo(arrived.filter(({ epoch }) => covers(epoch)))
    await this.#giveUp()
  }

  /** Lets go of Welcomes whose time is over. */
  async #giveUp(): Promise<void> {
    const now = secondsNow(this.#context.clock)
    if (this.#nextEnd === undefined || now <= this.#nextEnd) return
    const all = [...this.#welcomes.values()].flatMap((recipients) => [...recipients.values()])
    const left = all.filter(({ until }) => until >= now)
    this.#nextEnd = left.reduce<bigint | undefined>(
      (soonest, { until }) => (soonest === undefined || until < soonest ? until : soonest),
      undefined,
    )
    await this.#letGo(all.filter(({ until }) => until < now))
  }

  async #letGo(gone: readonly Outstanding[]): Promise<void> {
    if (gone.length === 0) return
    // noted before it is written: of two groups that let go at once, one sees that nobody is left
    const operations = gone.flatMap((each) => this.#strike(each))
    await this.#context.store.write(operations)
    for (const { topic } of gone) await this.#leaveIfDone(toHex(topic))
  }

  /** Forgets a recipient. Returns what to delete: with the last one of a Welcome, its bytes. */
  #strike(outstanding: Outstanding): StoreOperation[] {
    const { id, instance, topic } = outstanding
    this.#outboxes.get(toHex(topic))?.outstanding.delete(outstanding)
    const recipients = this.#welcomes.get(id)
    recipients?.delete(instance)
    const record = { type: 'delete', key: keyOf(outstanding) } as const
    if (recipients === undefined || recipients.size > 0) return [record]
    this.#welcomes.delete(id)
    return [record, { type: 'delete', key: outgoingWelcomeKey(fromHex(id)) }]
  }

  async #leaveIfDone(name: string): Promise<void> {
    const outbox = this.#outboxes.get(name)
    if (outbox === undefined || outbox.outstanding.size > 0 || outbox.expected > 0) return
    this.#outboxes.delete(name)
    const leave = await outbox.served
    await leave()
  }

  async close(): Promise<void> {
    for (const { served } of this.#outboxes.values()) {
      const leave = await served
      await leave()
    }
  }
}

/** The Welcomes of an inbox; one may be for several devices of its owner. */
function idsOf(outstanding: ReadonlySet<Outstanding>): ReadonlySet<string> {
  return new Set([...outstanding].map(({ id }) => id))
}

function keyOf({ id, instance }: Outstanding): Uint8Array {
  return outgoingKey(fromHex(id), identifierBytes(instance))
}

function encodeOutstanding({ topic, epoch, until }: Outstanding): Uint8Array {
  return new Writer().opaque(topic).opaque(identifierBytes(epoch)).uint64(until).finish()
}

function decodeOutstanding(key: Uint8Array, value: Uint8Array): Outstanding {
  const { welcome, instance } = readOutgoingKey(key)
  return decodeWhole(value, (reader) => ({
    id: toHex(welcome),
    instance: instanceId(instance),
    topic: reader.opaque(),
    epoch: dmlsEpoch(reader.opaque()),
    until: reader.uint64(),
  }))
}
