/**
 * The Store on an LSM tree and a key file. One batch at a time:
 *
 *     secrets into fresh slots, intent → (sync) → one LevelDB batch → acknowledged
 *
 * A crash before the batch leaves slots that nobody names, which opening erases; a crash after it leaves the batch. In
 * both cases what was acknowledged is there. Opening and checking is in open.ts.
 */
import { type Store, StoreError, type StoreOperation, type StoreRange } from '@dmls/client/ports'
import { concatBytes, systemRandom, wipe } from '@dmls/crypto'
import type { BatchOperation, Level } from 'level'
import { damaged, type KeyFile, SLOT_SIZE, type Witness } from './key-file.ts'
import {
  clientKey,
  decodePlace,
  encodePlace,
  indexKey,
  indexRange,
  type Place,
  STATE_KEY,
  valueKey,
} from './records.ts'
import { openValue, openValues, sealValue } from './sealing.ts'
import type { SlotTable } from './slot-table.ts'
import { DIGEST_SIZE, toggle } from './state-digest.ts'

export type Tree = Level<Uint8Array, Uint8Array>
type TreeOperation = BatchOperation<Tree, Uint8Array, Uint8Array>

/** A Store with what is known of its files. */
export interface LevelStore extends Store {
  /**
   * Empty in a healthy store. Otherwise why it opened for reading only, and which entries could not be read since: for
   * an export that saves what can be saved.
   */
  readonly damage: readonly string[]
}

/** Entries are read from the tree this many at a time. */
const ENTRIES_AT_ONCE = 32
const KEYS_AT_ONCE = 1000
/** More often than this a value does not change between two attempts to read it. */
const READ_ATTEMPTS = 16

export interface LevelStoreParts {
  readonly tree: Tree
  readonly keys: KeyFile
  readonly slots: SlotTable
  readonly state: Witness
  readonly isSynced: boolean
  /** Why it must not be written to; empty if it may. */
  readonly damage: readonly string[]
}

export class LevelStoreOnFiles implements LevelStore {
  readonly damage: string[]
  readonly #tree: Tree
  readonly #keys: KeyFile
  readonly #slots: SlotTable
  readonly #isSynced: boolean
  readonly #isReadOnly: boolean
  #state: Witness
  #queue: Promise<unknown> = Promise.resolve()
  #closing: Promise<void> | undefined
  #failure: StoreError | undefined
  /** Counts what may take a value away under a reader. */
  #erasures = 0

  constructor(parts: LevelStoreParts) {
    this.#tree = parts.tree
    this.#keys = parts.keys
    this.#slots = parts.slots
    this.#state = parts.state
    this.#isSynced = parts.isSynced
    this.#isReadOnly = parts.damage.length > 0
    this.damage = [...parts.damage]
  }

