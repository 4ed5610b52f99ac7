import { cp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Store } from '@dmls/client/ports'
import { fromUtf8, utf8 } from '@dmls/crypto'
import fc from 'fast-check'
import { Level } from 'level'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type LevelStoreOptions, openLevelStore, StoreError } from '../src/index.ts'
import { makeFolder, readAllFiles, removeFolder } from './folders.ts'

const ALL = { prefix: new Uint8Array(0) }
const corrupted = { name: 'StoreError', code: 'store_corrupted' }

/** Writes one entry a batch, `size` bytes each. */
async function fill(store: Store, from: number, to: number, size: number): Promise<void> {
  for (let i = from; i < to; i++) {
    await store.write([{ type: 'put', key: utf8(`k${i}`), value: new Uint8Array(size).fill(i) }])
  }
}

async function contents(folder: string, options: LevelStoreOptions = {}): Promise<ReadonlyMap<string, number>> {
  const store = await openLevelStore(folder, options)
  try {
    const found = new Map<string, number>()
    for await (const [key, value] of store.entries(ALL)) {
      expect(value.every((byte) => byte === value[0])).toBe(true)
      found.set(fromUtf8(key), value[0] as number)
    }
    return found
  } finally {
    await store.close()
  }
}

async function logFile(folder: string): Promise<string> {
  return [...(await readAllFiles(folder)).keys()].find((path) => path.endsWith('.log')) as string
}

