/**
 * A group in the store: what a step changed becomes records of one batch, and all records together become the group
 * again. What an epoch is made of: `epoch-records.ts`; its ratchet tree: `tree-packs.ts`; who was heard: `witness-packs.ts`.
 */
import { type CipherSuite, wipe } from '@dmls/crypto'
import {
  type Changes,
  Dag,
  type DmlsEpoch,
  type DmlsGroupState,
  decodeEpochFacts,
  decodeGroupMeta,
  encodeEpochFacts,
  encodeGroupMeta,
} from '@dmls/dmls'
import { decodeWhole, MlsError, type Profile, type RatchetTree, Writer } from '@dmls/mls'
import type { Store, StoreOperation } from '../ports.ts'
import { groupListKey, groupRecordKey, groupRecordPrefix, readSequence, sequenceKey } from '../store-keys.ts'
import { EpochRecords } from './epoch-records.ts'
import { KeyPackagePacks } from './key-package-packs.ts'
import type { Pending } from './message-ledger.ts'
import { TreePacks } from './tree-packs.ts'
import { WitnessPacks } from './witness-packs.ts'

/** A signature key of ours in one group. Secret. */
export interface SigningKey {
  readonly publicKey: Uint8Array
  readonly privateKey: Uint8Array
}

interface StoredMeta {
  readonly group: Uint8Array
  readonly signingKeys: readonly SigningKey[]
}

function encodeMeta(meta: StoredMeta): Uint8Array {
  const writer = new Writer().opaque(meta.group)
  writer.vector(meta.signingKeys, (w, key) => w.opaque(key.publicKey).opaque(key.privateKey))
  return writer.finish()
}

function decodeMeta(bytes: Uint8Array): StoredMeta {
  return decodeWhole(bytes, (reader) => ({
    group: reader.opaque(),
    signingKeys: reader.vector((r) => ({ publicKey: r.opaque(), privateKey: r.opaque() })),
  }))
}

/** What a stored group is made of. */
export interface LoadedGroup {
  readonly state: DmlsGroupState
  readonly signingKeys: readonly SigningKey[]
}

interface Parts {
  readonly epochs: EpochRecords
  readonly trees: TreePacks
  readonly witnesses: WitnessPacks
  readonly keyPackages: KeyPackagePacks
  readonly nextFact: number
}

/** The records of one group: knows which nodes of its trees and how many facts are stored already. */
export class GroupRecords {
  readonly #groupId: Uint8Array
  readonly #epochs: EpochRecords
  readonly #trees: TreePacks
  readonly #witnesses: WitnessPacks
  readonly #keyPackages: KeyPackagePacks
  #nextFact: number

  private constructor(groupId: Uint8Array, parts: Parts) {
    this.#groupId = groupId
    this.#epochs = parts.epochs
    this.#trees = parts.trees
    this.#witnesses = parts.witnesses
    this.#keyPackages = parts.keyPackages
    this.#nextFact = parts.nextFact
  }

  /** Of a group that is not in the store yet. */
  static fresh(groupId: Uint8Array): GroupRecords {
    return new GroupRecords(groupId, {
      epochs: new EpochRecords(groupId),
      trees: new TreePacks(groupId),
      witnesses: new WitnessPacks(groupId),
      keyPackages: new KeyPackagePacks(groupId),
      nextFact: 0,
    })
  }

