/** The epoch DAG and the fork choices against the oracle, over random histories. */
import {
  type Dag,
  type DmlsEpoch,
  decodeDag,
  encodeDag,
  type ForkChoicePolicy,
  forkChoice,
  rankHeads,
  type Witness,
} from '@dmls/dmls'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { dagOf, forkPoint, historyArbitrary, orderArbitrary, sha256 } from './arbitraries.ts'
import { chooseHead } from './fork-choice.ts'
import {
  before,
  equivocates,
  type History,
  isAtOrBelow,
  line,
  past,
  resolvedBy,
  roster,
  standsAt,
  unresolvedHeads,
} from './history.ts'

const anyHistory = historyArbitrary({ movesMax: 26 })

function pairs(history: History): [DmlsEpoch, DmlsEpoch][] {
  const ids = history.epochs.map(({ id }) => id)
  return ids.flatMap((a) => ids.map((b): [DmlsEpoch, DmlsEpoch] => [a, b]))
}

const policies: readonly ForkChoicePolicy[] = [
  { kind: 'support' },
  { kind: 'draft' },
  { kind: 'depth-witness', boost: 2, quorum: { numerator: 1, denominator: 2 }, rewindMax: 3 },
]

describe('the epoch DAG answers as the text of the protocol does', () => {
  test('about ancestors, causal pasts and fork points', () => {
    fc.assert(
      fc.property(anyHistory, orderArbitrary, (history, order) => {
        const dag = dagOf(history, order)
        for (const [a, b] of pairs(history)) {
          expect(dag.isAncestor(a, b)).toBe(a !== b && isAtOrBelow(history, b, a))
          expect(dag.precedes(a, b)).toBe(before(history, a, b))
          expect(dag.forkPoint(a, b)).toBe(forkPoint(history, a, b))
        }
        for (const { id } of history.epochs) {
          expect(dag.depth(id)).toBe(line(history, id).length - 1)
          expect([...dag.ancestors(id), id].sort()).toEqual(line(history, id).sort())
          expect(dag.causalPast([id])).toEqual(past(history, [id]))
          expect(dag.resolvedHeads(id).map(({ head }) => head)).toEqual(resolvedBy(history, id))
        }
      }),
      { numRuns: 300 },
    )
  })

  test('about rosters, leaves, heads and equivocators', () => {
    fc.assert(
      fc.property(anyHistory, orderArbitrary, (history, order) => {
        const dag = dagOf(history, order)
        for (const { id } of history.epochs) {
          const members = roster(history, id)
          expect(new Map(dag.roster(id).entries())).toEqual(members)
          for (const member of members.values()) expect(dag.memberAt(id, member.leafIndex)).toEqual(member)
        }
        expect(dag.unresolvedHeads()).toEqual(unresolvedHeads(history))
        expect(dag.unresolvedHeads().length).toBeGreaterThan(0)
        const parents = new Set(history.epochs.map(({ parent }) => parent))
        expect(dag.heads()).toEqual(
          history.epochs
            .map(({ id }) => id)
            .filter((id) => !parents.has(id))
            .sort(),
        )
        for (const sender of new Set(history.epochs.flatMap(({ id }) => [...roster(history, id).keys()]))) {
          expect(dag.equivocation(sender) !== undefined).toBe(equivocates(history, sender))
          if (!equivocates(history, sender)) expect(dag.latest(sender)?.epoch).toBe(standsAt(history, sender))
        }
      }),
      { numRuns: 500 },
    )
  })

  test('in one topological order, whatever the order of arrival', () => {
    fc.assert(
      fc.property(anyHistory, orderArbitrary, (history, order) => {
        const dag = dagOf(history, order)
        const ids = dag.epochs().map(({ id }) => id)
        expect(ids).toEqual(
          dagOf(history)
            .epochs()
            .map(({ id }) => id),
        )
        expect([...ids].sort()).toEqual(history.epochs.map(({ id }) => id).sort())
        for (const [index, id] of ids.entries()) {
          for (const earlier of past(history, [id])) expect(ids.indexOf(earlier)).toBeLessThanOrEqual(index)
        }
      }),
    )
  })

  test('and is the same after it was stored and loaded', () => {
    fc.assert(
      fc.property(anyHistory, orderArbitrary, (history, order) => {
        const dag = dagOf(history, order)
        const loaded = decodeDag(encodeDag(dag))
        expect(loaded.epochs()).toEqual(dag.epochs())
        expect(loaded.unresolvedHeads()).toEqual(dag.unresolvedHeads())
        // of an equivocator some proof is kept, of everybody else the latest message
        const honest = (d: Dag): Witness[] =>
          [...d.witnesses()].filter(({ sender }) => d.equivocation(sender) === undefined)
        expect(honest(loaded)).toEqual(honest(dag))
        expect(encodeDag(loaded).length).toBe(encodeDag(dag).length)
        if (honest(dag).length === [...dag.witnesses()].length) expect(encodeDag(loaded)).toEqual(encodeDag(dag))
      }),
    )
  })
})

