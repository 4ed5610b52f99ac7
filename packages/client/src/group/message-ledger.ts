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
import { HeldMessages, type MessageKind } from './held-messages.ts'
import { type Taken, type Waiting, WaitingRoom } from './waiting-room.ts'

/** What is known of a message that was processed: its names within the group, KDF.Nh bytes each, and its weight. */
interface Processed {
  readonly messageId: Uint8Array
  readonly epoch: Uint8Array
  readonly kind: MessageKind
  readonly sizeBytes: number
}

/** Numbers of the kinds in notes. */
const KINDS: readonly MessageKind[] = ['other', 'commit', 'own']

/** What the log keeps beside a message that was processed. One that waited first has no note, and is read again. */
function noteOf({ messageId, epoch, kind, sizeBytes }: Processed): Uint8Array {
  const writer = new Writer(messageId.length + epoch.length + 9).opaque(messageId).opaque(epoch)
  return writer.uint8(KINDS.indexOf(kind)).uint32(sizeBytes).finish()
}

function readNote(note: Uint8Array): Processed {
  return decodeWhole(note, (reader) => ({
    messageId: reader.opaque(),
    epoch: reader.opaque(),
    kind: KINDS[reader.uint8()] ?? 'other',
    sizeBytes: reader.uint32(),
  }))
}

/** Where a message that is processed comes from. */
export interface Origin {
  readonly kind: MessageKind
  /** Who made it: an instance. */
  readonly author: string
}

/** Our own messages come from here. */
export const OWN: Origin = { kind: 'own', author: 'ourselves' }

/** After a restart nobody knows any more who made what is in the log. */
const UNKNOWN_AUTHOR = ''

/** What to write, and what to call once it is written. */
export interface Pending {
  readonly operations: readonly StoreOperation[]
  readonly written: () => void
}

/** Why a message was refused, as far as that may change. */
export interface Refusal {
  /** The epoch of a commit that others may have accepted. */
  readonly disputed?: string | undefined
  /** Whether its sender was no member any more. */
  readonly ofRemoved?: boolean
}

export class MessageLedger {
  readonly #context: ClientContext
  readonly #groupId: Uint8Array
  readonly #log: TopicLog
  readonly #waiting: WaitingRoom
  /** What the log holds that does not wait. */
  readonly #held = new HeldMessages()
  /** Messages that were refused, so that they are not fetched again, by identifier, hexadecimal; oldest first. */
  readonly #refused = new Map<string, Refusal>()

  private constructor(context: ClientContext, groupId: Uint8Array, log: TopicLog) {
    this.#context = context
    this.#groupId = groupId
    this.#log = log
    this.#waiting = new WaitingRoom(context.limits.waitingMax, context.limits.waitingSizeMaxBytes)
  }

