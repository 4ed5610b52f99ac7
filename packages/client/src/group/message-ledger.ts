/**
 * Which messages of a group are known, and how: held in the log, processed, waiting for something, or of no use. Two
 * names go with a message: the identifier of its bytes, and that of the MLSMessage inside, because the dmls_epoch around
 * it is not authenticated (protocol §4) and must not make one message into two.
 */
import { fromHex, toHex } from '@dmls/crypto'
import { type DmlsMessage, decodeDmlsMessage, messageId, rejoinRequestOf } from '@dmls/dmls'
import { decodeWhole, mlsMessageBytes, Writer } from '@dmls/mls'
import type { ClientContext } from '../context.ts'
import type { StoreOperation } from '../ports.ts'
import { groupRecordKey, groupRecordPrefix } from '../store-keys.ts'
import { TopicLog } from '../topic-log.ts'
import { groupTopic } from '../topic-names.ts'
import { readGroupMessage, requestShelf } from './group-message.ts'
import { WaitingRoom } from './waiting-room.ts'

/** How a message is named within its group: two hashes, of KDF.Nh bytes each. */
interface InnerName {
  readonly messageId: Uint8Array
  readonly epoch: Uint8Array
}

/** What the log keeps beside a message that was processed. One that waited first has no note, and is read again. */
function noteOf({ messageId, epoch }: InnerName): Uint8Array {
  return new Writer(messageId.length + epoch.length + 4).opaque(messageId).opaque(epoch).finish()
}

function readNote(note: Uint8Array): InnerName {
  return decodeWhole(note, (reader) => ({ messageId: reader.opaque(), epoch: reader.opaque() }))
}

/** What to write, and what to call once it is written. */
export interface Pending {
  readonly operations: readonly StoreOperation[]
  readonly written: () => void
}

export class MessageLedger {
  readonly #context: ClientContext
  readonly #groupId: Uint8Array
  readonly #log: TopicLog
  readonly #waiting: WaitingRoom
  /** Identifiers of inner messages; hexadecimal. */
  readonly #processed = new Set<string>()
  /** Identifiers of messages that were refused, so that they are not fetched again; hexadecimal, oldest first. */
  readonly #refused = new Set<string>()
  /** Identifiers of processed messages by the epoch that they name. */
  readonly #byEpoch = new Map<string, Set<string>>()

  private constructor(context: ClientContext, groupId: Uint8Array, log: TopicLog) {
    this.#context = context
    this.#groupId = groupId
    this.#log = log
    this.#waiting = new WaitingRoom(context.limits.waitingMax)
  }

  /** Reads back which messages of the log were processed, and which still wait. */
  static async open(context: ClientContext, groupId: Uint8Array): Promise<MessageLedger> {
    const waitsFor = new Map<string, string>()
    const prefix = groupRecordPrefix(groupId, 'waiting')
    for await (const [key, epoch] of context.store.entries({ prefix })) {
      waitsFor.set(toHex(key.slice(prefix.length)), toHex(epoch))
    }
    const log = TopicLog.unread(context.store, groupTopic(context.digest, groupId), context.digest)
    const ledger = new MessageLedger(context, groupId, log)
    const unnoted: string[] = []
    await log.read((id, note) => {
      const epoch = waitsFor.get(id)
      if (epoch !== undefined) ledger.#waiting.add(id, epoch)
      else if (note.length > 0) ledger.#noteProcessed(id, readNote(note))
      else unnoted.push(id)
    })
    for (const id of unnoted) {
      const bytes = await log.load(id)
      if (bytes !== undefined) ledger.#noteHeld(id, bytes)
    }
    return ledger
  }

  #waitingKey(id: string): Uint8Array {
    return groupRecordKey(this.#groupId, 'waiting', fromHex(id))
  }

  /** The identifier of a message's bytes: SHA-256, hexadecimal. */
  id(bytes: Uint8Array): string {
    return this.#log.id(bytes)
  }