describe('every fork choice is a function of the DAG', () => {
  for (const policy of policies) {
    test(`${policy.kind} follows the head of the specification in every order of arrival (scenarios 19, 21)`, () => {
      fc.assert(
        fc.property(anyHistory, orderArbitrary, (history, order) => {
          const dag = dagOf(history, order)
          const expected = chooseHead(history, policy, sha256)
          expect(forkChoice(policy).chooseHead(dag, sha256)).toBe(expected)
          expect(unresolvedHeads(history)).toContain(expected)
        }),
        { numRuns: 1500 },
      )
    })
  }

  test('also among more heads than anybody should see', () => {
    const wide = historyArbitrary({ movesMin: 90, movesMax: 110, kinds: 'wide' })
    let most = 0
    fc.assert(
      fc.property(wide, fc.constantFrom(...policies), (history, policy) => {
        most = Math.max(most, unresolvedHeads(history).length)
        expect(forkChoice(policy).chooseHead(dagOf(history), sha256)).toBe(chooseHead(history, policy, sha256))
      }),
      { numRuns: 12 },
    )
    expect(most).toBeGreaterThan(32)
  })

  test('designated follows the head of the specification in every order of arrival', () => {
    fc.assert(
      fc.property(anyHistory, orderArbitrary, fc.array(fc.nat(20), { maxLength: 3 }), (history, order, chosen) => {
        const everybody = [...new Set(history.epochs.flatMap(({ id }) => [...roster(history, id).keys()]))].sort()
        const instances = chosen.map((index) => everybody[index % everybody.length] as (typeof everybody)[number])
        const policy: ForkChoicePolicy = { kind: 'designated', instances }
        expect(forkChoice(policy).chooseHead(dagOf(history, order), sha256)).toBe(chooseHead(history, policy, sha256))
      }),
      { numRuns: 1500 },
    )
  })

  test('a resolved branch never becomes the head again, however much support it has (scenario 34)', () => {
    fc.assert(
      fc.property(anyHistory, fc.constantFrom(...policies), (history, policy) => {
        const dag = dagOf(history)
        const head = forkChoice(policy).chooseHead(dag, sha256)
        expect(history.epochs.filter(({ id }) => before(history, head, id))).toEqual([])
      }),
      { numRuns: 500 },
    )
  })

  test('heads are ranked as they would follow one another', () => {
    fc.assert(
      fc.property(anyHistory, fc.constantFrom(...policies), (history, policy) => {
        const ranked = [...rankHeads(dagOf(history), forkChoice(policy), sha256)]
        expect([...ranked].sort()).toEqual(unresolvedHeads(history))
        for (const [index, head] of ranked.entries()) {
          expect(chooseHead(history, policy, sha256, ranked.slice(index))).toBe(head)
        }
      }),
    )
  })
})