  /** Reads back which messages of the log were processed, and which still wait. */
  static async open(context: ClientContext, groupId: Uint8Array): Promise<MessageLedger> {
    const waitsFor = new Map<string, Waiting>()
    const prefix = groupRecordPrefix(groupId, 'waiting')
    for await (const [key, value] of context.store.entries({ prefix })) {
      waitsFor.set(toHex(key.slice(prefix.length)), readWaiting(value))
    }
    const log = TopicLog.unread(context.store, groupTopic(context.digest, groupId), context.digest)
    const ledger = new MessageLedger(context, groupId, log)
    const unnoted: string[] = []
    await log.read((id, note) => {
      const waiting = waitsFor.get(id)
      if (waiting !== undefined) ledger.#waiting.add(id, waiting)
      else if (note.length > 0) ledger.#noteProcessed(id, readNote(note), UNKNOWN_AUTHOR)
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
    return this.#held.hasInner(toHex(this.messageId(message)))
  }

  load(id: string): Promise<Uint8Array | undefined> {
    return this.#log.load(id)
  }

  /** Identifiers that a peer need not send us, 32 bytes each. */
  async *held(): AsyncGenerator<Uint8Array, void, undefined> {
    for (const id of this.#log.ids()) yield fromHex(id)
    for (const id of this.#refused.keys()) yield fromHex(id)
  }

  /** Records messages as processed and held. */
  process(messages: readonly Uint8Array[], { kind, author }: Origin): Pending {
    const named = messages.map((bytes) => ({ bytes, id: this.id(bytes), processed: this.#processed(bytes, kind) }))
    const logged = named.map(({ bytes, processed }) => this.#log.append(bytes, noteOf(processed)))
    const waited = named.map(({ id }) => id).filter((id) => this.#waiting.has(id))
    return {
      operations: [
        ...logged.flatMap((entry) => entry.operations),
        ...waited.map((id) => ({ type: 'delete' as const, key: this.#waitingKey(id) })),
      ],
      written: () => {
        for (const entry of logged) entry.written()
        for (const id of waited) this.#waiting.remove(id)
        for (const { id, processed } of named) this.#noteProcessed(id, processed, author)
      },
    }
  }

  #noteHeld(id: string, bytes: Uint8Array): void {
    const message = readGroupMessage(bytes)
    if (message.kind === 'message') this.#noteProcessed(id, this.#processed(bytes, 'other'), UNKNOWN_AUTHOR)
    else this.#file(id, bytes, requestShelf(rejoinRequestOf(message.keyPackage, this.#groupId)?.instance ?? ''))
  }

  #processed(bytes: Uint8Array, kind: MessageKind): Processed {
    const message = decodeDmlsMessage(bytes)
    return { messageId: this.messageId(message), epoch: message.dmlsEpoch, kind, sizeBytes: bytes.length }
  }

  #noteProcessed(id: string, { messageId, epoch, kind, sizeBytes }: Processed, author: string): void {
    this.#held.add(id, { messageId: toHex(messageId), shelf: toHex(epoch), kind, sizeBytes, author })
  }

  #file(id: string, { length }: Uint8Array, shelf: string): void {
    this.#held.add(id, { shelf, messageId: undefined, kind: 'other', sizeBytes: length, author: shelf })
  }

  /** Records something that is no message of an epoch as held, under a name of its own for {@link forgetEpochs}. */
  file(bytes: Uint8Array, shelf: string): Pending {
    const logged = this.#log.append(bytes)
    return {
      operations: logged.operations,
      written: () => {
        logged.written()
        this.#file(this.id(bytes), bytes, shelf)
      },
    }
  }

  /** Shelves of requests that are held. */
  requests(): string[] {
    return [...this.#held.shelves()].filter((shelf) => shelf.startsWith(requestShelf('')))
  }

  /** Lets go of the messages of epochs that nobody needs any more; their names are kept a while. */
  forgetEpochs(epochs: readonly string[]): Pending {
    return this.#letGo(epochs.flatMap((epoch) => this.#held.on(epoch)))
  }

  /** Bytes of the messages of others in the log that do not wait. */
  get sizeBytes(): number {
    return this.#held.sizeBytes
  }

  /**
   * Lets go of the messages of epochs, and when those of others take more than `sizeMaxBytes`, of some of whoever has
   * most: of an eighth more than must be, so that a flood is not answered message by message.
   */
  shrink(epochs: readonly string[], sizeMaxBytes: number): Pending {
    const over = epochs.flatMap((epoch) => this.#held.on(epoch))
    if (this.#held.sizeBytes <= sizeMaxBytes) return this.#letGo(over)
    return this.#letGo([...over, ...this.#held.beyond((sizeMaxBytes * 7) / 8, new Set(over))])
  }

  #letGo(ids: readonly string[]): Pending {
    const pending = ids.map((id) => this.refuse(id))
    return {
      operations: pending.flatMap((entry) => entry.operations),
      written: () => {
        for (const entry of pending) entry.written()
      },
    }
  }

  /** Keeps a message until an epoch is here. When too much waits, what waited longest leaves. */
  wait(bytes: Uint8Array, epoch: string): Pending {
    const id = this.id(bytes)
    const waiting = { epoch, sizeBytes: bytes.length }
    const left = this.#waiting.add(id, waiting)
    const logged = this.#log.append(bytes)
    const forgotten = this.#log.remove(left)
    return {
      operations: [
        ...logged.operations,
        ...forgotten.operations,
        { type: 'put', key: this.#waitingKey(id), value: encodeWaiting(waiting) },
        ...left.map((gone) => ({ type: 'delete' as const, key: this.#waitingKey(gone) })),
      ],
      written: () => {
        logged.written()
        forgotten.written()
      },
    }
  }

  /** Takes out what waited for an epoch, in the order in which it came. */
  takeWaiting(epoch: string): readonly Taken[] {
    return this.#waiting.take(epoch)
  }

  /** What was taken out and could not be tried. */
  putBack(taken: readonly Taken[]): void {
    for (const { id, waiting } of taken) this.#waiting.add(id, waiting)
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

  /** The same of those whose sender was taken for removed. Says whether there were any. */
  forgetRefusalsOfRemoved(): boolean {
    const known = this.#refused.size
    for (const [id, { ofRemoved }] of this.#refused) if (ofRemoved === true) this.#refused.delete(id)
    return this.#refused.size < known
  }

  /** Epochs in which a commit was refused that others may have accepted. */
  disputed(): ReadonlySet<string> {
    return new Set([...this.#refused.values()].flatMap(({ disputed }) => disputed ?? []))
  }

  /** Forgets a message that is of no use but remembers its name, so that it is not fetched again. */
  refuse(id: string, refusal: Refusal = {}): Pending {
    this.#waiting.remove(id)
    this.#refused.set(id, refusal)
    if (this.#refused.size > this.#context.limits.refusedMax) {
      const oldest = this.#refused.keys().next().value
      if (oldest !== undefined) this.#refused.delete(oldest)
    }
    if (!this.#log.has(id)) return { operations: [], written: () => undefined }
    const forgotten = this.#log.remove([id])
    return {
      operations: [...forgotten.operations, { type: 'delete', key: this.#waitingKey(id) }],
      written: () => {
        forgotten.written()
        this.#held.remove(id)
      },
    }
  }
}

function encodeWaiting({ epoch, sizeBytes }: Waiting): Uint8Array {
  return new Writer().opaque(fromHex(epoch)).uint32(sizeBytes).finish()
}

function readWaiting(value: Uint8Array): Waiting {
  return decodeWhole(value, (reader) => ({ epoch: toHex(reader.opaque()), sizeBytes: reader.uint32() }))
}
