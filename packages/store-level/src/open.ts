/**
 * Opens the folder of a store, and refuses one that is not whole.
 *
 *     folder/        0700
 *       keys         the key file (key-file.ts), or elsewhere by option
 *       tree/        LevelDB: sealed values, index, state
 *
 * Opening checks LevelDB's tables (table-check.ts), reads the whole index (about 12 bytes and a key for each entry), compares its digest with the state record and
 * the state record with the witnesses of the key file, then completes what a crash left behind: it writes the witness of
 * the last batch if that is missing, and erases slots that nobody names.
 */
import { chmod, mkdir, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { StoreError } from '@dmls/client/ports'
import { concatBytes, equalBytes } from '@dmls/crypto'
import { Level } from 'level'
import { damaged, KEY_FILE_FORMAT, KeyFile, type RootCipher, type Witness, wrongVersion } from './key-file.ts'
import { decodeState, guard, type LevelStore, LevelStoreOnFiles, type Tree } from './level-store.ts'
import { clientKey, decodePlace, FORMAT_KEY, indexRange, STATE_KEY } from './records.ts'
import { SlotTable } from './slot-table.ts'
import { DIGEST_SIZE, toggle } from './state-digest.ts'
import { findDamagedTables } from './table-check.ts'

export interface LevelStoreOptions {
  /**
   * Whether an acknowledged batch survives a power cut, and not only the death of the process. Default true; costs two
   * syncs a batch. With false, a power cut can take acknowledged batches, which opening then reports.
   */
  readonly sync?: boolean
  /** Keeps the root of all keys under a key of the user's. Default: in the clear, protected by the folder's rights. */
  readonly cipher?: RootCipher
  /** Where the key file is. Default `keys` in the folder; another device if the folder's cannot overwrite in place. */
  readonly keyFile?: string
  /** What to do with a store that is not whole. Default `refuse`. `open_read_only` is for saving what can be read. */
  readonly onDamage?: 'refuse' | 'open_read_only'
}

/**
 * Opens the store in a folder, making it if there is none.
 *
 * @throws StoreError `store_locked`, `store_version`, `store_corrupted`, `store_wrong_key`, `store_failed`
 */
export async function openLevelStore(folder: string, options: LevelStoreOptions = {}): Promise<LevelStore> {
  const treeFolder = join(folder, 'tree')
  await guardFiles(folder, () => makePrivateFolder(folder))
  const tree: Tree = new Level(treeFolder, { keyEncoding: 'view', valueEncoding: 'view', compression: false })
  await openTree(tree, folder)
  try {
    const tables = await guardFiles(folder, () => findDamagedTables(treeFolder))
    if (tables.length > 0) throw damaged(`The file ${tables[0]} of the store is damaged.`, { tables: tables.length })
    const keys = await openKeys(tree, folder, options)
    try {
      return await check(tree, keys, options)
    } catch (error) {
      await keys.close()
      throw error
    }
  } catch (error) {
    await tree.close()
    throw error
  }
}

async function makePrivateFolder(folder: string): Promise<void> {
  await makeFolder(resolve(folder))
  const { mode } = await stat(folder)
  if (process.platform !== 'win32' && (mode & 0o077) !== 0) await chmod(folder, 0o700)
}

/** Not by `recursive`, which tries for ever where a folder is there and takes none, as in /proc. */
async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 })
  } catch (error) {
    if (!isAbsent(error)) {
      if ((await stat(path)).isDirectory()) return
      throw error
    }
    if (await stat(dirname(path)).catch(() => undefined)) throw error
    await makeFolder(dirname(path))
    await makeFolder(path)
  }
}

async function openTree(tree: Tree, folder: string): Promise<void> {
  try {
    await tree.open()
  } catch (error) {
    const cause = error instanceof Error ? error.cause : undefined
    const code = typeof cause === 'object' && cause !== null && 'code' in cause ? cause.code : undefined
    if (code === 'LEVEL_LOCKED') {
      throw new StoreError('store_locked', `The store in ${folder} is open in another process.`, { folder }, { cause })
    }
    if (code === 'LEVEL_CORRUPTION') {
      throw new StoreError('store_corrupted', `The files in ${folder} are damaged.`, { folder }, { cause })
    }
    throw new StoreError('store_failed', `The store in ${folder} does not open.`, { folder }, { cause: error })
  }
}

