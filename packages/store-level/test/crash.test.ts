import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fromUtf8, utf8 } from '@dmls/crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openLevelStore } from '../src/index.ts'
import { batch, KEPT } from './batches.ts'
import { makeFolder, removeFolder, startWriter } from './folders.ts'

const ROUNDS = process.env.DMLS_LONG === undefined ? 8 : 80

describe('a process that dies', () => {
  let folder: string
  beforeEach(async () => {
    folder = await makeFolder()
  })
  afterEach(() => removeFolder(folder))

  /** Runs the writer for a while, kills it, and returns the number of the last batch that it saw acknowledged. */
  async function writeAndKill(mode: string, first: number): Promise<number> {
    const writer = startWriter(folder, mode, String(first))
    let acknowledged = first - 1
    const lines = createInterface({ input: writer.stdout as NonNullable<typeof writer.stdout> })
    const opened = once(lines, 'line')
    lines.on('line', (line) => {
      if (line !== 'open') acknowledged = Number(line)
    })
    await opened
    await sleep(10 + Math.random() * 120)
    writer.kill('SIGKILL')
    await Promise.all([once(writer, 'close'), once(lines, 'close')])
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
        const acknowledged = await writeAndKill(mode, last + 1)
        const found = await readLastBatch()
        expect(found).toBeGreaterThanOrEqual(acknowledged)
        expect(found).toBeLessThanOrEqual(acknowledged + 1)
        last = found
      }
      expect(last).toBeGreaterThan(ROUNDS)
    },
  )

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
