/**
 * The key file: a small file of fixed places, kept beside the LSM tree and never inside it, that holds what must really
 * be forgotten. An LSM tree only ever appends: a value that was deleted stays in its logs and tables, and in the blocks
 * of those that it unlinked. So no value is written there in the clear; each is sealed under a key of its own, made
 * from a 32-byte secret in a slot of this file, and it is forgotten by overwriting that slot in place.
 *
 *     0     magic (8), format (2), how the root is kept (1), store id (16), root length (2), root
 *     2048  witness of the batch that is being written: sequence (8), digest (32), check (8)
 *     2560  witness of the batch that was acknowledged last, likewise
 *     4096  slots of 32 bytes; zeros mean empty
 *
 * Each part lies in sectors of its own, so that a write torn by a power cut changes one and leaves the others.
 *
 * What it cannot do: make a disk forget that writes elsewhere what it is asked to overwrite (flash with wear levelling,
 * file systems that copy on write, snapshots, backups). There it narrows what must be erased to one small file, which
 * `keyFile` can put on another device; a {@link RootCipher} makes every copy of it useless without the user's key.
 */

import { readSync, writeSync } from 'node:fs'
import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { StoreError } from '@dmls/client/ports'
import { concatBytes, equalBytes, systemRandom, utf8, wipe } from '@dmls/crypto'
import { suite } from './suite.ts'

/** Keeps the root of all keys under a key of the user's: a passphrase, a keychain, a security module. */
export interface RootCipher {
  /** Seals 32 bytes; at most 1024 bytes come back. */
  seal(root: Uint8Array): Promise<Uint8Array> | Uint8Array
  /** Opens what `seal` returned; throws if it cannot. */
  open(sealed: Uint8Array): Promise<Uint8Array> | Uint8Array
}

/** What the tree must contain: the number of its last batch and the digest of all its entries after it. */
export interface Witness {
  readonly sequence: number
  /** 32 bytes. */
  readonly digest: Uint8Array
}

export const SLOT_SIZE = 32
export const KEY_FILE_FORMAT = 1

const MAGIC = utf8('DMLSKEYS')
const ROOT_SIZE = 32
const ROOT_SEALED_MAX = 1024
const STORE_ID_SIZE = 16
const HEADER_SIZE = 2048
const WITNESS_SIZE = 48
const INTENT_AT = 2048
const DONE_AT = 2560
const SLOTS_AT = 4096
/** Labels of {@link keyedHash}. */
const VALUE_KEY = 1
const ENTRY = 2
const WITNESS = 3
/** Slots are read together where that reads at most so many times as many: a read costs more than a kilobyte of it. */
const SPAN_FACTOR = 32
const SCAN_BYTES = 2048 * SLOT_SIZE
const NOTHING: Witness = { sequence: 0, digest: new Uint8Array(32) }

export class KeyFile {
  readonly storeId: Uint8Array
  readonly #root: Uint8Array
  readonly #handle: FileHandle

  private constructor(handle: FileHandle, storeId: Uint8Array, root: Uint8Array) {
    this.#handle = handle
    this.storeId = storeId
    this.#root = root
  }

  /** Makes the file; it is there complete, or not at all. */
  static async create(path: string, cipher: RootCipher | undefined): Promise<KeyFile> {
    const root = systemRandom(ROOT_SIZE)
    const storeId = systemRandom(STORE_ID_SIZE)
    const kept = cipher === undefined ? root : await cipher.seal(root.slice())
    if (kept.length > ROOT_SEALED_MAX) throw new StoreError('store_wrong_key', 'The cipher sealed the root too long.')
    const start = new Uint8Array(SLOTS_AT)
    start.set(
      concatBytes(MAGIC, uint16(KEY_FILE_FORMAT), Uint8Array.of(cipher ? 1 : 0), storeId, uint16(kept.length), kept),
    )
    start.set(encodeWitness(root, NOTHING), INTENT_AT)
    start.set(encodeWitness(root, NOTHING), DONE_AT)
    const draft = `${path}.new`
    const written = await open(draft, 'w', 0o600)
    try {
      await written.write(start, 0, start.length, 0)
      await written.sync()
    } finally {
      wipe(start)
      await written.close()
    }
    await rename(draft, path)
    await syncFolder(dirname(path))
    return new KeyFile(await open(path, 'r+'), storeId, root)
  }