/** The key file: made anew only for a tree that never held anything. */
async function openKeys(tree: Tree, folder: string, options: LevelStoreOptions): Promise<KeyFile> {
  const path = options.keyFile ?? join(folder, 'keys')
  const format = await guard(() => tree.get(FORMAT_KEY))
  if (format !== undefined) {
    const version = format.length < 2 ? 0 : ((format[0] as number) << 8) | (format[1] as number)
    if (version !== KEY_FILE_FORMAT) throw wrongVersion(version)
  }
  let keys: KeyFile
  try {
    keys = await KeyFile.open(path, options.cipher)
  } catch (error) {
    if (!isAbsent(error)) throw asStoreError(error, folder)
    if (format !== undefined) throw damaged('The key file is missing: nothing in the store can be read.', { path })
    keys = await guardFiles(folder, () => KeyFile.create(path, options.cipher))
  }
  try {
    const expected = concatBytes(Uint8Array.of(KEY_FILE_FORMAT >> 8, KEY_FILE_FORMAT), keys.storeId)
    if (format === undefined) {
      if (keys.readWitnesses().done.sequence > 0)
        throw damaged('The files of the store are missing; its keys are there.')
      await guard(() => tree.batch([{ type: 'put', key: FORMAT_KEY, value: expected }], { sync: true }))
    } else if (!equalBytes(format, expected)) {
      throw damaged('The key file belongs to another store.', { path })
    }
    return keys
  } catch (error) {
    await keys.close()
    throw error
  }
}

async function check(tree: Tree, keys: KeyFile, options: LevelStoreOptions): Promise<LevelStore> {
  const stateRecord = await guard(() => tree.get(STATE_KEY))
  const state =
    stateRecord === undefined ? { sequence: 0, digest: new Uint8Array(DIGEST_SIZE) } : decodeState(stateRecord)
  const { digest, used } = await readIndex(tree, keys)
  const witnesses = keys.readWitnesses()
  const reason = lost(state, witnesses, digest)
  const parts = { tree, keys, state, isSynced: options.sync ?? true }
  if (reason !== undefined) {
    if (options.onDamage !== 'open_read_only') throw damaged(reason, { sequence: state.sequence })
    return new LevelStoreOnFiles({ ...parts, slots: new SlotTable([]), damage: [reason] })
  }
  if (state.sequence !== witnesses.done.sequence) {
    // A crash came between a batch and its witness. The next intent takes the place of the one that vouches for it now.
    keys.writeDone(state)
    await keys.sync()
  }
  const slots = new SlotTable(used)
  await eraseOrphans(keys, new Set(used), slots.end)
  return new LevelStoreOnFiles({ ...parts, slots, damage: [] })
}

/** Why the tree is not what was acknowledged; undefined if it is. */
function lost(
  state: Witness,
  { intent, done }: { readonly intent: Witness; readonly done: Witness },
  digest: Uint8Array,
): string | undefined {
  if (state.sequence < done.sequence) {
    return `The store lost its last ${done.sequence - state.sequence} batches.`
  }
  const witness = state.sequence === done.sequence ? done : intent
  if (state.sequence !== witness.sequence || !equalBytes(state.digest, witness.digest)) {
    return 'The store and its key file are of different times.'
  }
  return equalBytes(state.digest, digest) ? undefined : 'The store lost batches before its last one.'
}

/** The digest of the whole index, and the slots that it names, ascending. */
async function readIndex(tree: Tree, keys: KeyFile): Promise<{ digest: Uint8Array; used: readonly number[] }> {
  const digest = new Uint8Array(DIGEST_SIZE)
  const used: number[] = []
  const iterator = tree.iterator(indexRange(new Uint8Array(0)))
  try {
    while (true) {
      const records = await guard(() => iterator.nextv(1000))
      if (records.length === 0) break
      for (const [record, bytes] of records) {
        const place = decodePlace(bytes)
        if (place === undefined) continue
        toggle(digest, keys, clientKey(record), place)
        used.push(place.slot)
      }
    }
  } finally {
    await iterator.close()
  }
  return { digest, used: used.sort((a, b) => a - b) }
}

/** Erases the secrets of values that are gone: a crash came before they were forgotten, or before their batch. */
async function eraseOrphans(keys: KeyFile, used: ReadonlySet<number>, end: number): Promise<void> {
  const orphans: number[] = []
  for await (const slot of keys.filledSlots()) if (!used.has(slot)) orphans.push(slot)
  await keys.eraseSlots(orphans)
  await keys.truncate(end)
}

function isAbsent(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === 'ENOENT'
}

function asStoreError(cause: unknown, folder: string): StoreError {
  if (cause instanceof StoreError) return cause
  return new StoreError('store_failed', `The store in ${folder} does not open.`, { folder }, { cause })
}

async function guardFiles<T>(folder: string, step: () => Promise<T>): Promise<T> {
  try {
    return await step()
  } catch (cause) {
    throw asStoreError(cause, folder)
  }
}
