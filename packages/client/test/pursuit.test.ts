/** What a group does about epochs that it misses, step by step, on a clock that the test moves. */
import { expect, test } from 'vitest'
import { DEFAULT_TIMING } from '../src/context.ts'
import { Pursuit } from '../src/group/pursuit.ts'
import { MemoryStore } from '../src/memory-store.ts'
import type { Clock, Timer } from '../src/ports.ts'
import { createSolo } from './solo.ts'

const { cannotFollowAfterMs } = DEFAULT_TIMING

interface Situation {
  /** Epochs that messages wait for. */
  awaited: string[]
  /** Epochs that were forgotten, and where others may go on. */
  lost: string[]
}

/** Time passes when it is told to. */
class HandClock implements Clock {
  #nowMs = 0
  readonly #due = new Set<{ readonly atMs: number; readonly task: () => void }>()

  nowMs(): number {
    return this.#nowMs
  }

  schedule(delayMs: number, task: () => void): Timer {
    const timer = { atMs: this.#nowMs + delayMs, task }
    this.#due.add(timer)
    return { cancel: () => void this.#due.delete(timer) }
  }

  async pass(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms
    for (let next = this.#next(endMs); next !== undefined; next = this.#next(endMs)) {
      this.#due.delete(next)
      this.#nowMs = next.atMs
      next.task()
      await new Promise((resolve) => setImmediate(resolve))
    }
    this.#nowMs = endMs
  }

  #next(endMs: number): { readonly atMs: number; readonly task: () => void } | undefined {
    return [...this.#due].filter(({ atMs }) => atMs <= endMs).sort((a, b) => a.atMs - b.atMs)[0]
  }
}

async function pursuitIn(situation: Situation) {
  const { context } = await createSolo(new MemoryStore())
  const clock = new HandClock()
  const did: string[] = []
  const pursuit = new Pursuit(
    { ...context, clock },
    {
      awaited: () => situation.awaited,
      isLost: (epoch) => situation.lost.includes(epoch),
      askPeers: async () => undefined,
      report: (event) => did.push(event.type === 'cannotFollow' ? `told of ${event.epochs.join(' ')}` : event.type),
      cannotFollow: () => did.push('asked'),
      stillCannotFollow: () => did.push('asked as invited'),
      caughtUp: () => did.push('caught up'),
    },
  )
  return { pursuit, did, clock }
}

test('what does not come is told after a while, and asked about twice, in two ways', async () => {
  const { pursuit, did, clock } = await pursuitIn({ awaited: ['a', 'b'], lost: [] })
  pursuit.misses('a')
  pursuit.misses('b')
  await clock.pass(cannotFollowAfterMs - 1)
  expect(did).toEqual([])
  await clock.pass(1)
  expect(did).toEqual(['told of a b', 'asked'])
  await clock.pass(cannotFollowAfterMs)
  expect(did).toEqual(['told of a b', 'asked', 'asked as invited'])
  // and not again, whoever names them
  pursuit.misses('a')
  await clock.pass(10 * cannotFollowAfterMs)
  expect(did).toHaveLength(3)
})

test('what comes in time is no matter', async () => {
  const situation: Situation = { awaited: ['a'], lost: [] }
  const { pursuit, did, clock } = await pursuitIn(situation)
  pursuit.misses('a')
  situation.awaited = []
  await clock.pass(10 * cannotFollowAfterMs)
  expect(did).toEqual(['caught up'])
})

test('an epoch that was forgotten and goes on elsewhere is missed, although nothing waits for it', async () => {
  const situation: Situation = { awaited: [], lost: ['a'] }
  const { pursuit, did, clock } = await pursuitIn(situation)
  pursuit.misses('a')
  await clock.pass(cannotFollowAfterMs)
  expect(did).toEqual(['told of a', 'asked'])
})

test('whoever is somewhere else meanwhile asks no second time', async () => {
  const { pursuit, did, clock } = await pursuitIn({ awaited: ['a'], lost: [] })
  pursuit.misses('a')
  await clock.pass(cannotFollowAfterMs)
  pursuit.forget()
  await clock.pass(10 * cannotFollowAfterMs)
  expect(did).toEqual(['told of a', 'asked'])
})

test('and misses what somebody goes on naming there', async () => {
  const { pursuit, did, clock } = await pursuitIn({ awaited: ['a'], lost: [] })
  pursuit.misses('a')
  pursuit.forget()
  await clock.pass(10 * cannotFollowAfterMs)
  expect(did).toEqual([])
  pursuit.misses('a')
  await clock.pass(cannotFollowAfterMs)
  expect(did).toEqual(['told of a', 'asked'])
})
