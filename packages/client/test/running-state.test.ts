/** Compute, write, swap, wipe, in this order (protocol §9). */
import { utf8 } from '@dmls/crypto'
import { makeCommit, type Step, sendMessage } from '@dmls/dmls'
import { describe, expect, test } from 'vitest'
import { StoreError } from '../src/ports.ts'
import { WatchedStore } from './by-hand.ts'
import { createSolo, type Solo } from './solo.ts'

const HELLO = { kind: 'application', data: utf8('hello') } as const

const steps: readonly (readonly [string, (solo: Solo) => Promise<Step>])[] = [
  ['a message', ({ running }) => sendMessage(running.current, HELLO, running.services())],
  ['a commit', ({ running }) => makeCommit(running.current, {}, running.services())],
]

function wiped(buffers: readonly Uint8Array[]): boolean {
  return buffers.every((buffer) => buffer.every((byte) => byte === 0))
}

describe.each(steps)('the step of %s', (_, make) => {
  test('is written before it counts, and what only the old state held is overwritten after that', async () => {
    const store = new WatchedStore()
    const solo = await createSolo(store)
    const before = solo.running.current
    const step = await make(solo)
    expect(step.superseded.length).toBeGreaterThan(0)
    const seen: boolean[] = []
    store.onWrite = () => {
      seen.push(
        solo.running.current === before,
        step.superseded.every((buffer) => !wiped([buffer])),
      )
    }
    await solo.running.apply(step)
    expect(seen).toEqual([true, true])
    expect(solo.running.current).toBe(step.state)
    expect(wiped(step.superseded)).toBe(true)
  })

  test('is one batch, and the store has the group as it is then', async () => {
    const store = new WatchedStore()
    const solo = await createSolo(store)
    const batches = store.batches.length
    await solo.running.apply(await make(solo))
    expect(store.batches.length - batches).toBe(1)
    const { state } = await solo.load()
    expect([state.head, state.counter]).toEqual([solo.running.current.head, solo.running.current.counter])
  })

  test('that the store refuses changes nothing, and can be made again', async () => {
    const store = new WatchedStore()
    const solo = await createSolo(store)
    const before = solo.running.current
    store.onWrite = () => {
      throw new StoreError('store_failed', 'the disk is full')
    }
    const step = await make(solo)
    await expect(async () => solo.running.apply(step)).rejects.toThrow('the disk is full')
    expect(solo.running.current).toBe(before)
    expect(step.superseded.some((buffer) => wiped([buffer]))).toBe(false)
    store.onWrite = () => undefined
    await solo.running.apply(await make(solo))
    expect(solo.running.current.counter).toBe(before.counter + 1n)
  })
})
