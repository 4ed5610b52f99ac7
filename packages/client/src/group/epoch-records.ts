/**
 * The held epochs of a group in the store, each in parts that change at different times, so that a message writes what it
 * changed and not the epoch: the core, the key that starts children, the secret tree in small subtrees, the proposals, and
 * the commit that began it. Bytes that hold secrets are wiped once they are written, or read.
 */
import { type CipherSuite, concatBytes, toHex, wipe } from '@dmls/crypto'
import {
  type DmlsEpoch,
  decodeHeldEpochFacts,
  dmlsEpoch,
  encodeHeldEpochFacts,
  type HeldEpoch,
  identifierBytes,
} from '@dmls/dmls'
import {
  type CachedProposal,
  decodeCachedProposal,
  decodeGroupStateCore,
  decodeWhole,
  encodeCachedProposal,
  encodeGroupStateCore,
  type GroupState,
  loadTree,
  MlsError,
  type Profile,
  SecretTree,
  sameGroupStateCore,
  TreeCache,
  Writer,
} from '@dmls/mls'
import type { Store, StoreOperation } from '../ports.ts'
import { type GroupRecord, groupRecordKey, groupRecordPrefix } from '../store-keys.ts'

/** What an epoch has in the store, and how many bytes each part of it takes. */
interface Stored {
  readonly held: HeldEpoch
  readonly sizes: Readonly<Record<Part, number>>
}
type Part = 'core' | 'initKey' | 'secretTree' | 'proposals' | 'commit'

const NOTHING: Stored['sizes'] = { core: 0, initKey: 0, secretTree: 0, proposals: 0, commit: 0 }

export class EpochRecords {
  readonly #groupId: Uint8Array
  readonly #stored = new Map<DmlsEpoch, Stored>()

  constructor(groupId: Uint8Array) {
    this.#groupId = groupId
  }

  /** Bytes that the records of an epoch take, its ratchet tree apart; 0 when there are none. */
  sizeOf(epoch: DmlsEpoch): number {
    const sizes = this.#stored.get(epoch)?.sizes ?? NOTHING
    return sizes.core + sizes.initKey + sizes.secretTree + sizes.proposals + sizes.commit
  }

