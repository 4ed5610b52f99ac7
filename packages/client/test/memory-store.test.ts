import { expect, test } from 'vitest'
import { MemoryStore } from '../src/memory-store.ts'
import { describeStore } from './contract/store-contract.ts'

describeStore('in memory', { open: async () => new MemoryStore() })

test('a copy of a store in memory goes its own way', async () => {
  const store = new MemoryStore()
  await store.write([{ type: 'put', key: Uint8Array.of(1), value: Uint8Array.of(1, 2) }])
  const copy = store.copy()
  await store.write([{ type: 'delete', key: Uint8Array.of(1) }])
  expect(await copy.get(Uint8Array.of(1))).toEqual(Uint8Array.of(1, 2))
  expect(copy.sizeBytes).toBe(3)
  expect(store.sizeBytes).toBe(0)
})