  /** What to write after a step, and what to call once it is written. */
  operations(
    state: DmlsGroupState,
    changes: Changes,
    signingKeys: readonly SigningKey[],
  ): { readonly operations: readonly StoreOperation[]; readonly written: () => void } {
    const operations: StoreOperation[] = []
    const put = (record: Parameters<typeof groupRecordKey>[1], name: Uint8Array, value: Uint8Array): void => {
      operations.push({ type: 'put', key: groupRecordKey(this.#groupId, record, name), value })
    }
    const written: (() => void)[] = []
    const trees: RatchetTree[] = []
    for (const id of changes.epochs) {
      const held = state.epochs.get(id)
      if (held === undefined) continue
      const epoch = this.#epochs.put(id, held)
      operations.push(...epoch.operations)
      written.push(epoch.written)
      trees.push(held.group.tree)
    }
    const packed = this.#trees.add(trees)
    operations.push(...packed.operations)
    written.push(packed.written)
    for (const id of changes.dropped) {
      const epoch = this.#epochs.delete(id)
      operations.push(...epoch.operations)
      written.push(epoch.written)
    }
    let nextFact = this.#nextFact
    if (nextFact === 0) operations.push({ type: 'put', key: groupListKey(this.#groupId), value: new Uint8Array(0) })
    for (const facts of changes.facts) put('fact', sequenceKey(nextFact++), encodeEpochFacts(facts))
    const heard = this.#witnesses.put(changes.witnesses, state.dag)
    operations.push(...heard.operations)
    written.push(heard.written)
    const invited = this.#keyPackages.put(changes.keyPackages, state.keyPackages)
    operations.push(...invited.operations)
    written.push(invited.written)
    if (changes.meta) {
      const meta = encodeMeta({ group: encodeGroupMeta(state), signingKeys })
      put('meta', new Uint8Array(0), meta)
      written.push(() => wipe(meta))
    }
    return {
      operations,
      written: () => {
        this.#nextFact = nextFact
        for (const note of written) note()
      },
    }
  }

  /** Bytes that the records of an epoch take; 0 when there are none. */
  sizeOf(epoch: DmlsEpoch): number {
    return this.#epochs.sizeOf(epoch)
  }

  /** What to write so that subtrees which no held epoch has are forgotten. O(nodes of all held trees). */
  sweep(state: DmlsGroupState): Pending {
    return this.#trees.sweep([...state.epochs.values()].map(({ group }) => group.tree))
  }

  /** Reads a group back. @throws MlsError `internal` `store_incomplete` when records that belong together are missing. */
  static async load(
    store: Store,
    groupId: Uint8Array,
    suite: CipherSuite,
    profile: Profile,
  ): Promise<{ readonly records: GroupRecords; readonly group: LoadedGroup }> {
    const metaBytes = await store.get(groupRecordKey(groupId, 'meta', new Uint8Array(0)))
    if (metaBytes === undefined) throw new MlsError('internal', 'store_incomplete', 'the group has no meta record')
    const stored = decodeMeta(metaBytes)
    wipe(metaBytes)
    const meta = decodeGroupMeta(stored.group)

    // side by side: most of the time goes by between asking a disk and its answer
    const [{ packs: trees, nodes }, facts, { packs: ofWitnesses, witnesses }, { packs: ofKeyPackages, keyPackages }] =
      await Promise.all([
        TreePacks.load(store, groupId),
        loadHistory(store, groupId),
        WitnessPacks.load(store, groupId),
        KeyPackagePacks.load(store, groupId),
      ])
    const { records: ofEpochs, epochs } = await EpochRecords.load(store, groupId, { suite, profile }, nodes)
    let { dag } = facts
    for (const witness of witnesses) dag = dag.witness(witness)
    if (!epochs.has(meta.head)) {
      throw new MlsError('internal', 'store_incomplete', 'the chosen epoch of the group is not in the store')
    }
    return {
      records: new GroupRecords(groupId, {
        epochs: ofEpochs,
        trees,
        witnesses: ofWitnesses,
        keyPackages: ofKeyPackages,
        nextFact: facts.next,
      }),
      group: {
        state: { ...meta, profile, suite, groupId, dag, epochs, keyPackages },
        signingKeys: stored.signingKeys,
      },
    }
  }
}

/** The epochs of the group, without what was heard in them, and the number of the next one. */
async function loadHistory(store: Store, groupId: Uint8Array): Promise<{ readonly dag: Dag; readonly next: number }> {
  const prefix = groupRecordPrefix(groupId, 'fact')
  let [dag, next] = [Dag.empty(), 0]
  for await (const [key, value] of store.entries({ prefix })) {
    dag = dag.insert(decodeEpochFacts(value))
    next = readSequence(key.slice(prefix.length)) + 1
  }
  return { dag, next }
}
