/** Scenario 27: peers that break the rules of a session, one lie at a time, over streams in memory. */
import type { Verdict } from '@dmls/client/ports'
import { utf8 } from '@dmls/crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FrameStream } from '../src/backfill/frame-stream.ts'
import { decodeFrame, encodeFrame, type Frame, type ListedId, type Summary } from '../src/backfill/frames.ts'
import { IdSnapshot } from '../src/backfill/id-snapshot.ts'
import { PeerFault } from '../src/backfill/peer-fault.ts'
import { pull } from '../src/backfill/pull.ts'
import { serve } from '../src/backfill/serve.ts'
import { DEFAULT_LIMITS } from '../src/limits.ts'
import { channelPair } from './channel-pair.ts'
import { digest } from './cluster.ts'

const forever = new AbortController().signal
const held = await IdSnapshot.collect([digest(utf8('mine'))], 10)
const listed = (...texts: readonly string[]): ListedId[] =>
  texts.map((text, position) => ({ id: digest(utf8(text)), position })).sort((a, b) => Buffer.compare(a.id, b.id))
const summary = (count: number): Summary => ({ count, fingerprint: new Uint8Array(16).fill(count) })
const parts = (...counts: readonly number[]): Summary[] => Array.from({ length: 16 }, (_, i) => summary(counts[i] ?? 0))
const answers = (...all: Extract<Frame, { type: 'answers' }>['answers']): Frame => ({ type: 'answers', answers: all })

/** What a peer answers to each question, in turn. */
type Script = (question: Frame, turn: number) => readonly Frame[]

/** Pulls from a peer that follows a script; rejects with what the pull made of it. */
async function pullFrom(
  script: Script,
  verdict: Verdict = 'accept',
): Promise<{ delivered: number; questions: number }> {
  const { ends } = channelPair()
  const liar = new FrameStream(ends[1], 2000, forever)
  let questions = 0
  let delivered = 0
  const answering = (async () => {
    expect(await liar.next()).toMatchObject({ type: 'open', topic: 'group' })
    while (true) {
      const question = await liar.next()
      if (question.type === 'bye') return
      for (const frame of script(question, questions++)) await liar.send(frame)
    }
  })().catch(() => undefined)
  try {
    await pull(new FrameStream(ends[0], 300, forever), {
      topic: 'group',
      mine: held,
      limits: { ...DEFAULT_LIMITS, messageBytesMax: 100_000, requestsMax: 2000, missingMax: 5000 },
      claim: () => true,
      release: () => undefined,
      progress: () => undefined,
      deliver: async () => {
        delivered++
        return verdict
      },
    })
    return { delivered, questions }
  } finally {
    ends[0].abort(new Error('over'))
    await answering
  }
}

