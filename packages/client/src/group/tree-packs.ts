/**
 * The ratchet trees of a group's epochs in the store. Their nodes are records under their tree hashes, so that an epoch
 * adds O(log n) of them, and those that are new together lie together in packs: reading a thousand members costs some
 * sixty records, and what an epoch adds is one. A pack is never changed. Sweeping deletes those of which nothing lives,
 * and moves what lives out of those that hold a dead leaf, or more dead nodes than living ones.
 */
import { toHex } from '@dmls/crypto'
import {
  MlsError,
  type RatchetTree,
  Reader,
  type TreeRecord,
  treeRecordChildren,
  treeRecordLevel,
  treeRecords,
  Writer,
} from '@dmls/mls'
import type { Store, StoreOperation } from '../ports.ts'
import { groupRecordKey, groupRecordPrefix, readSequence, sequenceKey } from '../store-keys.ts'
import type { Pending } from './message-ledger.ts'

/** A full pack: a subtree of sixteen leaves, and what precedes it on the way down from the root. */
const SUBTREE_LEVEL = 4
const NODES_MIN = 16
const NODES_MAX = 64

/** One pack in the store. */
interface Pack {
  readonly number: number
  /** Names of its nodes, hexadecimal. */
  readonly leaves: readonly string[]
  readonly parents: readonly string[]
}

/** Records by their hexadecimal names. */
export type TreeNodes = ReadonlyMap<string, Uint8Array>

export class TreePacks {
  readonly #groupId: Uint8Array
  readonly #packs = new Map<number, Pack>()
  /** Names of nodes that are stored with all that is below them. A dead node in a pack may have lost what was. */
  readonly #whole = new Set<string>()
  /** What was read from the store, until it matters what is whole of it. */
  #read: TreeNodes = new Map()
  /** Numbers are given once, also to packs that were never written. */
  #next = 0

  constructor(groupId: Uint8Array) {
    this.#groupId = groupId
  }

