/**
 * A group in the store: what a step changed becomes records of one batch, and all records together become the group
 * again. Ratchet trees are kept as subtrees under their hashes, so that an epoch adds O(log n) records.
 */
import { type CipherSuite, fromHex, toHex } from '@dmls/crypto'
import {
  type Changes,
  Dag,
  type DmlsEpoch,
  type DmlsGroupState,
  decodeEpochFacts,
  decodeGroupMeta,
  decodeHeldEpochFacts,
  decodeWitness,
  dmlsEpoch,
  encodeEpochFacts,
  encodeGroupMeta,
  encodeHeldEpochFacts,
  encodeWitness,
  type HeldEpoch,
  type InstanceId,
  identifierBytes,
  instanceId,
} from '@dmls/dmls'
import {
  decodeGroupState,
  decodeKeyPackage,
  decodeWhole,
  encodeGroupState,
  type KeyPackage,
  keyPackageBytes,
  loadTree,
  MlsError,
  type Profile,
  Reader,
  treeRecords,
  Writer,
} from '@dmls/mls'
import type { Store, StoreOperation } from '../ports.ts'
import { groupRecordKey, groupRecordPrefix, readSequence, sequenceKey } from '../store-keys.ts'

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

/** The records of one group: knows which subtrees and how many facts are stored already. */
export class GroupRecords {
  readonly #groupId: Uint8Array
  readonly #storedNodes: Set<string>
  /** Bytes of each stored epoch record. */
  readonly #epochSizes = new Map<DmlsEpoch, number>()
  #nextFact: number

  private constructor(groupId: Uint8Array, storedNodes: Set<string>, nextFact: number) {
    this.#groupId = groupId
    this.#storedNodes = storedNodes
    this.#nextFact = nextFact
  }

