/**
 * Checks the checksums of every block of LevelDB's tables (`*.ldb`), which LevelDB writes and, when it reads, does not
 * look at: a changed byte gives wrong answers, or ends the process on an assertion. Runs between the opening of the
 * tree, which removes what a crash left unfinished, and the first read. About 200 MB a second.
 *
 *     table   = blocks, index block, footer (48: handles of meta index and index, padding, magic)
 *     block   = contents, type (1), masked CRC-32C of both (4)
 *     handle  = varint offset, varint size of the contents
 *     contents of an index = entries (varint shared, varint rest, varint length of value, rest of key, value = handle),
 *                            restarts (4 each), number of restarts (4)
 */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const FOOTER_SIZE = 48
/** The last eight bytes of a table, little-endian. */
const MAGIC = 0xdb4775248b80fb57n
/** A table that a compaction is just writing has no footer yet: it is looked at again, this often. */
const ATTEMPTS = 6
const WAIT_MS = 50

/** The names of the damaged tables in a folder. */
export async function findDamagedTables(folder: string): Promise<readonly string[]> {
  const damaged: string[] = []
  for (const name of await readdir(folder)) {
    if (/\.(ldb|sst)$/.test(name) && !(await isWhole(join(folder, name)))) damaged.push(name)
  }
  return damaged
}

async function isWhole(path: string): Promise<boolean> {
  for (let attempt = 1; ; attempt++) {
    let table: Buffer
    try {
      table = await readFile(path)
    } catch {
      // A compaction has just replaced it.
      return true
    }
    if (checkTable(table)) return true
    if (attempt === ATTEMPTS || hasFooter(table)) return false
    await sleep(WAIT_MS)
  }
}

function hasFooter(table: Buffer): boolean {
  return table.length >= FOOTER_SIZE && table.readBigUInt64LE(table.length - 8) === MAGIC
}

/** Whether every block of a table has the checksum that stands behind it. */
export function checkTable(table: Buffer): boolean {
  if (!hasFooter(table)) return false
  try {
    const footer = new Cursor(table.subarray(table.length - FOOTER_SIZE, table.length - 8))
    const metaIndex = readBlock(table, footer)
    const index = readBlock(table, footer)
    for (const block of [metaIndex, index]) {
      for (const handle of handlesOf(block)) readBlock(table, handle)
    }
    return true
  } catch (error) {
    if (error instanceof RangeError) return false
    throw error
  }
}

/** The contents of the block that the next handle names. @throws RangeError if it is damaged */
function readBlock(table: Buffer, handle: Cursor): Buffer {
  const offset = handle.varint()
  const size = handle.varint()
  const end = offset + size + 1
  if (end + 4 > table.length) throw new RangeError('block outside the table')
  const stored = table.readUInt32LE(end)
  if (mask(crc32c(table.subarray(offset, end))) !== stored) throw new RangeError('wrong checksum')
  if (table[end - 1] !== 0) throw new RangeError('compressed block')
  return table.subarray(offset, offset + size)
}

/** The values of an index block: one handle each. */
function* handlesOf(index: Buffer): Generator<Cursor> {
  const restarts = index.readUInt32LE(index.length - 4)
  const entries = new Cursor(index.subarray(0, index.length - 4 - 4 * restarts))
  while (!entries.isAtEnd) {
    entries.varint()
    const keySize = entries.varint()
    const valueSize = entries.varint()
    entries.take(keySize)
    yield new Cursor(entries.take(valueSize))
  }
}

class Cursor {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length
  }

  varint(): number {
    let value = 0
    for (let shift = 0; shift < 49; shift += 7) {
      const byte = this.#bytes.readUInt8(this.#at++)
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return value
    }
    throw new RangeError('varint too long')
  }

  take(size: number): Buffer {
    if (this.#at + size > this.#bytes.length) throw new RangeError('entry outside its block')
    const taken = this.#bytes.subarray(this.#at, this.#at + size)
    this.#at += size
    return taken
  }
}

/** LevelDB stores checksums rotated and offset, so that a checksum of data with checksums is no trivial one. */
function mask(crc: number): number {
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0
}

const CRC_TABLE: Uint32Array = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
  return crc
})

function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (let i = 0; i < bytes.length; i++) {
    crc = (crc >>> 8) ^ (CRC_TABLE[(crc ^ (bytes[i] as number)) & 0xff] as number)
  }
  return (crc ^ 0xffffffff) >>> 0
}