  /** What to write so that the trees are stored, and what to call once that is written. */
  add(trees: readonly RatchetTree[]): Pending {
    this.#examine()
    const fresh = recordsOf(trees, (name) => this.#whole.has(name))
    const { operations, packs } = this.#pack(fresh)
    return {
      operations,
      written: () => {
        this.#note(packs, [])
        for (const pack of packs) for (const name of namesIn(pack)) this.#whole.add(name)
      },
    }
  }

  /** What to write so that nothing but these trees is stored, and what to call then. O(nodes of all the trees). */
  sweep(trees: readonly RatchetTree[]): Pending {
    const live = new Set<string>()
    for (const { hash } of recordsOf(trees, () => false)) live.add(toHex(hash))
    const isDead = (name: string): boolean => !live.has(name)
    const gone = [...this.#packs.values()].filter(({ leaves, parents }) => {
      const deadParents = parents.filter(isDead).length
      return leaves.some(isDead) || deadParents > leaves.length + parents.length - deadParents
    })
    const moving = new Set(gone.flatMap(namesIn).filter((name) => live.has(name)))
    const moved = moving.size === 0 ? [] : recordsOf(trees, () => false)
    const { operations, packs } = this.#pack(moved, moving)
    for (const { number } of gone) operations.push({ type: 'delete', key: this.#key(number) })
    return {
      operations,
      written: () => {
        this.#note(packs, gone)
        this.#examine()
        for (const name of this.#whole) if (isDead(name)) this.#whole.delete(name)
      },
    }
  }

  /** Finds out what is whole of what was read. */
  #examine(): void {
    if (this.#read.size === 0) return
    for (const name of wholeOf(this.#read)) this.#whole.add(name)
    this.#read = new Map()
  }

  /** Puts records into packs: those that are `wanted`, in their order. */
  #pack(
    records: Iterable<TreeRecord>,
    wanted?: ReadonlySet<string>,
  ): { readonly operations: StoreOperation[]; readonly packs: readonly Pack[] } {
    const operations: StoreOperation[] = []
    const packs: Pack[] = []
    let draft = new Draft()
    const close = (): void => {
      if (draft.size === 0) return
      const number = this.#next++
      packs.push({ number, leaves: draft.leaves, parents: draft.parents })
      operations.push({ type: 'put', key: this.#key(number), value: encodePack(draft.records) })
      draft = new Draft()
    }
    for (const record of records) {
      const name = toHex(record.hash)
      if (wanted !== undefined && !wanted.has(name)) continue
      const isBoundary = draft.size >= NODES_MIN && treeRecordLevel(record.bytes) >= SUBTREE_LEVEL
      if (isBoundary || draft.size >= NODES_MAX) close()
      draft.add(name, record)
    }
    close()
    return { operations, packs }
  }

  #key(pack: number): Uint8Array {
    return groupRecordKey(this.#groupId, 'node', sequenceKey(pack))
  }

  #note(packs: readonly Pack[], gone: readonly Pack[]): void {
    for (const { number } of gone) this.#packs.delete(number)
    for (const pack of packs) {
      this.#packs.set(pack.number, pack)
      this.#next = Math.max(this.#next, pack.number + 1)
    }
  }

  /** Reads the packs of a group. @throws MlsError `internal` `store_incomplete`, and the parsers' faults */
  static async load(
    store: Store,
    groupId: Uint8Array,
  ): Promise<{ readonly packs: TreePacks; readonly nodes: TreeNodes }> {
    const loaded = new TreePacks(groupId)
    const nodes = new Map<string, Uint8Array>()
    const prefix = groupRecordPrefix(groupId, 'node')
    for await (const [key, value] of store.entries({ prefix })) {
      const number = numberOf(key.subarray(prefix.length))
      const draft = new Draft()
      for (const record of decodePack(value)) {
        const name = toHex(record.hash)
        draft.add(name, record)
        nodes.set(name, record.bytes)
      }
      loaded.#note([{ number, leaves: draft.leaves, parents: draft.parents }], [])
    }
    loaded.#read = nodes
    return { packs: loaded, nodes }
  }
}

function namesIn({ leaves, parents }: Pack): string[] {
  return [...leaves, ...parents]
}

/** The nodes of which every node below is there too. */
function* wholeOf(nodes: TreeNodes): Generator<string, void, undefined> {
  const known = new Map<string, boolean>()
  const isWhole = (name: string, levelsMax: number): boolean => {
    const bytes = nodes.get(name)
    if (bytes === undefined) return false
    const level = treeRecordLevel(bytes)
    // what is not a tree has no end
    if (level === 0 || level > levelsMax) return level === 0
    const found = known.get(name)
    if (found !== undefined) return found
    const whole = treeRecordChildren(bytes).every((child) => isWhole(toHex(child), level - 1))
    known.set(name, whole)
    return whole
  }
  for (const [name, bytes] of nodes) if (isWhole(name, treeRecordLevel(bytes))) yield name
}

/** A pack that is being filled. */
class Draft {
  readonly leaves: string[] = []
  readonly parents: string[] = []
  readonly records: TreeRecord[] = []

  get size(): number {
    return this.records.length
  }

  add(name: string, record: TreeRecord): void {
    this.records.push(record)
    if (treeRecordLevel(record.bytes) === 0) this.leaves.push(name)
    else this.parents.push(name)
  }
}

/** Name and size of each record, then all their bytes. */
function encodePack(records: readonly TreeRecord[]): Uint8Array {
  const writer = new Writer(16_384).vector(records, (w, { hash, bytes }) => w.opaque(hash).uint32(bytes.length))
  for (const { bytes } of records) writer.fixed(bytes)
  return writer.finish()
}

/** The records are views of the pack, which whoever decodes them copies from. */
function decodePack(pack: Uint8Array): TreeRecord[] {
  const reader = new Reader(pack)
  const entries = reader.vector((r) => ({ hash: r.opaque(), size: r.uint32() }))
  const records: TreeRecord[] = []
  let at = reader.offset
  for (const { hash, size } of entries) {
    records.push({ hash, bytes: pack.subarray(at, at + size) })
    at += size
  }
  if (at !== pack.length) throw incomplete('a pack of the ratchet trees has not the size of its records')
  return records
}

/** The records of several trees, each once, without the subtrees that are `known`. */
function* recordsOf(
  trees: readonly RatchetTree[],
  known: (name: string) => boolean,
): Generator<TreeRecord, void, undefined> {
  const seen = new Set<string>()
  const isKnown = (hash: Uint8Array): boolean => {
    const name = toHex(hash)
    if (seen.has(name) || known(name)) return true
    seen.add(name)
    return false
  }
  for (const tree of trees) yield* treeRecords(tree, isKnown)
}

function numberOf(name: Uint8Array): number {
  if (name.length !== 8) throw incomplete('a pack of the ratchet trees has no number')
  return readSequence(name)
}

function incomplete(message: string): MlsError {
  return new MlsError('internal', 'store_incomplete', message)
}
