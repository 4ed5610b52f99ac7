import type { Verdict } from '@dmls/client/ports'
import { toHex, utf8 } from '@dmls/crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FrameStream } from '../src/backfill/frame-stream.ts'
import { IdSnapshot, startsWith } from '../src/backfill/id-snapshot.ts'
import { type PullResult, pull } from '../src/backfill/pull.ts'
import { serve } from '../src/backfill/serve.ts'
import { DEFAULT_LIMITS, type Limits } from '../src/limits.ts'
import { channelPair } from './channel-pair.ts'
import { digest } from './cluster.ts'

const BIG = 1_000_000
const forever = new AbortController().signal

interface Session {
  readonly result: PullResult
  readonly messages: readonly string[]
  readonly bytes: number
}

/** Lets a peer that holds `mine` fetch from one that holds `theirs`. */
async function reconcile(
  mine: readonly string[],
  theirs: readonly string[],
  limits: Limits = DEFAULT_LIMITS,
): Promise<Session> {
  const { ends, bytes } = channelPair()
  const byId = new Map(theirs.map((text) => [toHex(digest(utf8(text))), utf8(text)]))
  const server = new FrameStream(ends[1], 1000, forever)
  const serving = (async () => {
    await server.next()
    await serve(server, await snapshot(theirs), { load: async (id) => byId.get(toHex(id)) }, limits)
  })()
  const messages: string[] = []
  const result = await pull(new FrameStream(ends[0], 1000, forever), {
    topic: 'group',
    mine: await snapshot(mine),
    limits,
    claim: () => true,
    release: () => undefined,
    progress: () => undefined,
    deliver: async (message): Promise<Verdict> => {
      messages.push(new TextDecoder().decode(message))
      return 'accept'
    },
  })
  await serving
  return { result, messages, bytes: bytes() }
}

function snapshot(texts: readonly string[]): Promise<IdSnapshot> {
  return IdSnapshot.collect(
    texts.map((text) => digest(utf8(text))),
    BIG,
  )
}

const named = (who: string, count: number) => Array.from({ length: count }, (_, i) => `${who} ${i}`)

describe('two peers compare what they hold', () => {
  test('exactly what is missing comes, oldest first', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.nat({ max: 3000 }), { maxLength: 600 }),
        fc.uniqueArray(fc.nat({ max: 3000 }), { maxLength: 600 }),
        async (a, b) => {
          const mine = a.map((n) => `m${n}`)
          const theirs = b.map((n) => `m${n}`)
          const { result, messages } = await reconcile(mine, theirs)
          expect(messages).toEqual(theirs.filter((text) => !mine.includes(text)))
          expect(result).toEqual({ received: messages.length, accepted: messages.length, isComplete: true })
        },
      ),
      { numRuns: 60 },
    )
  })

  test('equal sets cost one round trip of less than a hundred bytes', async () => {
    const all = named('message', 20_000)
    const { bytes, messages } = await reconcile([...all].reverse(), all)
    expect(messages).toEqual([])
    expect(bytes).toBeLessThan(100)
  })

  test('fifty missing of twenty thousand are found with few bytes', async () => {
    const theirs = named('message', 20_000)
    const missing = new Set(theirs.filter((_, i) => i % 400 === 7))
    const { bytes, messages } = await reconcile(
      theirs.filter((text) => !missing.has(text)),
      theirs,
    )
    expect(messages).toEqual([...missing])
    // All identifiers would be 640 kB.
    expect(bytes).toBeLessThan(100_000)
  })

  test('more than one session may look for is left to the next one', async () => {
    const limits = { ...DEFAULT_LIMITS, missingMax: 100 }
    const theirs = named('message', 1000)
    const have: string[] = []
    for (let sessions = 0; have.length < 1000; sessions++) {
      expect(sessions).toBeLessThan(20)
      const { messages, result } = await reconcile(have, theirs, limits)
      expect(messages.length).toBeLessThanOrEqual(100)
      expect(result.isComplete).toBe(have.length + messages.length === 1000)
      have.push(...messages)
    }
  })
})

describe('a snapshot of identifiers', () => {
  test('sorts, drops what comes twice, and finds ranges, also where beginnings agree', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 2, max: 20 }), { maxLength: 200 }),
        async (tails) => {
          const ids = tails.map((tail) => {
            const id = new Uint8Array(32)
            id.set(tail, 32 - tail.length)
            id[0] = tail[0] as number
            return id
          })
          const all = await IdSnapshot.collect(ids, BIG)
          const texts = [...new Set(ids.map(toHex))].sort()
          expect(all.list([]).map(({ id }) => toHex(id))).toEqual(texts)
          for (const { id, position } of all.list([])) {
            expect(position).toBe(ids.findIndex((other) => toHex(other) === toHex(id)))
            expect(all.has(id)).toBe(true)
          }
          for (const prefix of [[0], [1], [0, 1], [0, 0, 0], [0, 0xf]]) {
            const inRange = texts.filter((text) => startsWith(new Uint8Array(Buffer.from(text, 'hex')), prefix))
            expect(all.list(prefix).map(({ id }) => toHex(id))).toEqual(inRange)
            expect(all.summarize(prefix).count).toBe(inRange.length)
          }
          expect(all.has(new Uint8Array(32).fill(0xee))).toBe(false)
        },
      ),
    )
  })

  test('another set has another fingerprint', async () => {
    const a = (await snapshot(['a', 'b', 'c'])).summarize([])
    const b = (await snapshot(['a', 'b', 'd'])).summarize([])
    expect(a.count).toBe(b.count)
    expect(toHex(a.fingerprint)).not.toBe(toHex(b.fingerprint))
    expect(toHex((await snapshot(['c', 'b', 'a'])).summarize([]).fingerprint)).toBe(toHex(a.fingerprint))
  })
})
