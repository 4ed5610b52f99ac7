/**
 * The latest authenticated message of each sender in the store, eight senders to a record: a group in which a thousand
 * were heard is read back from some hundred records, and a message writes one, of half a kilobyte at most where hashes
 * have 32 bytes. A sender keeps the place in which it was first heard. Public facts only.
 */
import {
  type Dag,
  type DmlsEpoch,
  dmlsEpoch,
  type InstanceId,
  identifierBytes,
  instanceId,
  type Witness,
} from '@dmls/dmls'
import { decodeWhole, MlsError, Writer } from '@dmls/mls'
import type { Store, StoreOperation } from '../ports.ts'
import { groupRecordKey, groupRecordPrefix, readSequence, sequenceKey } from '../store-keys.ts'
import type { Pending } from './message-ledger.ts'

const SENDERS_MAX = 8

export class WitnessPacks {
  readonly #groupId: Uint8Array
  /** By place. */
  readonly #senders: InstanceId[]
  readonly #places: Map<InstanceId, number>

  constructor(groupId: Uint8Array, senders: readonly InstanceId[] = []) {
    this.#groupId = groupId
    this.#senders = [...senders]
    this.#places = new Map(senders.map((sender, place) => [sender, place]))
  }

  /** What to write after these messages, which the history has already, and what to call once that is written. */
  put(messages: readonly Witness[], dag: Dag): Pending {
    const fresh = new Map<InstanceId, number>()
    const packs = new Set<number>()
    for (const { sender } of messages) {
      let place = this.#places.get(sender) ?? fresh.get(sender)
      if (place === undefined) {
        place = this.#senders.length + fresh.size
        fresh.set(sender, place)
      }
      packs.add(Math.floor(place / SENDERS_MAX))
    }
    const senders = [...this.#senders, ...fresh.keys()]
    return {
      operations: [...packs].map((pack): StoreOperation => {
        const members = senders.slice(pack * SENDERS_MAX, (pack + 1) * SENDERS_MAX)
        const key = groupRecordKey(this.#groupId, 'witness', sequenceKey(pack))
        return { type: 'put', key, value: encodePack(members.map((sender) => lastHeard(dag, sender))) }
      }),
      written: () => {
        for (const [sender, place] of fresh) {
          this.#senders.push(sender)
          this.#places.set(sender, place)
        }
      },
    }
  }

  /** Reads them back. @throws MlsError `internal` `store_incomplete`, and the parsers' faults */
  static async load(
    store: Store,
    groupId: Uint8Array,
  ): Promise<{ readonly packs: WitnessPacks; readonly witnesses: readonly Witness[] }> {
    const heard: LastHeard[] = []
    const prefix = groupRecordPrefix(groupId, 'witness')
    for await (const [key, value] of store.entries({ prefix })) {
      const start = readSequence(key.slice(prefix.length)) * SENDERS_MAX
      if (start !== heard.length) throw incomplete('what was heard of some senders is not in the store')
      heard.push(...decodePack(value))
    }
    const senders = heard.map(({ sender }) => sender)
    const witnesses = heard.flatMap(({ epochs, ...message }) => epochs.map((epoch) => ({ ...message, epoch })))
    return { packs: new WitnessPacks(groupId, senders), witnesses }
  }
}

/** The latest message of a sender; on two branches if it used its counter on both. */
interface LastHeard {
  readonly sender: InstanceId
  readonly counter: bigint
  readonly epochs: readonly DmlsEpoch[]
}

function lastHeard(dag: Dag, sender: InstanceId): LastHeard {
  const latest = dag.latest(sender)
  if (latest === undefined) throw incomplete('a sender that was heard is not in the history')
  const { counter, epoch } = latest
  const twice = dag.equivocation(sender)
  return { sender, counter, epochs: twice?.counter === counter ? twice.epochs : [epoch] }
}

/** Each epoch once, then the senders; most of them were heard in the same. */
function encodePack(heard: readonly LastHeard[]): Uint8Array {
  const names = [...new Set(heard.flatMap(({ epochs }) => epochs))]
  return new Writer(512)
    .vector(names, (w, epoch) => w.opaque(identifierBytes(epoch)))
    .vector(heard, (w, { sender, counter, epochs }) =>
      w
        .opaque(identifierBytes(sender))
        .uint64(counter)
        .vector(epochs, (v, epoch) => v.uint8(names.indexOf(epoch))),
    )
    .finish()
}

function decodePack(pack: Uint8Array): readonly LastHeard[] {
  return decodeWhole(pack, (reader) => {
    const names = reader.vector((r): DmlsEpoch => dmlsEpoch(r.opaque()))
    return reader.vector((r): LastHeard => {
      const [sender, counter] = [instanceId(r.opaque()), r.uint64()]
      return { sender, counter, epochs: r.vector((v) => nameAt(names, v.uint8())) }
    })
  })
}

function nameAt(names: readonly DmlsEpoch[], index: number): DmlsEpoch {
  const name = names[index]
  if (name === undefined) throw incomplete('the epoch in which a sender was heard is not in its record')
  return name
}

function incomplete(message: string): MlsError {
  return new MlsError('internal', 'store_incomplete', message)
}
