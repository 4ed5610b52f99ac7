/** What a single member can do to the fork choices, over random histories. */
import {
  type DmlsEpoch,
  dmlsEpoch,
  type EpochFacts,
  type ForkChoicePolicy,
  forkChoice,
  type InstanceId,
} from '@dmls/dmls'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { dagOf, historyArbitrary, sha256 } from './arbitraries.ts'
import { find, type History, isAtOrBelow, line, roster } from './history.ts'

const history = historyArbitrary({ movesMax: 26, kinds: 'honest' })

/** `designated` names the first founders. */
const policies: readonly ForkChoicePolicy[] = [
  { kind: 'support' },
  { kind: 'depth-witness', boost: 2, quorum: { numerator: 1, denominator: 2 }, rewindMax: 3 },
  { kind: 'designated', instances: ['a0000000', 'a0100000'] as InstanceId[] },
]

function headOf(of: History, policy: ForkChoicePolicy): DmlsEpoch {
  return forkChoice(policy).chooseHead(dagOf(of), sha256)
}

/** Somebody in the roster of some epoch, and a counter that it has not used. */
function memberSomewhere(of: History, place: number, who: number) {
  const epoch = of.epochs[place % of.epochs.length] as EpochFacts
  const members = [...roster(of, epoch.id).values()].sort((a, b) => a.leafIndex - b.leafIndex)
  const member = members[who % members.length]
  if (member === undefined) return undefined
  const used = [
    ...of.epochs.filter(({ committer }) => committer === member.instance).map(({ counter }) => counter),
    ...of.messages.filter(({ sender }) => sender === member.instance).map(({ counter }) => counter),
  ]
  return { epoch, member, counter: used.reduce((most, next) => (next > most ? next : most), 0n) + 1n }
}

describe.each([...policies, { kind: 'draft' } as const].map((policy) => [policy.kind, policy] as const))(
  '%s',
  (_, policy) => {
    test('is not moved away from a branch by a message that speaks for it', () => {
      let moved = 0
      fc.assert(
        fc.property(history, fc.nat(30), fc.nat(30), (before, place, who) => {
          const speaker = memberSomewhere(before, place, who)
          fc.pre(speaker !== undefined)
          const { epoch, member, counter } = speaker
          const message = { sender: member.instance, counter, epoch: epoch.id }
          const was = headOf(before, policy)
          const is = headOf({ ...before, messages: [...before.messages, message] }, policy)
          if (is !== was) moved++
          // the epoch that it was said in, and all that lead to it
          for (const on of line(before, epoch.id)) {
            if (isAtOrBelow(before, was, on)) expect(isAtOrBelow(before, is, on)).toBe(true)
          }
        }),
        { numRuns: 600 },
      )
      // messages do move heads, but where nobody is counted
      expect(moved > 0).toBe(policy.kind !== 'draft')
    })
  },
)

/** Commits that a member could have made in one epoch, with other keys in each, and so with other names and tags. */
function attempts(of: History, place: number, who: number, tags: readonly number[]): EpochFacts[] | undefined {
  const author = memberSomewhere(of, place, who)
  if (author === undefined) return undefined
  const { epoch, member, counter } = author
  // one that it made there before is an attempt, too
  if (of.epochs.some(({ parent, committer }) => parent === epoch.id && committer === member.instance)) return undefined
  return tags.map((tag, i) => ({
    id: dmlsEpoch(`ff${tag.toString(16).padStart(4, '0')}${i.toString(16).padStart(2, '0')}`),
    parent: epoch.id,
    epoch: epoch.epoch + 1n,
    committer: member.instance,
    committerLeaf: member.leafIndex,
    counter: counter + BigInt(i),
    resolves: [],
    adds: [],
    removes: [],
    updates: [member.instance],
    settings: undefined,
    confirmationTag: tag.toString(16).padStart(4, '0'),
  }))
}

function wins(of: History, made: readonly EpochFacts[], policy: ForkChoicePolicy): boolean {
  const all = { ...of, epochs: [...of.epochs, ...made] }
  const head = headOf(all, policy)
  return made.some(({ id }) => find(all, id) !== undefined && isAtOrBelow(all, head, id))
}

/** Whether another attempt, or all of them together, wins where the first loses, or the other way round. */
function grinding(policy: ForkChoicePolicy) {
  const tags = fc.array(fc.nat(0xffff), { minLength: 2, maxLength: 6 })
  return fc.property(history, fc.nat(30), fc.nat(30), tags, (before, place, who, chosen) => {
    const tried = attempts(before, place, who, chosen)
    fc.pre(tried !== undefined)
    const [first] = tried as [EpochFacts]
    const won = wins(before, [first], policy)
    for (const attempt of tried) expect(wins(before, [{ ...attempt, counter: first.counter }], policy)).toBe(won)
    expect(wins(before, tried, policy)).toBe(won)
  })
}

describe('a committer that tries many commits and publishes the best, or all of them', () => {
  test.each(policies.map((policy) => [policy.kind, policy] as const))(
    'has with %s the chance of one (scenario 2)',
    (_, policy) => {
      fc.assert(grinding(policy), { numRuns: 600 })
    },
  )

  test('has with draft as many chances as commits: it is for servers and for comparison (scenario 2)', () => {
    expect(fc.check(grinding({ kind: 'draft' }), { numRuns: 600 }).failed).toBe(true)
  })
})
