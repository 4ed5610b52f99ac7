import { describeStore } from '@dmls/client/contract/store'
import { MemoryStore } from '@dmls/client/memory-store'
import type { StoreOperation } from '@dmls/client/ports'
import { describe, expect, test } from 'vitest'
import { drain } from '../src/drain.ts'
import { SimStore, type WriteFault } from '../src/sim-store.ts'

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values)
const put = (key: number): StoreOperation => ({ type: 'put', key: bytes(key), value: bytes(key) })
const noHooks = { kill: () => undefined, wrote: () => undefined }

describeStore('simulated', { open: async () => new SimStore(new MemoryStore(), noHooks) })

/** A process that writes 1, 2 and 3 one after the other and dies or fails as told. */
async function writer(fault: WriteFault) {
  const disk = new MemoryStore()
  const log: string[] = []
  const store: SimStore = new SimStore(disk, {
    kill: () => {
      log.push('killed')
      store.die()
    },
    wrote: (operations) => log.push(`wrote ${operations[0]?.key[0]}`),
  })
  store.arm(fault)
  const process = (async () => {
    for (const key of [1, 2, 3]) {
      await store.write([put(key)]).catch((error: unknown) => log.push(String((error as { code: string }).code)))
    }
    log.push('done')
  })()
  await drain()
  const kept = []
  for await (const [key] of disk.entries({ prefix: bytes() })) kept.push(key[0])
  return { log, kept, process, store }
}

describe('a simulated store', () => {
  test('lets the process die before a write, which is lost', async () => {
    const { log, kept, store } = await writer({ write: 2, what: 'before' })
    expect(log).toEqual(['wrote 1', 'killed'])
    expect(kept).toEqual([1])
    expect(store.writes).toBe(1)
  })

  test('lets the process die after a write, which is kept', async () => {
    const { log, kept } = await writer({ write: 2, what: 'after' })
    expect(log).toEqual(['wrote 1', 'wrote 2', 'killed'])
    expect(kept).toEqual([1, 2])
  })

  test('refuses one write and goes on', async () => {
    const { log, kept } = await writer({ write: 2, what: 'refuse' })
    expect(log).toEqual(['wrote 1', 'store_failed', 'wrote 3', 'done'])
    expect(kept).toEqual([1, 3])
  })

  test('answers a dead process nothing', async () => {
    const store = new SimStore(new MemoryStore(), noHooks)
    store.die()
    const answers: string[] = []
    store.get(bytes(1)).then(
      () => answers.push('get'),
      () => answers.push('get failed'),
    )
    store
      .entries({ prefix: bytes() })
      .next()
      .then(
        () => answers.push('entries'),
        () => answers.push('entries failed'),
      )
    store.write([put(1)]).then(
      () => answers.push('write'),
      () => answers.push('write failed'),
    )
    store.forget().then(
      () => answers.push('forget'),
      () => answers.push('forget failed'),
    )
    await drain()
    expect(answers).toEqual([])
  })
})
