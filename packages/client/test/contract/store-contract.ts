/**
 * What every Store must do, as one suite that each adapter runs. It tests the port only; what an adapter adds (files,
 * locks, forgetting) has tests of its own.
 */
import { fc } from '@fast-check/vitest'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Store, StoreOperation } from '../../src/ports.ts'

/** One adapter under test. */
export interface StoreSubject {
  /** A new, empty store. */
  open(): Promise<Store>
  /** Opens again what a store held that has been closed; left out where nothing survives. */
  reopen?(store: Store): Promise<Store>
  /** Removes what {@link open} made. */
  cleanUp?(): Promise<void>
}

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values)
const put = (key: Uint8Array, value: Uint8Array): StoreOperation => ({ type: 'put', key, value })
const remove = (key: Uint8Array): StoreOperation => ({ type: 'delete', key })

async function list(store: Store, prefix: Uint8Array = bytes()): Promise<[string, string][]> {
  const found: [string, string][] = []
  for await (const [key, value] of store.entries({ prefix })) found.push([hex(key), hex(value)])
  return found
}

function hex(value: Uint8Array): string {
  return Buffer.from(value).toString('hex')
}

export function describeStore(name: string, subject: StoreSubject): void {
  describe(`the store contract, ${name}`, () => {
    let store: Store

    beforeEach(async () => {
      store = await subject.open()
    })
    afterEach(async () => {
      await store.close()
      await subject.cleanUp?.()
    })

    test('a key that was never written has no value', async () => {
      expect(await store.get(bytes(1))).toBeUndefined()
      expect(await list(store)).toEqual([])
    })

    test('a value comes back as it was written, also when it is empty or five megabytes', async () => {
      const large = new Uint8Array(5_000_000).fill(7)
      await store.write([put(bytes(1), bytes()), put(bytes(), bytes(9)), put(new Uint8Array(300).fill(0xff), large)])
      expect(await store.get(bytes(1))).toEqual(bytes())
      expect(await store.get(bytes())).toEqual(bytes(9))
      expect(hex((await store.get(new Uint8Array(300).fill(0xff))) as Uint8Array)).toBe(hex(large))
    })

    test('later operations of a batch win over earlier ones', async () => {
      await store.write([put(bytes(1), bytes(1)), remove(bytes(1)), put(bytes(2), bytes(2)), put(bytes(2), bytes(3))])
      await store.write([remove(bytes(9)), put(bytes(9), bytes(9))])
      expect(await list(store)).toEqual([
        ['02', '03'],
        ['09', '09'],
      ])
    })

    test('an empty batch changes nothing', async () => {
      await store.write([])
      expect(await list(store)).toEqual([])
    })

    test('nothing that went in or came out is shared with the caller', async () => {
      const key = bytes(1)
      const value = bytes(5)
      // Slices of Node's Buffers are no copies: they are given as well.
      const buffer = Buffer.of(8)
      const written = store.write([put(key, value), put(Buffer.of(3), buffer)])
      key[0] = 2
      value[0] = 6
      buffer[0] = 9
      await written
      expect(await store.get(Buffer.of(3))).toEqual(bytes(8))
      await store.write([remove(bytes(3))])
      const first = (await store.get(bytes(1))) as Uint8Array
      expect(first).toEqual(bytes(5))
      first[0] = 7
      for await (const [listedKey, listedValue] of store.entries({ prefix: bytes() })) {
        listedKey[0] = 9
        listedValue[0] = 9
      }
      expect(await store.get(bytes(1))).toEqual(bytes(5))
      expect(await list(store)).toEqual([['01', '05']])
    })

    test('a range holds the keys with its prefix, in the order of their bytes', async () => {
      const keys = [[], [0], [0, 0xff], [1], [1, 0], [1, 0, 0], [1, 0xff], [1, 0xff, 0xff], [2], [0xff], [0xff, 0xff]]
      await store.write([...keys].reverse().map((key) => put(bytes(...key), bytes(0))))
      const all = keys.map((key) => hex(bytes(...key)))
      const starting = (prefix: string) => all.filter((key) => key.startsWith(prefix))
      const listed = async (...prefix: number[]) => {
        const keys: string[] = []
        for await (const key of store.keys({ prefix: bytes(...prefix) })) keys.push(hex(key))
        expect((await list(store, bytes(...prefix))).map(([key]) => key)).toEqual(keys)
        return keys
      }
      expect(await listed()).toEqual(all)
      expect(await listed(1)).toEqual(starting('01'))
      expect(await listed(1, 0xff)).toEqual(starting('01ff'))
      expect(await listed(0xff)).toEqual(starting('ff'))
      expect(await listed(0xff, 0xff)).toEqual(starting('ffff'))
      expect(await listed(3)).toEqual([])
    })

    test('a range can be left early, and written to while it is read', async () => {
      await store.write(Array.from({ length: 200 }, (_, i) => put(bytes(1, i), bytes(i))))
      let seen = 0
      for await (const [key, value] of store.entries({ prefix: bytes(1) })) {
        expect(value).toEqual(bytes(key[1] as number))
        if (seen++ === 0) {
          await store.write([
            ...Array.from({ length: 100 }, (_, i) => remove(bytes(1, 100 + i))),
            put(bytes(2), bytes()),
          ])
          await store.forget()
        }
        if (seen === 90) break
      }
      expect((await list(store, bytes(1))).length).toBe(100)
    })

    test('keys are listed as they were when the first was asked for', async () => {
      const all = Array.from({ length: 2500 }, (_, i) => bytes(1, i >> 8, i))
      await store.write(all.map((key) => put(key, bytes(0))))
      const seen: string[] = []
      for await (const key of store.keys({ prefix: bytes(1) })) {
        if (seen.length === 0) await store.write([put(bytes(1, 0xff), bytes()), remove(bytes(1, 8, 0))])
        seen.push(hex(key))
        key[0] = 9
      }
      expect(seen).toEqual(all.map(hex))
      for await (const key of store.keys({ prefix: bytes(1) })) {
        expect(hex(key)).toBe('010000')
        break
      }
    })

    test('batches asked for at once take effect in order, and all of them', async () => {
      await Promise.all(
        Array.from({ length: 50 }, (_, i) => store.write([put(bytes(0), bytes(i)), put(bytes(1, i), bytes(i))])),
      )
      expect(await store.get(bytes(0))).toEqual(bytes(49))
      expect((await list(store, bytes(1))).length).toBe(50)
    })

    test('forgetting keeps what is still there', async () => {
      await store.write([put(bytes(1), bytes(1)), put(bytes(2), bytes(2)), put(bytes(3), bytes(3))])
      await store.write([remove(bytes(1)), put(bytes(2), bytes(22))])
      await store.forget()
      await store.forget()
      await store.write([put(bytes(4), bytes(4))])
      expect(await list(store)).toEqual([
        ['02', '16'],
        ['03', '03'],
        ['04', '04'],
      ])
    })

    test('a closed store refuses everything, and closing it again is nothing', async () => {
      await store.close()
      await store.close()
      const closed = { name: 'StoreError', code: 'store_closed' }
      await expect(store.get(bytes(1))).rejects.toMatchObject(closed)
      await expect(store.write([put(bytes(1), bytes(1))])).rejects.toMatchObject(closed)
      await expect(store.forget()).rejects.toMatchObject(closed)
      await expect(list(store)).rejects.toMatchObject(closed)
      await expect(store.keys({ prefix: bytes() })[Symbol.asyncIterator]().next()).rejects.toMatchObject(closed)
    })

    test('it behaves as a sorted map does, whatever is done in whatever order', async () => {
      const key = fc.uint8Array({ maxLength: 2, max: 3 })
      const operation = fc.oneof(
        fc.record({ type: fc.constant('put' as const), key, value: fc.uint8Array({ maxLength: 40 }) }),
        fc.record({ type: fc.constant('delete' as const), key }),
      )
      const step = fc.oneof(
        { weight: 6, arbitrary: fc.array(operation, { maxLength: 6 }) },
        { weight: 1, arbitrary: fc.constant('forget' as const) },
        { weight: 1, arbitrary: fc.constant('reopen' as const) },
      )
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
          await store.write((await list(store)).map(([text]) => remove(Uint8Array.from(Buffer.from(text, 'hex')))))
          const model = new Map<string, string>()
          for (const each of steps) {
            if (each === 'forget') await store.forget()
            else if (each === 'reopen') {
              if (subject.reopen === undefined) continue
              await store.close()
              store = await subject.reopen(store)
            } else {
              await store.write(each)
              for (const done of each) {
                if (done.type === 'put') model.set(hex(done.key), hex(done.value))
                else model.delete(hex(done.key))
              }
            }
            expect(await list(store)).toEqual([...model].sort(([a], [b]) => (a < b ? -1 : 1)))
          }
        }),
        { numRuns: 60 },
      )
    })
  })
}