  /** @throws StoreError `store_version`, `store_wrong_key`, `store_corrupted`; an error with code `ENOENT` if there is none */
  static async open(path: string, cipher: RootCipher | undefined): Promise<KeyFile> {
    const handle = await open(path, 'r+')
    try {
      await rm(`${path}.new`, { force: true })
      const header = new Uint8Array(HEADER_SIZE)
      await handle.read(header, 0, header.length, 0)
      if (!equalBytes(header.subarray(0, MAGIC.length), MAGIC)) throw damaged('The key file has no header.')
      const view = new DataView(header.buffer)
      const format = view.getUint16(8)
      if (format !== KEY_FILE_FORMAT) throw wrongVersion(format)
      const storeId = header.slice(11, 11 + STORE_ID_SIZE)
      const rootAt = 11 + STORE_ID_SIZE + 2
      const kept = header.slice(rootAt, rootAt + view.getUint16(rootAt - 2))
      wipe(header.subarray(rootAt))
      const root = await openRoot(kept, header[10] === 1, cipher)
      return new KeyFile(handle, storeId, root)
    } catch (error) {
      await handle.close()
      throw error
    }
  }

  /** The key of the value whose secret is in a slot; the caller wipes it. */
  deriveKey(slot: number): Uint8Array {
    const [key] = this.deriveKeys([slot])
    return key as Uint8Array
  }