  /** Of a group that is not in the store yet. */
  static fresh(groupId: Uint8Array): GroupRecords {
    return new GroupRecords(groupId, new Set(), 0)
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
    const newNodes = new Set<string>()
    const sizes = new Map<DmlsEpoch, number>()
    for (const id of changes.epochs) {
      const held = state.epochs.get(id)
      if (held === undefined) continue
      const bytes = encodeEpoch(held)
      sizes.set(id, bytes.length)
      put('epoch', identifierBytes(id), bytes)
      for (const { hash, bytes } of treeRecords(held.group.tree, (hash) => this.#isStored(hash, newNodes))) {
        newNodes.add(toHex(hash))
        put('node', hash, bytes)
      }
    }
    for (const id of changes.dropped) {
      operations.push({ type: 'delete', key: groupRecordKey(this.#groupId, 'epoch', identifierBytes(id)) })
    }
    let nextFact = this.#nextFact
    for (const facts of changes.facts) put('fact', sequenceKey(nextFact++), encodeEpochFacts(facts))
    for (const sender of new Set(changes.witnesses.map((witness) => witness.sender))) {
      const latest = state.dag.latest(sender)
      if (latest !== undefined) put('witness', identifierBytes(sender), encodeWitness(latest))
    }
    for (const instance of changes.keyPackages) {
      const keyPackage = state.keyPackages.get(instance)
      if (keyPackage !== undefined) put('keyPackage', identifierBytes(instance), keyPackageBytes(keyPackage))
    }
    if (changes.meta) put('meta', new Uint8Array(0), encodeMeta({ group: encodeGroupMeta(state), signingKeys }))
    return {
      operations,
      written: () => {
        this.#nextFact = nextFact
        for (const [id, size] of sizes) this.#epochSizes.set(id, size)
        for (const id of changes.dropped) this.#epochSizes.delete(id)
        for (const hash of newNodes) this.#storedNodes.add(hash)
      },
    }
  }

  /** Bytes that the record of an epoch takes; 0 when there is none. */
  sizeOf(epoch: DmlsEpoch): number {
    return this.#epochSizes.get(epoch) ?? 0
  }

  /** What to write so that subtrees which no held epoch has are forgotten. O(nodes of all held trees). */
  sweep(state: DmlsGroupState): { readonly operations: readonly StoreOperation[]; readonly written: () => void } {
    const live = new Set<string>()
    for (const { group } of state.epochs.values()) {
      for (const { hash } of treeRecords(group.tree, (known) => live.has(toHex(known)))) live.add(toHex(hash))
    }
    const gone = [...this.#storedNodes].filter((hash) => !live.has(hash))
    return {
      operations: gone.map((hash) => ({ type: 'delete', key: groupRecordKey(this.#groupId, 'node', fromHex(hash)) })),
      written: () => {
        for (const hash of gone) this.#storedNodes.delete(hash)
      },
    }
  }

  #isStored(hash: Uint8Array, newNodes: ReadonlySet<string>): boolean {
    const key = toHex(hash)
    return this.#storedNodes.has(key) || newNodes.has(key)
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
    const meta = decodeGroupMeta(stored.group)

    const nodes = new Map<string, Uint8Array>()
    for await (const [name, value] of recordsOf(store, groupId, 'node')) nodes.set(toHex(name), value)
    const epochs = new Map<DmlsEpoch, HeldEpoch>()
    const sizes = new Map<DmlsEpoch, number>()
    for await (const [name, value] of recordsOf(store, groupId, 'epoch')) {
      sizes.set(dmlsEpoch(name), value.length)
      epochs.set(dmlsEpoch(name), await decodeEpoch(value, suite, profile, nodes))
    }
    let dag = Dag.empty()
    let nextFact = 0
    for await (const [name, value] of recordsOf(store, groupId, 'fact')) {
      dag = dag.insert(decodeEpochFacts(value))
      nextFact = readSequence(name) + 1
    }
    for await (const [, value] of recordsOf(store, groupId, 'witness')) {
      dag = dag.witness(decodeWitness(value))
    }
    const keyPackages = new Map<InstanceId, KeyPackage>()
    for await (const [name, value] of recordsOf(store, groupId, 'keyPackage')) {
      keyPackages.set(instanceId(name), decodeWhole(value, decodeKeyPackage))
    }
    if (!epochs.has(meta.head)) {
      throw new MlsError('internal', 'store_incomplete', 'the chosen epoch of the group is not in the store')
    }
    const records = new GroupRecords(groupId, new Set(nodes.keys()), nextFact)
    for (const [id, size] of sizes) records.#epochSizes.set(id, size)
    return {
      records,
      group: {
        state: { ...meta, profile, suite, groupId, dag, epochs, keyPackages },
        signingKeys: stored.signingKeys,
      },
    }
  }
}

function encodeEpoch(held: HeldEpoch): Uint8Array {
  const writer = new Writer()
  encodeHeldEpochFacts(writer, held)
  return writer.opaque(held.group.context.treeHash).opaque(encodeGroupState(held.group)).finish()
}

async function decodeEpoch(
  bytes: Uint8Array,
  suite: CipherSuite,
  profile: Profile,
  nodes: ReadonlyMap<string, Uint8Array>,
): Promise<HeldEpoch> {
  const reader = new Reader(bytes)
  const facts = decodeHeldEpochFacts(reader)
  const treeHash = reader.opaque()
  const group = reader.opaque()
  reader.finish()
  const tree = await loadTree(suite, treeHash, async (hash) => nodes.get(toHex(hash)))
  return { ...facts, group: decodeGroupState(group, { suite, profile, tree }) }
}

async function* recordsOf(
  store: Store,
  groupId: Uint8Array,
  record: Parameters<typeof groupRecordPrefix>[1],
): AsyncGenerator<readonly [name: Uint8Array, value: Uint8Array], void, undefined> {
  const prefix = groupRecordPrefix(groupId, record)
  for await (const [key, value] of store.entries({ prefix })) yield [key.slice(prefix.length), value]
}
