/**
 * Messages between their decryption and the application: stored in the batch that consumed their key, deleted when the
 * application's handler is done. A crash in between delivers a message again rather than never; its `id` is the same.
 */
import { wipe } from '@dmls/crypto'
import { type DmlsEpoch, dmlsEpoch, type InstanceId, identifierBytes, instanceId } from '@dmls/dmls'
import { decodeWhole, MlsError, Writer } from '@dmls/mls'
import type { Store, StoreOperation } from '../ports.ts'
import { groupRecordKey, groupRecordPrefix, readSequence, sequenceKey } from '../store-keys.ts'

/** A decrypted message as it is stored. */
export interface InboxMessage {
  readonly id: Uint8Array
  readonly sender: InstanceId
  readonly epoch: DmlsEpoch
  readonly data: Uint8Array
}

interface Entry {
  readonly sequence: number
  /** Undefined until its turn comes, for one that was there when the client was opened. */
  readonly message: InboxMessage | undefined
}

export class MessageInbox {
  readonly #store: Store
  readonly #groupId: Uint8Array
  readonly #entries: Entry[]
  #next: number
  #draining = false

  private constructor(store: Store, groupId: Uint8Array, entries: Entry[]) {
    this.#store = store
    this.#groupId = groupId
    this.#entries = entries
    this.#next = (entries.at(-1)?.sequence ?? -1) + 1
  }

  static async open(store: Store, groupId: Uint8Array): Promise<MessageInbox> {
    const prefix = groupRecordPrefix(groupId, 'inbox')
    const entries: Entry[] = []
    for await (const key of store.keys({ prefix })) {
      entries.push({ sequence: readSequence(key.slice(prefix.length)), message: undefined })
    }
    return new MessageInbox(store, groupId, entries)
  }

  #key(sequence: number): Uint8Array {
    return groupRecordKey(this.#groupId, 'inbox', sequenceKey(sequence))
  }

  async #load(sequence: number): Promise<InboxMessage> {
    const value = await this.#store.get(this.#key(sequence))
    if (value === undefined) throw new MlsError('internal', 'store_incomplete', 'a message in the inbox is not there')
    const message = decodeMessage(value)
    wipe(value)
    return message
  }

  /** What to write so that the message will be delivered, and what to call once that is written. */
  append(message: InboxMessage): { readonly operations: readonly StoreOperation[]; readonly written: () => void } {
    const sequence = this.#next++
    const value = encodeMessage(message)
    return {
      operations: [{ type: 'put', key: this.#key(sequence), value }],
      written: () => {
        this.#entries.push({ sequence, message })
        wipe(value)
      },
    }
  }

  /** Hands over what waits, in order. A message whose handler fails stays and is tried again at the next call. */
  async drain(deliver: (message: InboxMessage) => Promise<void>): Promise<void> {
    if (this.#draining) return
    this.#draining = true
    try {
      for (let entry = this.#entries[0]; entry !== undefined; entry = this.#entries[0]) {
        await deliver(entry.message ?? (await this.#load(entry.sequence)))
        this.#entries.shift()
        await this.#store.write([{ type: 'delete', key: this.#key(entry.sequence) }])
      }
    } finally {
      this.#draining = false
    }
  }
}

function encodeMessage(message: InboxMessage): Uint8Array {
  return new Writer()
    .opaque(message.id)
    .opaque(identifierBytes(message.sender))
    .opaque(identifierBytes(message.epoch))
    .opaque(message.data)
    .finish()
}

function decodeMessage(bytes: Uint8Array): InboxMessage {
  return decodeWhole(bytes, (reader) => ({
    id: reader.opaque(),
    sender: instanceId(reader.opaque()),
    epoch: dmlsEpoch(reader.opaque()),
    data: reader.opaque(),
  }))
}