describe('scenario 27: a peer that lies about what it holds', () => {
  const lies: readonly (readonly [string, Script])[] = [
    ['answers fewer ranges than it was asked for', () => [answers()]],
    ['answers something else', () => [{ type: 'want', ids: [] }]],
    ['says bye instead', () => [{ type: 'bye' }]],
    ['lists identifiers out of order', () => [answers({ kind: 'list', ids: listed('a', 'b', 'c').reverse() })]],
    ['lists one twice', () => [answers({ kind: 'list', ids: [...listed('a'), ...listed('a')] })]],
    ['splits a handful', () => [answers({ kind: 'split', parts: parts(3, 4) })]],
    [
      'claims more messages than there can be',
      () => [answers({ kind: 'split', parts: parts(2 ** 32 - 1, 2 ** 32 - 1) })],
    ],
    [
      'announces another number than it lists',
      (question, turn) =>
        turn === 0
          ? [answers({ kind: 'split', parts: parts(40, 40) })]
          : [
              answers(
                ...(question.type === 'compare' ? question.ranges.map(() => ({ kind: 'list', ids: [] }) as const) : []),
              ),
            ],
    ],
    [
      'lists identifiers of another range',
      (_question, turn) =>
        turn === 0
          ? [answers({ kind: 'split', parts: parts(70) })]
          : turn === 1
            ? [answers({ kind: 'split', parts: parts(1, 69) })]
            : [answers({ kind: 'list', ids: [{ id: new Uint8Array(32).fill(0xff), position: 0 }] }, { kind: 'same' })],
    ],
    [
      'says that a range differs and then that it does not',
      (_question, turn) => (turn === 0 ? [answers({ kind: 'split', parts: parts(70) })] : [answers({ kind: 'same' })]),
    ],
    ['splits for ever', (question, turn) => splitForEver(question, turn)],
    [
      'sends what was not asked for',
      (question) =>
        question.type === 'compare'
          ? [answers({ kind: 'list', ids: listed('a', 'b') })]
          : [{ type: 'message', message: utf8('c') }],
    ],
    [
      'sends a message twice',
      (question) =>
        question.type === 'compare'
          ? [answers({ kind: 'list', ids: listed('a', 'b') })]
          : [
              { type: 'message', message: utf8('a') },
              { type: 'message', message: utf8('a') },
            ],
    ],
    [
      'sends a message that is too large',
      (question) =>
        question.type === 'compare'
          ? [answers({ kind: 'list', ids: listed('a') })]
          : [{ type: 'message', message: new Uint8Array(200_000) }],
    ],
    [
      'announces what it does not have',
      (question, turn) =>
        question.type === 'compare'
          ? turn === 0
            ? [answers({ kind: 'split', parts: parts(60, 60, 60) })]
            : [
                answers(
                  ...question.ranges.map(
                    ({ prefix }) => ({ kind: 'list', ids: invented(prefix[0] as number) }) as const,
                  ),
                ),
              ]
          : [{ type: 'done' }],
    ],
  ]

  test.each(lies)('%s: the session ends and it is blamed', async (_title, script) => {
    await expect(pullFrom(script)).rejects.toBeInstanceOf(PeerFault)
  })

  test('messages that nobody accepts end the session after a few', async () => {
    const texts = Array.from({ length: 20 }, (_, i) => `junk ${i}`)
    const script: Script = (question) => {
      if (question.type === 'compare') return [answers({ kind: 'list', ids: listed(...texts) })]
      return [...texts.map((text) => ({ type: 'message', message: utf8(text) }) as const), { type: 'done' }]
    }
    await expect(pullFrom(script, 'reject')).rejects.toBeInstanceOf(PeerFault)
    await expect(pullFrom(script, 'ignore')).resolves.toMatchObject({ delivered: 20 })
  })

  test('one that says nothing ends the session without blame', async () => {
    await expect(pullFrom(() => [])).rejects.toMatchObject({ name: 'PeerSilent' })
  })

  test('one that does not serve the topic is no liar', async () => {
    await expect(pullFrom(() => [{ type: 'refuse' }])).resolves.toMatchObject({ delivered: 0 })
  })
})

describe('scenario 27: a peer that asks too much', () => {
  const many = Array.from({ length: 300 }, (_, i) => digest(utf8(`m${i}`)))

  async function serveTo(questions: readonly Frame[]): Promise<void> {
    const { ends } = channelPair()
    const asker = new FrameStream(ends[0], 2000, forever)
    const draining = (async () => {
      while (true) await asker.next(100)
    })().catch(() => undefined)
    try {
      const asking = (async () => {
        for (const question of questions) await asker.send(question)
      })().catch(() => undefined)
      await serve(
        new FrameStream(ends[1], 300, forever),
        await IdSnapshot.collect(many, 1000),
        { load: async () => utf8('x') },
        { ...DEFAULT_LIMITS, requestsMax: 500 },
      )
      await asking
    } finally {
      ends[0].abort(new Error('over'))
      await draining
    }
  }

  const compare: Frame = {
    type: 'compare',
    ranges: Array.from({ length: 64 }, () => ({ prefix: [], mine: { count: 300, fingerprint: new Uint8Array(16) } })),
  }
  const want: Frame = { type: 'want', ids: many.slice(0, 32) }

  test.each([
    ['compares the whole set again and again', Array.from({ length: 400 }, () => compare)],
    ['wants the same again and again', Array.from({ length: 400 }, () => want)],
    ['answers instead of asking', [answers({ kind: 'same' })]],
    ['asks for ever', Array.from({ length: 2000 }, () => ({ type: 'compare', ranges: [] }) as const)],
  ] as const)('%s: the session ends', async (_title, questions) => {
    await expect(serveTo(questions)).rejects.toBeInstanceOf(PeerFault)
  })

  test('an honest number of questions is answered', async () => {
    const few: Frame = { type: 'compare', ranges: compare.type === 'compare' ? compare.ranges.slice(0, 3) : [] }
    await serveTo([few, want, want, { type: 'bye' }])
  })
})