  async get(key: Uint8Array): Promise<Uint8Array | undefined> {
    this.#requireOpen()
    const own = new Uint8Array(key)
    for (let attempt = 1; ; attempt++) {
      const erasures = this.#erasures
      const [record, place] = await this.#read([valueKey(own), indexKey(own)])
      if (record === undefined && place === undefined) return undefined
      const value = record === undefined ? undefined : openValue(this.#keys, own, record)
      if (value !== undefined) return value
      if (erasures === this.#erasures || attempt === READ_ATTEMPTS) return this.#unreadable(own)
    }
  }

  async *entries(range: StoreRange): AsyncGenerator<readonly [key: Uint8Array, value: Uint8Array]> {
    this.#requireOpen()
    const erasures = this.#erasures
    const snapshot = this.#tree.snapshot()
    const iterator = this.#tree.keys({ ...indexRange(range.prefix), snapshot })
    try {
      while (true) {
        this.#requireOpen()
        const records = await guard(() => iterator.nextv(ENTRIES_AT_ONCE))
        if (records.length === 0) return
        const keys = records.map(clientKey)
        const sealed = await guard(() => this.#tree.getMany(keys.map(valueKey), { snapshot }))
        const values = openValues(
          this.#keys,
          keys.map((key, i) => [key, sealed[i]]),
        )
        for (const [i, key] of keys.entries()) {
          let value = values[i]
          // Forgotten since the snapshot: what the key holds now, if it still holds anything.
          if (value === undefined) value = erasures === this.#erasures ? this.#unreadable(key) : await this.get(key)
          if (value !== undefined) yield [key, value]
          this.#requireOpen()
        }
      }
    } finally {
      await iterator.close()
      await snapshot.close()
    }
  }

  async *keys(range: StoreRange): AsyncGenerator<Uint8Array> {
    this.#requireOpen()
    // an iterator sees the tree as it was when it was made
    const iterator = this.#tree.keys(indexRange(range.prefix))
    try {
      while (true) {
        this.#requireOpen()
        const records = await guard(() => iterator.nextv(KEYS_AT_ONCE))
        if (records.length === 0) return
        for (const record of records) {
          yield clientKey(record)
          this.#requireOpen()
        }
      }
    } finally {
      await iterator.close()
    }
  }

  async write(operations: readonly StoreOperation[]): Promise<void> {
    this.#requireOpen()
    const last = lastOperations(operations)
    return this.#enqueue(async () => {
      if (last.length > 0) await this.#commit(last)
    })
  }

  async forget(): Promise<void> {
    this.#requireOpen()
    return this.#enqueue(async () => {
      if (this.#slots.stale.length === 0) return
      // The deletions first: a power cut must not bring back an entry whose secret is gone.
      if (!this.#isSynced) await this.#tree.batch([putState(this.#state)], { sync: true })
      this.#erasures++
      await this.#keys.eraseSlots(this.#slots.stale)
      this.#slots.recycle()
    })
  }

  close(): Promise<void> {
    this.#closing ??= this.#queue
      .then(async () => {
        try {
          await this.#tree.close()
        } finally {
          await this.#keys.close()
        }
      })
      .catch((cause: unknown) => {
        throw new StoreError('store_failed', 'The store could not be closed.', {}, { cause })
      })
    return this.#closing
  }

  async #commit(operations: readonly StoreOperation[]): Promise<void> {
    const sequence = this.#state.sequence + 1
    const digest = this.#state.digest.slice()
    const before = await this.#tree.getMany(operations.map(({ key }) => indexKey(key)))
    const batch: TreeOperation[] = []
    const released: number[] = []
    for (const [i, operation] of operations.entries()) {
      const old = before[i] === undefined ? undefined : decodePlace(before[i])
      if (old !== undefined) {
        toggle(digest, this.#keys, operation.key, old)
        released.push(old.slot)
      }
      if (operation.type === 'put') {
        const place = { slot: this.#slots.take(), sequence }
        toggle(digest, this.#keys, operation.key, place)
        batch.push(...this.#putEntry(operation.key, place, operation.value))
      } else if (old !== undefined) {
        batch.push({ type: 'del', key: valueKey(operation.key) }, { type: 'del', key: indexKey(operation.key) })
      }
    }
    const state: Witness = { sequence, digest }
    batch.push(putState(state))
    this.#keys.writeIntent(state)
    if (this.#isSynced) await this.#keys.sync()
    await this.#tree.batch(batch, { sync: this.#isSynced })
    this.#keys.writeDone(state)
    this.#state = state
    for (const slot of released) this.#slots.release(slot)
  }

  #putEntry(key: Uint8Array, place: Place, value: Uint8Array): readonly TreeOperation[] {
    const secret = systemRandom(SLOT_SIZE)
    this.#keys.fillSlot(place.slot, secret)
    wipe(secret)
    const sealed = sealValue(this.#keys, key, place, value)
    wipe(value)
    return [
      { type: 'put', key: valueKey(key), value: sealed },
      { type: 'put', key: indexKey(key), value: encodePlace(place) },
    ]
  }

  /** One task at a time. A task that fails leaves it unknown what reached the disk, so that nothing follows it. */
  #enqueue(task: () => Promise<void>): Promise<void> {
    const result = this.#queue.then(async () => {
      if (this.#isReadOnly) throw new StoreError('store_read_only', 'The store is damaged and open for reading only.')
      if (this.#failure !== undefined) throw this.#failure
      try {
        await task()
      } catch (cause) {
        this.#failure = new StoreError('store_failed', 'The disk refused a write; open the store again.', {}, { cause })
        throw this.#failure
      }
    })
    this.#queue = result.catch(() => undefined)
    return result
  }

  #read(keys: readonly Uint8Array[]): Promise<readonly (Uint8Array | undefined)[]> {
    return guard(() => this.#tree.getMany([...keys]))
  }

  #unreadable(key: Uint8Array): undefined {
    const name = Buffer.from(key).toString('hex')
    if (!this.#isReadOnly) throw damaged('An entry of the store is damaged.', { key: name })
    this.damage.push(`The entry ${name} is damaged.`)
    return undefined
  }

  #requireOpen(): void {
    if (this.#closing !== undefined) throw new StoreError('store_closed', 'The store is closed.')
  }
}

/** The last operation on each key, with bytes of its own, in the order of the keys' first mention. */
function lastOperations(operations: readonly StoreOperation[]): readonly StoreOperation[] {
  const last = new Map<string, StoreOperation>()
  for (const { type, key, ...rest } of operations) {
    const name = Buffer.from(key.buffer, key.byteOffset, key.length).toString('latin1')
    const own = new Uint8Array(key)
    last.set(
      name,
      'value' in rest ? { type: 'put', key: own, value: new Uint8Array(rest.value) } : { type: 'delete', key: own },
    )
  }
  return [...last.values()]
}

function putState({ sequence, digest }: Witness): TreeOperation {
  const count = new Uint8Array(8)
  new DataView(count.buffer).setBigUint64(0, BigInt(sequence))
  return { type: 'put', key: STATE_KEY, value: concatBytes(count, digest) }
}

/** @throws StoreError `store_corrupted` */
export function decodeState(bytes: Uint8Array): Witness {
  if (bytes.length !== 8 + DIGEST_SIZE) throw damaged('The state record of the store is damaged.')
  const sequence = Number(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0))
  return { sequence, digest: bytes.slice(8) }
}

/** Turns what LevelDB throws while reading into our errors. */
export async function guard<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (cause) {
    if (cause instanceof StoreError) throw cause
    const code = typeof cause === 'object' && cause !== null && 'code' in cause ? String(cause.code) : ''
    if (code.includes('NOT_OPEN')) throw new StoreError('store_closed', 'The store is closed.', {}, { cause })
    if (code === 'LEVEL_CORRUPTION') {
      throw new StoreError('store_corrupted', 'A file of the store is damaged.', {}, { cause })
    }
    throw new StoreError('store_failed', 'The disk refused a read.', {}, { cause })
  }
}
