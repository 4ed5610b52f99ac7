/** The situations of a group that parts and comes together, told one by one. */
import { describe, expect, test } from 'vitest'
import { supportForkChoice } from '../../src/fork-choice/support.ts'
import { needsHealing } from '../../src/reconcile/heal.ts'
import { instanceFates } from '../../src/reconcile/membership.ts'
import { canJudge, rankMergers } from '../../src/reconcile/merger-rank.ts'
import { chooseBase, plan, planReconciliation, unsatisfied } from '../../src/reconcile/plan.ts'
import { epochOf, instanceOf, nameOf, Story } from '../story.ts'
import { hash } from '../suites.ts'

const three = Story.begin('start', 'alice', 'bob', 'charlie')

function fateOf(story: Story, name: string): string | undefined {
  return instanceFates(story.dag, story.dag.unresolvedHeads()).get(instanceOf(name))
}

describe('a member that is removed on one branch and commits on another (scenario 7)', () => {
  const removed = three.commit('alice', 'start', 'a1', { remove: ['bob'] })

  test('is out, and so is everyone that it added beside its removal', () => {
    const story = removed
      .commit('bob', 'start', 'b1', { add: ['mallory'] })
      .commit('mallory', 'b1', 'b2', { add: ['friend'] })
    expect(story.members()).toEqual(['alice', 'charlie'])
    expect(fateOf(story, 'mallory')).toBe('void')
    expect(fateOf(story, 'friend')).toBe('void')
  })

  test('keeps those that it added before its removal, when whoever removed it knew of them', () => {
    const story = three.commit('bob', 'start', 'b1', { add: ['dave'] }).commit('alice', 'b1', 'a2', { remove: ['bob'] })
    expect(story.members()).toEqual(['alice', 'charlie', 'dave'])
  })

  test('gains nothing by claiming that it has seen its removal', () => {
    const story = removed.commit('bob', 'start', 'b1', { add: ['mallory'], resolve: ['a1'] })
    expect(story.members()).toEqual(['alice', 'charlie'])
  })

  test('gains nothing by adding again those that fell with it', () => {
    const story = removed
      .commit('bob', 'start', 'b1', { add: ['mallory'] })
      .commit('mallory', 'b1', 'b2', { add: ['friend'] })
      .commit('charlie', 'b2', 'b3', { remove: ['friend'] })
      .commit('charlie', 'b3', 'b4', { add: ['friend'] })
    expect(story.members()).toEqual(['alice', 'charlie'])
  })
})

describe('members that remove each other (scenario 8)', () => {
  test('are both out when there are two of them, and whoever remains goes on', () => {
    const story = three
      .commit('alice', 'start', 'a1', { remove: ['bob'] })
      .commit('bob', 'start', 'b1', { remove: ['alice'] })
    expect(story.members()).toEqual(['charlie'])
    const made = planReconciliation(story.dag, supportForkChoice, hash)
    expect(made?.remove.length).toBe(1)
    expect(rankMergers(story.dag, made as NonNullable<typeof made>, hash).map(nameOf)).toEqual(['charlie'])
  })

  test('are all out in a ring of three, and the orphaned group has no base to commit on', () => {
    const story = three
      .commit('alice', 'start', 'a1', { remove: ['bob'] })
      .commit('bob', 'start', 'b1', { remove: ['charlie'] })
      .commit('charlie', 'start', 'c1', { remove: ['alice'] })
    expect(story.members()).toEqual([])
    expect(planReconciliation(story.dag, supportForkChoice, hash)).toBeUndefined()
    expect(chooseBase(story.dag, supportForkChoice, hash)).toBeUndefined()
  })
})

describe('somebody removed on one side and invited again (scenario 9)', () => {
  test('stays out as the old instance and is in as the new one, beside the removal and after it', () => {
    const removal = three.commit('alice', 'start', 'a1', { remove: ['bob'] })
    const beside = removal.commit('charlie', 'start', 'c1', { remove: ['bob'], add: ['bob/again'] })
    expect(beside.members()).toEqual(['alice', 'bob/again', 'charlie'])
    const after = removal.commit('charlie', 'a1', 'c1', { add: ['bob/again'] })
    expect(after.members()).toEqual(['alice', 'bob/again', 'charlie'])
  })

  test('stays out when the same instance is added again', () => {
    const story = three
      .commit('alice', 'start', 'a1', { remove: ['bob'] })
      .commit('charlie', 'a1', 'c1', { add: ['bob'] })
    expect(story.members()).toEqual(['alice', 'charlie'])
    expect(unsatisfied(story.dag, epochOf('c1')).remove.map(nameOf)).toEqual(['bob'])
  })
})