describe('frames', () => {
  const id = fc.uint8Array({ minLength: 32, maxLength: 32 })
  const prefix = fc.array(fc.nat({ max: 15 }), { maxLength: 64 })
  const anySummary = fc.record({
    count: fc.nat({ max: 2 ** 32 - 1 }),
    fingerprint: fc.uint8Array({ minLength: 16, maxLength: 16 }),
  })
  const anyFrame: fc.Arbitrary<Frame> = fc.oneof(
    fc.record({ type: fc.constantFrom('open' as const, 'poke' as const), topic: fc.string({ maxLength: 100 }) }),
    fc.record({
      type: fc.constant('compare' as const),
      ranges: fc.array(fc.record({ prefix, mine: anySummary }), { maxLength: 8 }),
    }),
    fc.record({
      type: fc.constant('answers' as const),
      answers: fc.array(
        fc.oneof(
          fc.record({ kind: fc.constant('same' as const) }),
          fc.record({
            kind: fc.constant('list' as const),
            ids: fc.array(fc.record({ id, position: fc.nat({ max: 2 ** 32 - 1 }) }), { maxLength: 64 }),
          }),
          fc.record({
            kind: fc.constant('split' as const),
            parts: fc.array(anySummary, { minLength: 16, maxLength: 16 }),
          }),
        ),
        { maxLength: 4 },
      ),
    }),
    fc.record({ type: fc.constant('want' as const), ids: fc.array(id, { maxLength: 32 }) }),
    fc.record({ type: fc.constant('message' as const), message: fc.uint8Array({ maxLength: 200 }) }),
    fc.record({ type: fc.constantFrom('done' as const, 'refuse' as const, 'bye' as const) }),
  )

  test('come back as they were', () => {
    fc.assert(
      fc.property(anyFrame, (frame) => {
        expect(decodeFrame(encodeFrame(frame))).toEqual(frame)
      }),
    )
  })

  test('any other bytes are a fault of the peer', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        try {
          const frame = decodeFrame(bytes)
          expect(encodeFrame(frame)).toEqual(bytes)
        } catch (error) {
          expect(error).toBeInstanceOf(PeerFault)
        }
      }),
      { numRuns: 1000 },
    )
  })

  test('a frame that claims to be huge is refused before anything of it is read', async () => {
    const { ends } = channelPair()
    await ends[1].write(Uint8Array.of(0xff, 0xff, 0xff, 0xff), forever)
    await expect(new FrameStream(ends[0], 300, forever).next(2 ** 20)).rejects.toBeInstanceOf(PeerFault)
  })
})

/** Claims that every part holds almost everything, down to where identifiers cannot be that alike. */
function splitForEver(question: Frame, turn: number): readonly Frame[] {
  const ranges = question.type === 'compare' ? question.ranges : []
  return [
    answers(
      ...ranges.map(
        () => ({ kind: 'split', parts: turn === 0 ? parts(100) : [summary(100), ...parts().slice(1)] }) as const,
      ),
    ),
  ]
}

function invented(nibble: number): readonly ListedId[] {
  return Array.from({ length: 60 }, (_, i) => {
    const id = new Uint8Array(32).fill(i)
    id[0] = (nibble << 4) | 1
    id[1] = i
    return { id, position: i }
  })
}