  /** The identifier of the MLSMessage inside, KDF.Nh bytes: the same for every receiver. */
  messageId({ message }: DmlsMessage): Uint8Array {
    return messageId(this.#context.suite, mlsMessageBytes(message))
  }

  /** Whether these very bytes were seen. */
  knows(id: string): boolean {
    return this.#log.has(id) || this.#refused.has(id)
  }

  isProcessed(message: DmlsMessage): boolean {
    return this.#processed.has(toHex(this.messageId(message)))
  }

  load(id: string): Promise<Uint8Array | undefined> {
    return this.#log.load(id)
  }

  /** Identifiers that a peer need not send us, 32 bytes each. */
  async *held(): AsyncGenerator<Uint8Array, void, undefined> {
    for (const id of this.#log.ids()) yield fromHex(id)
    for (const id of this.#refused) yield fromHex(id)
  }

  /** Records messages as processed and held. */
  process(messages: readonly Uint8Array[]): Pending {
    const named = messages.map((bytes) => ({ bytes, id: this.id(bytes), name: this.#nameOf(bytes) }))
    const logged = named.map(({ bytes, name }) => this.#log.append(bytes, noteOf(name)))
    const waited = named.map(({ id }) => id).filter((id) => this.#waiting.has(id))
    return {
      operations: [
        ...logged.flatMap((entry) => entry.operations),
        ...waited.map((id) => ({ type: 'delete' as const, key: this.#waitingKey(id) })),
      ],
      written: () => {
        for (const entry of logged) entry.written()
        for (const id of waited) this.#waiting.remove(id)
        for (const { id, name } of named) this.#noteProcessed(id, name)
      },
    }
  }

  #noteHeld(id: string, bytes: Uint8Array): void {
    const message = readGroupMessage(bytes)
    if (message.kind === 'message') this.#noteProcessed(id, this.#nameOf(bytes))
    else this.#shelve(id, requestShelf(rejoinRequestOf(message.keyPackage, this.#groupId)?.instance ?? ''))
  }

  #nameOf(bytes: Uint8Array): InnerName {
    const message = decodeDmlsMessage(bytes)
    return { messageId: this.messageId(message), epoch: message.dmlsEpoch }
  }

  #noteProcessed(id: string, { messageId, epoch }: InnerName): void {
    this.#processed.add(toHex(messageId))
    this.#shelve(id, toHex(epoch))
  }

  #shelve(id: string, shelf: string): void {
    const ids = this.#byEpoch.get(shelf)
    if (ids === undefined) this.#byEpoch.set(shelf, new Set([id]))
    else ids.add(id)
  }

  /** Records something that is no message of an epoch as held, under a name of its own for {@link forgetEpochs}. */
  file(bytes: Uint8Array, shelf: string): Pending {
    const logged = this.#log.append(bytes)
    return {
      operations: logged.operations,
      written: () => {
        logged.written()
        this.#shelve(this.id(bytes), shelf)
      },
    }
  }

  /** Shelves of requests that are held. */
  requests(): string[] {
    return [...this.#byEpoch.keys()].filter((shelf) => shelf.startsWith(requestShelf('')))
  }

  /** Lets go of the messages of epochs that nobody needs any more; their names are kept a while. */
  forgetEpochs(epochs: readonly string[]): Pending {
    const pending = epochs.flatMap((epoch) => [...(this.#byEpoch.get(epoch) ?? [])]).map((id) => this.refuse(id))
    return {
      operations: pending.flatMap((entry) => entry.operations),
      written: () => {
        for (const entry of pending) entry.written()
        for (const epoch of epochs) this.#byEpoch.delete(epoch)
      },
    }
  }

  /** Keeps a message until an epoch is here. When too many wait, the one that waited longest leaves. */
  wait(bytes: Uint8Array, epoch: string): Pending {
    const id = this.id(bytes)
    const evicted = this.#waiting.add(id, epoch)
    const logged = this.#log.append(bytes)
    const left = evicted === undefined ? [] : [evicted]
    const forgotten = this.#log.remove(left)
    return {
      operations: [
        ...logged.operations,
        ...forgotten.operations,
        { type: 'put', key: this.#waitingKey(id), value: fromHex(epoch) },
        ...left.map((gone) => ({ type: 'delete' as const, key: this.#waitingKey(gone) })),
      ],
      written: () => {
        logged.written()
        forgotten.written()
      },
    }
  }

  /** Takes out what waited for an epoch, in the order in which it came. */
  takeWaiting(epoch: string): readonly string[] {
    return this.#waiting.take(epoch)
  }

  /** What was taken out and could not be tried. */
  putBack(ids: readonly string[], epoch: string): void {
    for (const id of ids) this.#waiting.add(id, epoch)
  }

  /** The epochs that something waits for. */
  awaited(): readonly string[] {
    return this.#waiting.epochs()
  }

  waitingFor(epoch: string): number {
    return this.#waiting.waitingFor(epoch)
  }

  /** From now on, what was of no use is taken from peers again. */
  forgetRefusals(): void {
    this.#refused.clear()
  }

  /** Forgets a message that is of no use but remembers its name, so that it is not fetched again. */
  refuse(id: string): Pending {
    this.#waiting.remove(id)
    this.#refused.add(id)
    if (this.#refused.size > this.#context.limits.refusedMax) {
      const oldest = this.#refused.values().next().value
      if (oldest !== undefined) this.#refused.delete(oldest)
    }
    if (!this.#log.has(id)) return { operations: [], written: () => undefined }
    const forgotten = this.#log.remove([id])
    return {
      operations: [...forgotten.operations, { type: 'delete', key: this.#waitingKey(id) }],
      written: forgotten.written,
    }
  }
}