describe('one person under two instances', () => {
  test('that were invited on both sides keeps the lower one (scenario 12)', () => {
    const story = three
      .commit('alice', 'start', 'a1', { add: ['dave/2'] })
      .commit('bob', 'start', 'b1', { add: ['dave/1'] })
    expect(story.members()).toEqual(['alice', 'bob', 'charlie', 'dave/1'])
    expect(fateOf(story, 'dave/2')).toBe('duplicate')
    expect(plan(story.dag, epochOf('a1'), [epochOf('b1')]).remove.map(nameOf)).toEqual(['dave/2'])
    expect(plan(story.dag, epochOf('b1'), [epochOf('a1')]).empty).toBe(true)
  })

  test('keeps the other one when whoever invited the lower one was being removed', () => {
    const story = three
      .commit('alice', 'start', 'a1', { remove: ['bob'] })
      .commit('alice', 'a1', 'a2', { add: ['dave/2'] })
      .commit('bob', 'start', 'b1', { add: ['dave/1'] })
    expect(story.members()).toEqual(['alice', 'charlie', 'dave/2'])
  })

  test('is out when the one that kept the place is removed: the person was meant', () => {
    const merged = three
      .commit('alice', 'start', 'a1', { add: ['dave/2'] })
      .commit('bob', 'start', 'b1', { add: ['dave/1'] })
      .commit('alice', 'a1', 'm', { resolve: ['b1'], remove: ['dave/2'], add: ['dave/1'] })
    expect(merged.members()).toEqual(['alice', 'bob', 'charlie', 'dave/1'])
    expect(merged.commit('alice', 'm', 'm2', { remove: ['dave/1'] }).members()).toEqual(['alice', 'bob', 'charlie'])
  })

  test('has two devices when one was added knowing of the other, on whatever branches (scenario 28)', () => {
    const phone = three.commit('alice', 'start', 'a1', { add: ['dave/phone'] })
    const both = phone.commit('bob', 'a1', 'b1', { add: ['dave/laptop'] })
    expect(both.members()).toEqual(['alice', 'bob', 'charlie', 'dave/laptop', 'dave/phone'])
    const together = three.commit('alice', 'start', 'a1', { add: ['dave/phone', 'dave/laptop'] })
    expect(together.members()).toEqual(['alice', 'bob', 'charlie', 'dave/laptop', 'dave/phone'])
    const founder = Story.begin('start', 'alice', 'dave/phone')
      .commit('alice', 'start', 'a1', { add: ['dave/laptop'] })
      .commit('dave/phone', 'start', 'd1', { add: ['bob'] })
    expect(founder.members()).toEqual(['alice', 'bob', 'dave/laptop', 'dave/phone'])
    const gone = both.commit('alice', 'b1', 'a2', { remove: ['dave/phone', 'dave/laptop'] })
    expect(gone.members()).toEqual(['alice', 'bob', 'charlie'])
  })
})

describe('somebody invited on the losing branch (scenario 10)', () => {
  test('is added again by the merge, as the same instance, and stays whatever happens later', () => {
    const story = three
      .commit('alice', 'start', 'a1')
      .commit('charlie', 'a1', 'c1')
      .commit('bob', 'start', 'b1', { add: ['dave'] })
    const base = epochOf('c1')
    expect(supportForkChoice.chooseHead(story.dag, hash)).toBe(base)
    const made = planReconciliation(story.dag, supportForkChoice, hash)
    expect(made?.base).toBe(base)
    expect(made?.add.map(({ instance, addedIn }) => [nameOf(instance), addedIn.map(nameOf)])).toEqual([
      ['dave', ['b1']],
    ])
    const merged = story.commit('alice', 'c1', 'm', { resolve: ['b1'], add: ['dave'] })
    expect(unsatisfied(merged.dag, epochOf('m')).empty).toBe(true)
    expect(merged.members()).toEqual(['alice', 'bob', 'charlie', 'dave'])
  })
})

test('settings are those of the winning head, and the other change is reported', () => {
  const story = three
    .commit('alice', 'start', 'a1', { settings: 'topic: sea' })
    .commit('charlie', 'a1', 'c1')
    .commit('bob', 'start', 'b1', { settings: 'topic: hills' })
  const made = planReconciliation(story.dag, supportForkChoice, hash)
  expect(story.dag.settings(made?.base ?? epochOf('start'))).toBe('topic: sea')
  expect(made?.settingsOverridden).toEqual([
    { epoch: epochOf('b1'), committer: instanceOf('bob'), settings: 'topic: hills' },
  ])
  expect(made?.empty).toBe(true)
  const merged = story.commit('alice', 'c1', 'm', { resolve: ['b1'] })
  expect(planReconciliation(merged.dag, supportForkChoice, hash)?.settingsOverridden).toEqual([])
})