  /** The same for several slots, in their order; those that lie close together are read at once. */
  deriveKeys(slots: readonly number[]): readonly Uint8Array[] {
    const secrets = this.#readSlots(slots)
    const keys = secrets.map((secret) => keyedHash(this.#root, VALUE_KEY, secret))
    wipe(...secrets)
    return keys
  }

  /** What one entry adds to the digest, 32 bytes: only who knows the root can make it up. */
  entryDigest(entry: Uint8Array): Uint8Array {
    return keyedHash(this.#root, ENTRY, entry)
  }

  readSlot(slot: number): Uint8Array {
    return this.#read(slot, 1)
  }

  #readSlots(slots: readonly number[]): readonly Uint8Array[] {
    const first = slots.reduce((least, slot) => Math.min(least, slot), Number.POSITIVE_INFINITY)
    const span = slots.reduce((most, slot) => Math.max(most, slot), 0) - first + 1
    if (span > slots.length * SPAN_FACTOR) return slots.map((slot) => this.#read(slot, 1))
    const all = this.#read(first, span)
    const secrets = slots.map((slot) => all.slice((slot - first) * SLOT_SIZE, (slot - first + 1) * SLOT_SIZE))
    wipe(all)
    return secrets
  }

  /** What lies beyond the end of the file is zeros: empty. */
  #read(slot: number, count: number): Uint8Array {
    const secrets = new Uint8Array(count * SLOT_SIZE)
    readSync(this.#handle.fd, secrets, 0, secrets.length, SLOTS_AT + slot * SLOT_SIZE)
    return secrets
  }

  fillSlot(slot: number, secret: Uint8Array): void {
    writeSync(this.#handle.fd, secret, 0, SLOT_SIZE, SLOTS_AT + slot * SLOT_SIZE)
  }

  /** Overwrites slots with zeros, on the disk when this resolves. */
  async eraseSlots(slots: readonly number[]): Promise<void> {
    if (slots.length === 0) return
    const zeros = new Uint8Array(SLOT_SIZE)
    for (const slot of slots) this.fillSlot(slot, zeros)
    await this.sync()
  }

  /** Every slot that is not empty, ascending. */
  async *filledSlots(): AsyncGenerator<number> {
    const chunk = new Uint8Array(SCAN_BYTES)
    try {
      for (let at = SLOTS_AT; ; at += SCAN_BYTES) {
        const { bytesRead } = await this.#handle.read(chunk, 0, SCAN_BYTES, at)
        for (let offset = 0; offset < bytesRead; offset += SLOT_SIZE) {
          if (chunk.subarray(offset, Math.min(offset + SLOT_SIZE, bytesRead)).some((byte) => byte !== 0)) {
            yield (at - SLOTS_AT + offset) / SLOT_SIZE
          }
        }
        if (bytesRead < SCAN_BYTES) return
      }
    } finally {
      wipe(chunk)
    }
  }

  /** Cuts off the slots from `count` on, which must be empty. */
  async truncate(count: number): Promise<void> {
    const { size } = await this.#handle.stat()
    const wanted = SLOTS_AT + count * SLOT_SIZE
    if (size > wanted) await this.#handle.truncate(wanted)
  }

  writeIntent(witness: Witness): void {
    writeSync(this.#handle.fd, encodeWitness(this.#root, witness), 0, WITNESS_SIZE, INTENT_AT)
  }

  writeDone(witness: Witness): void {
    writeSync(this.#handle.fd, encodeWitness(this.#root, witness), 0, WITNESS_SIZE, DONE_AT)
  }

  /** @throws StoreError `store_corrupted` */
  readWitnesses(): { readonly intent: Witness; readonly done: Witness } {
    const read = (at: number): Witness => {
      const bytes = new Uint8Array(WITNESS_SIZE)
      readSync(this.#handle.fd, bytes, 0, WITNESS_SIZE, at)
      const sequence = Number(new DataView(bytes.buffer).getBigUint64(0))
      const witness = { sequence, digest: bytes.slice(8, 40) }
      if (!equalBytes(encodeWitness(this.#root, witness), bytes)) throw damaged('The key file has a damaged witness.')
      return witness
    }
    return { intent: read(INTENT_AT), done: read(DONE_AT) }
  }

  async sync(): Promise<void> {
    await this.#handle.datasync()
  }

  async close(): Promise<void> {
    wipe(this.#root)
    await this.#handle.close()
  }
}

async function openRoot(kept: Uint8Array, isSealed: boolean, cipher: RootCipher | undefined): Promise<Uint8Array> {
  if (isSealed !== (cipher !== undefined)) {
    throw new StoreError(
      'store_wrong_key',
      isSealed
        ? 'The store is sealed: it opens with the cipher it was made with.'
        : 'The store was made without a cipher.',
    )
  }
  if (cipher === undefined) return kept
  let root: Uint8Array
  try {
    root = new Uint8Array(await cipher.open(kept))
  } catch (cause) {
    throw new StoreError('store_wrong_key', 'The cipher does not open this store.', {}, { cause })
  }
  if (root.length !== ROOT_SIZE) throw new StoreError('store_wrong_key', 'The cipher does not open this store.')
  return root
}

function encodeWitness(root: Uint8Array, { sequence, digest }: Witness): Uint8Array {
  const body = new Uint8Array(40)
  new DataView(body.buffer).setBigUint64(0, BigInt(sequence))
  body.set(digest, 8)
  return concatBytes(body, keyedHash(root, WITNESS, body).subarray(0, 8))
}

/**
 * A hash of fixed-size key, fixed-size label, length and data. No input is the start of another, so that the hash
 * cannot be extended; several times faster here than an HMAC, and computed for every entry on open.
 */
function keyedHash(root: Uint8Array, label: number, data: Uint8Array): Uint8Array {
  const input = new Uint8Array(ROOT_SIZE + 5 + data.length)
  input.set(root)
  new DataView(input.buffer).setUint32(ROOT_SIZE + 1, data.length)
  input[ROOT_SIZE] = label
  input.set(data, ROOT_SIZE + 5)
  const hash = suite.hash(input)
  wipe(input)
  return hash
}

function uint16(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value)
}

async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

export function damaged(message: string, fields: Readonly<Record<string, string | number>> = {}): StoreError {
  return new StoreError('store_corrupted', message, fields)
}

export function wrongVersion(format: number): StoreError {
  return new StoreError(
    'store_version',
    `The store is in format ${format}; this release reads format ${KEY_FILE_FORMAT}.`,
    { format },
  )
}
