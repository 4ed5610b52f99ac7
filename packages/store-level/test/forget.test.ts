import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { systemRandom, utf8 } from '@dmls/crypto'
import { Level } from 'level'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openLevelStore, type RootCipher } from '../src/index.ts'
import { KeyFile } from '../src/key-file.ts'
import { decodePlace, valueKey } from '../src/records.ts'
import { openValue } from '../src/sealing.ts'
import { filesWith, makeFolder, removeFolder } from './folders.ts'

const SECRET_KEY = utf8('epoch secret')
const put = (value: Uint8Array) => ({ type: 'put', key: SECRET_KEY, value }) as const

/** What a thief notes while the secret is alive: the sealed record and the contents of its slot. */
interface Loot {
  readonly record: Uint8Array
  readonly slotSecret: Uint8Array
}

async function spy(folder: string): Promise<Loot> {
  const copy = `${folder}-spied`
  await cp(folder, copy, { recursive: true })
  const tree = new Level<Uint8Array, Uint8Array>(join(copy, 'tree'), {
    keyEncoding: 'view',
    valueEncoding: 'view',
  })
  const record = (await tree.get(valueKey(SECRET_KEY))) as Uint8Array
  await tree.close()
  const keys = await KeyFile.open(join(copy, 'keys'), undefined)
  const slotSecret = keys.readSlot(decodePlace(record)?.slot as number)
  await keys.close()
  await removeFolder(copy)
  return { record, slotSecret }
}

/** What the key file as it lies there now makes of a sealed record. */
async function attack(folder: string, { record }: Loot): Promise<Uint8Array | undefined> {
  const copy = `${folder}-stolen`
  await cp(folder, copy, { recursive: true })
  const keys = await KeyFile.open(join(copy, 'keys'), undefined)
  const value = openValue(keys, SECRET_KEY, record)
  await keys.close()
  await removeFolder(copy)
  return value
}

describe('scenario 13: a disk that is seized', () => {
  let folder: string
  beforeEach(async () => {
    folder = join(await makeFolder(), 'store')
  })
  afterEach(() => removeFolder(join(folder, '..')))

  test('no value ever stands in a file in the clear', async () => {
    const secret = systemRandom(64)
    const store = await openLevelStore(folder)
    await store.write([put(secret)])
    expect(await filesWith(folder, secret.subarray(0, 16))).toEqual([])
    await store.close()
    await (await openLevelStore(folder)).close()
    expect(await filesWith(folder, secret.subarray(0, 16))).toEqual([])
    // The search does find what is there: keys stay readable.
    expect((await filesWith(folder, SECRET_KEY)).length).toBeGreaterThan(0)
  })

  test.each(['deleted', 'overwritten'])(
    'a %s value is in the files until it is forgotten, and then in none',
    async (how) => {
      const secret = systemRandom(64)
      const store = await openLevelStore(folder)
      await store.write([put(secret), { type: 'put', key: utf8('other'), value: utf8('stays') }])
      const loot = await spy(folder)
      await store.write([how === 'deleted' ? { type: 'delete', key: SECRET_KEY } : put(systemRandom(64))])

      // Deleting alone forgets nothing: the thief opens the old record. This is what the rest of the test is about.
      expect(await attack(folder, loot)).toEqual(secret)
      expect((await filesWith(folder, loot.slotSecret)).length).toBe(1)

      await store.forget()
      expect((await filesWith(folder, loot.record.subarray(12))).length).toBeGreaterThan(0)
      expect(await filesWith(folder, loot.slotSecret)).toEqual([])
      expect(await attack(folder, loot)).toBeUndefined()
      expect(await store.get(utf8('other'))).toEqual(utf8('stays'))
      await store.close()
      expect(await filesWith(folder, loot.slotSecret)).toEqual([])
    },
  )

  test('a slot is used again with a new secret, and the old record stays shut', async () => {
    const store = await openLevelStore(folder)
    await store.write([put(systemRandom(64))])
    const loot = await spy(folder)
    await store.write([put(systemRandom(64))])
    await store.forget()
    await store.write([put(systemRandom(64))])
    const later = await spy(folder)
    expect(decodePlace(later.record)?.slot).toBe(decodePlace(loot.record)?.slot)
    expect(later.slotSecret).not.toEqual(loot.slotSecret)
    expect(await attack(folder, loot)).toBeUndefined()
    expect(await attack(folder, later)).toBeDefined()
    await store.close()
  })

  test('a crash between deleting and forgetting is made good when the store opens', async () => {
    const store = await openLevelStore(folder)
    await store.write([put(systemRandom(64))])
    const loot = await spy(folder)
    await store.write([{ type: 'delete', key: SECRET_KEY }])
    const crashed = `${folder}-crashed`
    await cp(folder, crashed, { recursive: true })
    await store.close()
    expect((await filesWith(crashed, loot.slotSecret)).length).toBe(1)
    const reopened = await openLevelStore(crashed)
    expect(await filesWith(crashed, loot.slotSecret)).toEqual([])
    await reopened.close()
  })

  test('forgetting costs by what is forgotten, not by what is kept', async () => {
    const store = await openLevelStore(folder, { sync: false })
    const kept = Array.from({ length: 20_000 }, (_, i) => ({
      type: 'put' as const,
      key: utf8(`kept ${i}`),
      value: systemRandom(100),
    }))
    await store.write(kept)
    await store.write([put(systemRandom(64))])
    await store.write([{ type: 'delete', key: SECRET_KEY }])
    const start = performance.now()
    await store.forget()
    expect(performance.now() - start).toBeLessThan(500)
    await store.close()
    const reopened = await openLevelStore(folder)
    expect(await reopened.get(utf8('kept 19999'))).toEqual(kept[19_999]?.value)
    await reopened.close()
  })

  test('with a cipher the folder alone opens nothing, and the wrong cipher is told from damage', async () => {
    const mask = (byte: number): RootCipher => ({
      seal: (root) => Uint8Array.of(byte, ...root.map((each) => each ^ byte)),
      open: (sealed) => {
        if (sealed[0] !== byte) throw new Error('not mine')
        return sealed.subarray(1).map((each) => each ^ byte)
      },
    })
    const store = await openLevelStore(folder, { cipher: mask(3) })
    await store.write([put(utf8('hidden'))])
    await store.close()
    const wrongKey = { name: 'StoreError', code: 'store_wrong_key' }
    await expect(openLevelStore(folder)).rejects.toMatchObject(wrongKey)
    await expect(openLevelStore(folder, { cipher: mask(4) })).rejects.toMatchObject(wrongKey)
    const again = await openLevelStore(folder, { cipher: mask(3) })
    expect(await again.get(SECRET_KEY)).toEqual(utf8('hidden'))
    await again.close()
  })

  test('the key file may lie elsewhere', async () => {
    const keyFile = `${folder}-keys`
    const store = await openLevelStore(folder, { keyFile })
    await store.write([put(utf8('hidden'))])
    await store.close()
    await expect(openLevelStore(folder)).rejects.toMatchObject({ code: 'store_corrupted' })
    const again = await openLevelStore(folder, { keyFile })
    expect(await again.get(SECRET_KEY)).toEqual(utf8('hidden'))
    await again.close()
  })
})
