import { once } from 'node:events'
import { cp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fromUtf8, utf8 } from '@dmls/crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openLevelStore } from '../src/index.ts'
import { batch, KEPT } from './batches.ts'
import { makeFolder, removeFolder, startWriter } from './folders.ts'

const ROUNDS = process.env.DMLS_LONG === undefined ? 8 : 80

const MOMENTS = ['while it opens', 'some time after', 'after many batches'] as const
type Moment = (typeof MOMENTS)[number]
/** However slow the machine is, so much is written. */
const MANY_BATCHES = 20

describe('a process that dies', () => {
  let folder: string
  beforeEach(async () => {
    folder = await makeFolder()
  })
  afterEach(() => removeFolder(folder))

  /** Starts the writer, kills it at some moment, and returns the number of the last batch that it saw acknowledged. */
  async function writeAndKill(mode: string, first: number, moment: Moment): Promise<number> {
    const writer = startWriter(folder, mode, String(first))
    const ended = once(writer, 'close')
    const lines = createInterface({ input: writer.stdout as NonNullable<typeof writer.stdout> })
    const read = once(lines, 'close')
    let acknowledged = first - 1
    const due = Promise.withResolvers<void>()
    lines.on('line', (line) => {
      if (/^\d+$/.test(line)) acknowledged = Number(line)
      const count = acknowledged - first + 1
      if (moment === 'while it opens' || line !== 'opening') {
        if (moment !== 'after many batches' || count >= MANY_BATCHES) due.resolve()
      }
    })
    void ended.then(() => due.reject(new Error('the writer ended before it was killed')))
    await due.promise
    await sleep(Math.random() * (moment === 'while it opens' ? 30 : 130))
    writer.kill('SIGKILL')
    await Promise.all([ended, read])
    expect(writer.signalCode).toBe('SIGKILL')
    return acknowledged
  }

  /** The number of the last batch; fails if the store holds anything but exactly what that batch leaves. */
  async function readLastBatch(): Promise<number> {
    const store = await openLevelStore(folder)
    try {
      const found = new Map<string, Uint8Array>()
      for await (const [key, value] of store.entries({ prefix: new Uint8Array(0) })) found.set(fromUtf8(key), value)
      const last = found.get('last')
      if (last === undefined) return 0
      const n = Number(fromUtf8(last).replace('value ', ''))
      const expected = new Map<string, Uint8Array>()
      for (let i = Math.max(1, n - KEPT + 1); i <= n; i++) {
        for (const operation of batch(i)) {
          if (operation.type === 'put') expected.set(fromUtf8(operation.key), operation.value)
        }
      }
      expect([...found.keys()].sort()).toEqual([...expected.keys()].sort())
      for (const [key, value] of expected) expect(Buffer.compare(found.get(key) as Uint8Array, value)).toBe(0)
      return n
    } finally {
      await store.close()
    }
  }

  test.each(['write', 'write-unsynced'])(
    'scenario 15: killed at any moment, it lost nothing that was acknowledged and tore nothing (%s)',
    async (mode) => {
      let last = 0
      for (let round = 0; round < ROUNDS / 2; round++) {
        const acknowledged = await writeAndKill(mode, last + 1, MOMENTS[round % MOMENTS.length] as Moment)
        const found = await readLastBatch()
        expect(found).toBeGreaterThanOrEqual(acknowledged)
        expect(found).toBeLessThanOrEqual(acknowledged + 1)
        last = found
      }
      expect(last).toBeGreaterThanOrEqual(MANY_BATCHES)
    },
  )

  /** Where the key file holds the witness of the batch that was acknowledged last. */
  const DONE = [2560, 2608] as const
  const DEATHS = ['before the batch', 'after the batch', 'when all is written'] as const
  const pairs = DEATHS.flatMap((one) => DEATHS.map((other) => [one, other] as const))

  test.each(pairs)('scenario 15: one dies %s, the next one %s, and the store is whole', async (...deaths) => {
    const store = join(folder, 'store')
    const keys = join(store, 'keys')
    const treeBefore = join(folder, 'tree')
    let expected = 0
    for (const [n, death] of ['when all is written', ...deaths].entries()) {
      const opened = await openLevelStore(store)
      await opened.close()
      await cp(join(store, 'tree'), treeBefore, { recursive: true })
      const done = (await readFile(keys)).subarray(...DONE)
      const writer = await openLevelStore(store)
      await writer.write([{ type: 'put', key: utf8('last'), value: utf8(`${n}`) }])
      await writer.close()
      // takes back what the process had not come to
      if (death !== 'when all is written') {
        const file = await readFile(keys)
        file.set(done, DONE[0])
        await writeFile(keys, file)
      }
      if (death === 'before the batch') {
        await rm(join(store, 'tree'), { recursive: true })
        await rename(treeBefore, join(store, 'tree'))
      } else {
        await rm(treeBefore, { recursive: true })
        expected = n
      }
    }
    const reader = await openLevelStore(store)
    expect(await reader.get(utf8('last'))).toEqual(utf8(`${expected}`))
    await reader.close()
  })

  test('a store that another process has open refuses, in one line, until that process is gone', async () => {
    const holder = startWriter(folder, 'hold')
    await once(holder.stdout as NonNullable<typeof holder.stdout>, 'data')
    const refused = await openLevelStore(folder).catch((error: unknown) => error)
    expect(refused).toMatchObject({ name: 'StoreError', code: 'store_locked' })
    expect((refused as Error).message).toBe(`The store in ${folder} is open in another process.`)
    holder.kill('SIGKILL')
    await once(holder, 'close')
    const store = await openLevelStore(folder)
    await expect(openLevelStore(folder)).rejects.toMatchObject({ code: 'store_locked' })
    await store.write([{ type: 'put', key: utf8('k'), value: utf8('v') }])
    await store.close()
  })
})