describe('a store that is not whole', () => {
  let folder: string
  beforeEach(async () => {
    folder = join(await makeFolder(), 'store')
  })
  afterEach(() => removeFolder(join(folder, '..')))

  test('a log damaged in its middle is noticed, where LevelDB alone opens and says nothing', async () => {
    const store = await openLevelStore(folder, { sync: false })
    await fill(store, 0, 100, 1000)
    await store.close()
    const path = await logFile(folder)
    const log = await readFile(path)
    log.fill(0x55, 40_000, 40_100)
    await writeFile(path, log)
    const copy = `${folder}-copy`
    await cp(folder, copy, { recursive: true })

    const plain = new Level(join(copy, 'tree'))
    await plain.open()
    await plain.close()

    await expect(openLevelStore(folder)).rejects.toMatchObject(corrupted)
    const rescue = await openLevelStore(folder, { onDamage: 'open_read_only' })
    expect(rescue.damage.length).toBe(1)
    const left: string[] = []
    for await (const [key] of rescue.entries(ALL)) left.push(fromUtf8(key))
    expect(left.length).toBeGreaterThan(0)
    expect(left.length).toBeLessThan(100)
    await expect(rescue.write([{ type: 'delete', key: utf8('k1') }])).rejects.toMatchObject({ code: 'store_read_only' })
    await expect(rescue.forget()).rejects.toMatchObject({ code: 'store_read_only' })
    await rescue.close()
  })

  test('a log that lost its end is noticed: acknowledged batches are missing', async () => {
    const store = await openLevelStore(folder)
    await fill(store, 0, 10, 100)
    await store.close()
    const path = await logFile(folder)
    const log = await readFile(path)
    await writeFile(path, log.subarray(0, log.length - 20))
    await expect(openLevelStore(folder)).rejects.toThrow('The store lost its last 1 batches.')
  })

  test('scenario 16: half of a backup put back is noticed, from either side', async () => {
    let store = await openLevelStore(folder)
    await fill(store, 0, 5, 100)
    await store.close()
    const old = `${folder}-old`
    await cp(folder, old, { recursive: true })
    store = await openLevelStore(folder)
    await fill(store, 3, 8, 100)
    await store.close()
    const mixed = `${folder}-mixed`
    for (const [tree, keys] of [
      [old, folder],
      [folder, old],
    ] as const) {
      await rm(mixed, { recursive: true, force: true })
      await cp(join(tree, 'tree'), join(mixed, 'tree'), { recursive: true })
      await cp(join(keys, 'keys'), join(mixed, 'keys'))
      await expect(openLevelStore(mixed)).rejects.toMatchObject(corrupted)
    }
    expect((await contents(folder)).size).toBe(8)
  })

  test('a missing key file and missing tree files are noticed; another store’s key file does not fit', async () => {
    const store = await openLevelStore(folder)
    await fill(store, 0, 5, 100)
    await store.close()
    const other = `${folder}-other`
    await (await openLevelStore(other)).close()
    await rename(join(folder, 'keys'), join(folder, 'hidden'))
    await expect(openLevelStore(folder)).rejects.toMatchObject(corrupted)
    await cp(join(other, 'keys'), join(folder, 'keys'))
    await expect(openLevelStore(folder)).rejects.toThrow('The key file belongs to another store.')
    await rename(join(folder, 'hidden'), join(folder, 'keys'))
    await rename(join(folder, 'tree'), join(folder, 'hidden'))
    await expect(openLevelStore(folder)).rejects.toMatchObject(corrupted)
  })

  test('whatever byte of whatever file changes, the store is refused or still tells the truth', async () => {
    const store = await openLevelStore(folder, { sync: false })
    await fill(store, 0, 40, 300)
    await store.close()
    // Opening once turns the log into a table; then some more for the log.
    const again = await openLevelStore(folder, { sync: false })
    await fill(again, 20, 50, 200)
    await again.close()
    const expected = new Map(Array.from({ length: 50 }, (_, i) => [`k${i}`, i]))
    const files = [...(await readAllFiles(folder))].filter(([, bytes]) => bytes.length > 0)
    expect(files.some(([path]) => path.endsWith('.ldb'))).toBe(true)
    const copy = `${folder}-copy`
    let refused = 0
    await fc.assert(
      fc.asyncProperty(
        fc.nat({ max: files.length - 1 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        fc.integer({ min: 1, max: 255 }),
        async (which, where, change) => {
          await rm(copy, { recursive: true, force: true })
          await cp(folder, copy, { recursive: true })
          const [path, bytes] = files[which] as [string, Buffer]
          const changed = Buffer.from(bytes)
          const at = Math.floor(where * changed.length)
          changed[at] = (changed[at] as number) ^ change
          await writeFile(path.replace(folder, copy), changed)
          try {
            expect(await contents(copy)).toEqual(expected)
          } catch (error) {
            if (!(error instanceof StoreError)) throw error
            refused++
          }
        },
      ),
      { numRuns: 100 },
    )
    expect(refused).toBeGreaterThan(10)
  })

  test('a format of another release is refused in one line', async () => {
    await (await openLevelStore(folder)).close()
    const keys = await readFile(join(folder, 'keys'))
    keys[9] = 7
    await writeFile(join(folder, 'keys'), keys)
    await expect(openLevelStore(folder)).rejects.toMatchObject({
      code: 'store_version',
      message: 'The store is in format 7; this release reads format 1.',
    })
    const tree = new Level<Uint8Array, Uint8Array>(join(folder, 'tree'), {
      keyEncoding: 'view',
      valueEncoding: 'view',
    })
    await tree.put(utf8('s/format'), Uint8Array.of(0, 9))
    await tree.close()
    await expect(openLevelStore(folder)).rejects.toThrow('The store is in format 9; this release reads format 1.')
  })

  test('the folder is the user’s alone, also when it was there with wider rights', async () => {
    await (await openLevelStore(folder)).close()
    expect((await stat(folder)).mode & 0o777).toBe(0o700)
    expect((await stat(join(folder, 'keys'))).mode & 0o777).toBe(0o600)
    const wide = await makeFolder()
    const { chmod } = await import('node:fs/promises')
    await chmod(wide, 0o755)
    await (await openLevelStore(wide)).close()
    expect((await stat(wide)).mode & 0o777).toBe(0o700)
    await removeFolder(wide)
  })

  test.runIf(process.platform === 'linux')('a folder in one that takes none is a typed error', async () => {
    await expect(openLevelStore('/proc/dmls/store')).rejects.toMatchObject({ code: 'store_failed' })
  })

  test('a folder that cannot be made is a typed error', async () => {
    await writeFile(folder, 'a file')
    await expect(openLevelStore(folder)).rejects.toMatchObject({ name: 'StoreError', code: 'store_failed' })
  })
})