test('the base is the next head when nobody of the winner remains (scenario 25)', () => {
  const story = three
    .commit('alice', 'start', 'a1')
    .commit('charlie', 'a1', 'c1')
    .commit('bob', 'start', 'b1', { add: ['dave'] })
    .commit('dave', 'b1', 'd1', { remove: ['alice', 'bob', 'charlie'] })
  expect(supportForkChoice.chooseHead(story.dag, hash)).toBe(epochOf('c1'))
  expect(story.members()).toEqual(['dave'])
  expect(chooseBase(story.dag, supportForkChoice, hash)).toBe(epochOf('d1'))
  const made = planReconciliation(story.dag, supportForkChoice, hash)
  expect([made?.base, made?.resolves, made?.empty]).toEqual([epochOf('d1'), [epochOf('c1')], true])
  // dave came after the fork and cannot judge it: nobody can merge, which is the limit that gets reported (scenario 33)
  expect(rankMergers(story.dag, made as NonNullable<typeof made>, hash)).toEqual([])
})

describe('who merges', () => {
  const forked = three
    .commit('alice', 'start', 'a1', { add: ['dave'] })
    .commit('charlie', 'a1', 'c1')
    .commit('bob', 'start', 'b1', { add: ['erin'] })

  test('are those who were there when the branches parted, in an order that changes with the fork', () => {
    const made = planReconciliation(forked.dag, supportForkChoice, hash)
    const ranked = rankMergers(forked.dag, made as NonNullable<typeof made>, hash)
    expect(ranked.map(nameOf).sort()).toEqual(['alice', 'bob', 'charlie'])
    const orders = new Set<string>()
    for (let i = 0; i < 20; i++) {
      const later = forked.commit('charlie', 'c1', `c2 ${i}`)
      const plan = planReconciliation(later.dag, supportForkChoice, hash)
      orders.add(rankMergers(later.dag, plan as NonNullable<typeof plan>, hash).join())
    }
    expect(orders.size).toBeGreaterThan(3)
  })

  test('are not those who came later: they cannot judge the fork (scenario 32)', () => {
    const heads = forked.dag.unresolvedHeads()
    expect(canJudge(forked.dag, instanceOf('bob'), heads)).toBe(true)
    expect(canJudge(forked.dag, instanceOf('dave'), heads)).toBe(false)
    expect(canJudge(forked.dag, instanceOf('erin'), heads)).toBe(false)
  })
})

test('two merges that cross leave a fork with an empty plan, and both sides agree on the members (scenario 31)', () => {
  const forked = three.commit('alice', 'start', 'a1', { add: ['dave'] }).commit('bob', 'start', 'b1', { add: ['erin'] })
  const crossed = forked
    .commit('alice', 'a1', 'm1', { resolve: ['b1'], add: ['erin'] })
    .commit('bob', 'b1', 'm2', { resolve: ['a1'], add: ['dave'] })
  const made = planReconciliation(crossed.dag, supportForkChoice, hash)
  expect(made?.empty).toBe(true)
  expect(crossed.roster('m1')).toEqual(crossed.roster('m2'))
  const absorbed = crossed.commit('charlie', nameOf(made?.base ?? epochOf('m1')), 'end', {
    resolve: (made?.resolves ?? []).map(nameOf),
  })
  expect(absorbed.dag.unresolvedHeads()).toEqual([epochOf('end')])
  expect(absorbed.members()).toEqual(['alice', 'bob', 'charlie', 'dave', 'erin'])
})

test('a leaf healed on the losing branch needs healing until its owner commits on the winner (scenario 14)', () => {
  const story = three.commit('alice', 'start', 'a1').commit('charlie', 'a1', 'c1').commit('bob', 'start', 'b1')
  expect(needsHealing(story.dag, epochOf('c1'), instanceOf('bob'))).toBe(true)
  expect(needsHealing(story.dag, epochOf('c1'), instanceOf('alice'))).toBe(false)
  const merged = story.commit('alice', 'c1', 'm', { resolve: ['b1'] })
  expect(needsHealing(merged.dag, epochOf('m'), instanceOf('bob'))).toBe(true)
  const healed = merged.commit('bob', 'm', 'healed')
  expect(needsHealing(healed.dag, epochOf('healed'), instanceOf('bob'))).toBe(false)
})