  /** What to write so that the epoch is stored as it is now, and what to call once that is written. */
  put(
    id: DmlsEpoch,
    held: HeldEpoch,
  ): { readonly operations: readonly StoreOperation[]; readonly written: () => void } {
    const before = this.#stored.get(id)
    const [old, now] = [before?.held.group, held.group]
    const sizes = { ...(before?.sizes ?? NOTHING) }
    const name = identifierBytes(id)
    const operations: StoreOperation[] = []
    const secrets: Uint8Array[] = []
    const put = (record: GroupRecord, key: Uint8Array, value: Uint8Array): number => {
      operations.push({ type: 'put', key: this.#key(record, key), value })
      return value.length
    }
    const putSecret = (record: GroupRecord, key: Uint8Array, value: Uint8Array): number => {
      secrets.push(value)
      return put(record, key, value)
    }
    if (before === undefined || !sameCore(before.held, held)) sizes.core = putSecret('epoch', name, encodeCore(held))
    if (old?.initKey !== now.initKey) sizes.initKey = putSecret('initKey', name, encodeInitKey(now))
    for (const { node, record, replacedSize } of now.secretTree.changesSince(old?.secretTree)) {
      const key = nodeName(name, node)
      if (record === undefined) operations.push({ type: 'delete', key: this.#key('secretNode', key) })
      else sizes.secretTree += putSecret('secretNode', key, record)
      sizes.secretTree -= replacedSize
    }
    for (const [position, cached] of proposalsSince(old, now)) {
      sizes.proposals += put('proposal', concatBytes(name, cached.reference), encodeProposal(position, cached))
    }
    if (before?.held.commit !== held.commit) {
      if (held.commit === undefined) operations.push({ type: 'delete', key: this.#key('commit', name) })
      sizes.commit = held.commit === undefined ? 0 : put('commit', name, held.commit)
    }
    return {
      operations,
      written: () => {
        this.#stored.set(id, { held, sizes })
        wipe(...secrets)
      },
    }
  }

  /** What to write so that nothing of the epoch is stored any more, and what to call once that is written. */
  delete(id: DmlsEpoch): { readonly operations: readonly StoreOperation[]; readonly written: () => void } {
    const stored = this.#stored.get(id)
    if (stored === undefined) return { operations: [], written: () => undefined }
    const { group } = stored.held
    const name = identifierBytes(id)
    const keys = [this.#key('epoch', name), this.#key('initKey', name), this.#key('commit', name)]
    for (const node of group.secretTree.recordedNodes()) keys.push(this.#key('secretNode', nodeName(name, node)))
    for (const { reference } of group.proposals.values()) {
      keys.push(this.#key('proposal', concatBytes(name, reference)))
    }
    return {
      operations: keys.map((key) => ({ type: 'delete', key })),
      written: () => {
        this.#stored.delete(id)
      },
    }
  }

  #key(record: GroupRecord, name: Uint8Array): Uint8Array {
    return groupRecordKey(this.#groupId, record, name)
  }

  /**
   * Reads the epochs back; `nodes` are the records of their ratchet trees.
   * @throws MlsError `internal` `store_incomplete` when a part of an epoch is missing, and the parsers' faults
   */
  static async load(
    store: Store,
    groupId: Uint8Array,
    surroundings: { readonly suite: CipherSuite; readonly profile: Profile },
    nodes: ReadonlyMap<string, Uint8Array>,
  ): Promise<{ readonly records: EpochRecords; readonly epochs: ReadonlyMap<DmlsEpoch, HeldEpoch> }> {
    const { suite, profile } = surroundings
    const part = (record: GroupRecord): Promise<PartRecords> => readParts(store, groupId, record, suite.hashSize)
    // side by side: most of the time goes by between asking a disk and its answer
    const [cores, initKeys, secretNodes, proposals, commits] = await Promise.all([
      part('epoch'),
      part('initKey'),
      part('secretNode'),
      part('proposal'),
      part('commit'),
    ])
    const records = new EpochRecords(groupId)
    const epochs = new Map<DmlsEpoch, HeldEpoch>()
    // epochs share most of their trees, here as in the store
    const trees = new TreeCache(suite)
    const get = (hash: Uint8Array): Uint8Array | undefined => nodes.get(toHex(hash))
    for (const [name, [core]] of cores) {
      const id = dmlsEpoch(name)
      const [initKey] = initKeys.get(name) ?? []
      if (core === undefined || initKey === undefined) throw incomplete('a part of an epoch is not in the store')
      const { facts, treeHash, state } = readCore(core.value)
      const tree = loadTree(suite, treeHash, get, trees)
      const ofSecretTree = secretNodes.get(name) ?? []
      const ofProposals = proposals.get(name) ?? []
      const parts = {
        initKey: decodeWhole(initKey.value, (reader) => profile.decodeInitKey(suite, reader)),
        secretTree: SecretTree.fromRecords(suite, tree.leafCount, new Map(ofSecretTree.map(nodeOf))),
        proposals: decodeProposals(ofProposals),
      }
      const commit = commits.get(name)?.[0]?.value
      const held = { ...facts, commit, group: decodeGroupStateCore(state, { suite, profile, tree }, parts) }
      epochs.set(id, held)
      const sizes = {
        core: core.value.length,
        initKey: initKey.value.length,
        secretTree: totalSize(ofSecretTree),
        proposals: totalSize(ofProposals),
        commit: commit?.length ?? 0,
      }
      records.#stored.set(id, { held, sizes })
      wipe(core.value, state, initKey.value, ...ofSecretTree.map(({ value }) => value))
    }
    return { records, epochs }
  }
}

/** The records of one kind, by the hexadecimal name of their epoch; `name` is what follows it in the key. */
type PartRecords = ReadonlyMap<string, readonly PartRecord[]>
interface PartRecord {
  readonly name: Uint8Array
  readonly value: Uint8Array
}

async function readParts(
  store: Store,
  groupId: Uint8Array,
  record: GroupRecord,
  epochSize: number,
): Promise<PartRecords> {
  const prefix = groupRecordPrefix(groupId, record)
  const parts = new Map<string, PartRecord[]>()
  for await (const [key, value] of store.entries({ prefix })) {
    const epoch = toHex(key.subarray(prefix.length, prefix.length + epochSize))
    const part = { name: key.slice(prefix.length + epochSize), value }
    const others = parts.get(epoch)
    if (others === undefined) parts.set(epoch, [part])
    else others.push(part)
  }
  return parts
}

function totalSize(records: readonly PartRecord[]): number {
  return records.reduce((sum, { value }) => sum + value.length, 0)
}

function sameCore(a: HeldEpoch, b: HeldEpoch): boolean {
  return a.stage === b.stage && a.supersededAtMs === b.supersededAtMs && sameGroupStateCore(a.group, b.group)
}

function encodeCore(held: HeldEpoch): Uint8Array {
  const writer = new Writer(4096)
  encodeHeldEpochFacts(writer, held)
  return writer.opaque(held.group.context.treeHash).opaque(encodeGroupStateCore(held.group)).finish()
}

function readCore(bytes: Uint8Array): {
  readonly facts: Pick<HeldEpoch, 'stage' | 'supersededAtMs'>
  readonly treeHash: Uint8Array
  readonly state: Uint8Array
} {
  return decodeWhole(bytes, (reader) => ({
    facts: decodeHeldEpochFacts(reader),
    treeHash: reader.opaque(),
    state: reader.opaque(),
  }))
}

function encodeInitKey({ initKey }: GroupState): Uint8Array {
  const writer = new Writer(16_384)
  initKey.encode(writer)
  return writer.finish()
}

/** The index of a subtree's root, big-endian, after the name of its epoch. */
function nodeName(epoch: Uint8Array, node: number): Uint8Array {
  return new Writer(epoch.length + 4).fixed(epoch).uint32(node).finish()
}

function nodeOf({ name, value }: PartRecord): [number, Uint8Array] {
  return [decodeWhole(name, (reader) => reader.uint32()), value]
}

/** The proposals that came since, with their places in the order of arrival. */
function* proposalsSince(
  old: GroupState | undefined,
  now: GroupState,
): Generator<readonly [position: number, cached: CachedProposal]> {
  if (old?.proposals === now.proposals) return
  let position = 0
  for (const [name, cached] of now.proposals) {
    if (old?.proposals.has(name) !== true) yield [position, cached]
    position++
  }
}

function encodeProposal(position: number, cached: CachedProposal): Uint8Array {
  return new Writer(512).uint32(position).opaque(encodeCachedProposal(cached)).finish()
}

function decodeProposals(records: readonly PartRecord[]): ReadonlyMap<string, CachedProposal> {
  const proposals = records.map(({ value }) =>
    decodeWhole(value, (reader) => ({ position: reader.uint32(), cached: decodeCachedProposal(reader.opaque()) })),
  )
  proposals.sort((a, b) => a.position - b.position)
  return new Map(proposals.map(({ cached }) => [toHex(cached.reference), cached]))
}

function incomplete(message: string): MlsError {
  return new MlsError('internal', 'store_incomplete', message)
}
