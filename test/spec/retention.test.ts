/** Retention rules against the oracle, and what the caps promise, over random histories. */
import {
  DEFAULT_RETENTION,
  type DmlsEpoch,
  type HeldEpochView,
  type InstanceId,
  type RetentionPolicy,
  type RetentionRule,
  retentionStages,
} from '@dmls/dmls'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { dagOf, historyArbitrary, orderArbitrary } from './arbitraries.ts'
import { roster, unresolvedHeads } from './history.ts'
import { isOver } from './retention.ts'

const NOBODY = 'ee' as InstanceId
const anyHistory = historyArbitrary({ movesMax: 20 })

const { rule } = fc.letrec<{ rule: RetentionRule }>((tie) => ({
  rule: fc.oneof(
    { maxDepth: 2 },
    fc.constant<RetentionRule>({ kind: 'all-members' }),
    fc.record({
      kind: fc.constant('quorum' as const),
      numerator: fc.nat(4),
      denominator: fc.integer({ min: 1, max: 4 }),
    }),
    fc.record({ kind: fc.constant('depth' as const), epochs: fc.nat(5) }),
    fc.record({ kind: fc.constant('age' as const), ageMs: fc.nat(100) }),
    fc.record({
      kind: fc.constantFrom('any' as const, 'all' as const),
      rules: fc.array(tie('rule'), { maxLength: 3 }),
    }),
  ),
}))

interface HeldSeed {
  readonly age: number | undefined
  readonly readable: boolean
  readonly sizeBytes: number
}
const heldSeeds: fc.Arbitrary<readonly HeldSeed[]> = fc.array(
  fc.record({
    age: fc.option(fc.nat(120), { nil: undefined, freq: 3 }),
    readable: fc.integer({ min: 0, max: 4 }).map((n) => n === 0),
    sizeBytes: fc.nat(1000),
  }),
  { minLength: 1, maxLength: 10 },
)

function heldView(id: DmlsEpoch, { age, readable, sizeBytes }: HeldSeed): HeldEpochView {
  return { id, stage: readable ? 'readable' : 'open', supersededForMs: age, sizeBytes }
}

const NO_CAPS = { epochsMax: Number.MAX_SAFE_INTEGER, sizeMaxBytes: Number.MAX_SAFE_INTEGER }

describe('an epoch stays as long as the rules say', () => {
  test('in the stage that the specification names, in every order of arrival (scenario 24)', () => {
    fc.assert(
      fc.property(
        anyHistory,
        orderArbitrary,
        rule,
        rule,
        heldSeeds,
        fc.nat(20),
        (history, order, retained, readable, seeds, pick) => {
          const heads = unresolvedHeads(history)
          const head = heads[pick % heads.length] as DmlsEpoch
          const own = [...roster(history, head).keys()][pick % 7] ?? NOBODY
          const held = history.epochs.map(({ id }, i) => heldView(id, seeds[i % seeds.length] as HeldSeed))
          const stages = retentionStages(
            dagOf(history, order),
            { retained, readable, ...NO_CAPS },
            { head, own, held, heads },
          )
          for (const { id, stage, supersededForMs } of held) {
            const view = { head, own, supersededForMs }
            const needed = heads.includes(id) || !isOver(history, retained, id, view)
            const isRead = needed || !isOver(history, readable, id, view)
            const expected =
              id === head ? 'head' : needed && stage === 'open' ? 'retained' : isRead ? 'readable' : 'skeleton'
            expect(stages.get(id)).toBe(expected)
          }
        },
      ),
      { numRuns: 1000 },
    )
  })
})

describe('the caps hold', () => {
  test('whatever the rules say, the head stays and nothing comes back (scenario 1)', () => {
    fc.assert(
      fc.property(
        anyHistory,
        heldSeeds,
        fc.integer({ min: 1, max: 8 }),
        fc.integer({ min: 0, max: 4000 }),
        (history, seeds, epochsMax, sizeMaxBytes) => {
          const heads = unresolvedHeads(history)
          const [head] = heads as [DmlsEpoch]
          const held = history.epochs.map(({ id }, i) => heldView(id, seeds[i % seeds.length] as HeldSeed))
          const policy: RetentionPolicy = { ...DEFAULT_RETENTION, epochsMax, sizeMaxBytes }
          const view = { head, own: NOBODY, held, heads }
          const dag = dagOf(history)
          const capped = retentionStages(dag, policy, view)
          const free = retentionStages(dag, { ...policy, ...NO_CAPS }, view)
          const kept = held.filter(({ id }) => capped.get(id) !== 'skeleton')
          expect(capped.get(head)).toBe('head')
          expect(kept.length).toBeLessThanOrEqual(epochsMax)
          const beside = kept.filter(({ id }) => id !== head).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
          if (kept.length > 1) {
            const headSize = held.find(({ id }) => id === head)?.sizeBytes ?? 0
            expect(beside + headSize).toBeLessThanOrEqual(sizeMaxBytes)
          }
          for (const { id } of held) if (capped.get(id) !== 'skeleton') expect(capped.get(id)).toBe(free.get(id))
        },
      ),
      { numRuns: 500 },
    )
  })
})
