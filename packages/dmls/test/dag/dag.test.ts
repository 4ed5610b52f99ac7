import { describe, expect, test } from 'vitest'
import { Dag } from '../../src/dag/dag.ts'
import { dmlsEpoch, instanceId } from '../../src/dag/identifiers.ts'
import { epochOf, instanceOf, nameOf, rootOf, Story } from '../story.ts'

const group = Story.begin('start', 'alice', 'bob', 'charlie')
const forked = group.commit('alice', 'start', 'a1').commit('bob', 'start', 'b1')

function refusal(blame: string, code: string): unknown {
  return expect.objectContaining({ blame, code })
}

describe('inserting an epoch', () => {
  test('leaves the DAG before it as it was', () => {
    const before = [...group.dag.epochs()]
    group.commit('alice', 'start', 'a1', { add: ['dave'] })
    expect(group.dag.epochs()).toEqual(before)
    expect(group.dag.heads()).toEqual([epochOf('start')])
    expect(group.dag.children(epochOf('start'))).toEqual([])
  })

  test('twice changes nothing', () => {
    const facts = group.facts('alice', 'start', 'a1')
    const once = group.dag.insert(facts)
    expect(once.insert({ ...facts })).toBe(once)
  })

  test('waits for its parent', () => {
    const orphan = forked.facts('alice', 'a1', 'a2')
    expect(() => group.dag.insert(orphan)).toThrow(refusal('missing', 'unknown_parent'))
  })

  test('is refused under the name of another commit', () => {
    const facts = forked.facts('charlie', 'a1', 'b1')
    expect(() => forked.dag.insert(facts)).toThrow(refusal('invalid', 'conflicting_epoch'))
  })

  test('is refused when it does not count one further than its parent', () => {
    const facts = { ...group.facts('alice', 'start', 'a1'), epoch: 7n }
    expect(() => group.dag.insert(facts)).toThrow(refusal('invalid', 'bad_epoch_number'))
  })

  test('is refused when it is a root without a roster, or a child with one', () => {
    const { roster, ...bare } = rootOf('other', [])
    expect(() => Dag.empty().insert(bare)).toThrow(refusal('invalid', 'bad_root'))
    const child = { ...group.facts('alice', 'start', 'a1'), roster: roster ?? [] }
    expect(() => group.dag.insert(child)).toThrow(refusal('invalid', 'bad_root'))
  })

  test('is refused when its causal past lists it: then two epochs would each have come first', () => {
    // bob's epoch claims to resolve one that nobody has yet; alice's then builds on bob's by resolving it
    const story = group.commit('bob', 'start', 'b1', { resolve: ['a1'] })
    const facts = story.facts('alice', 'start', 'a1', { resolve: ['b1'] })
    expect(() => story.dag.insert(facts)).toThrow(refusal('invalid', 'resolves_cycle'))
    const below = story.facts('alice', 'b1', 'a1')
    expect(() => story.dag.insert(below)).toThrow(refusal('invalid', 'resolves_cycle'))
    expect(story.dag.unresolvedHeads()).toEqual([epochOf('b1')])
  })
})

describe('a resolved head', () => {
  test('is no unresolved head any more, in whatever order the two arrive', () => {
    const merge = forked.facts('alice', 'a1', 'm', { resolve: ['b1'] })
    const late = group.commit('alice', 'start', 'a1').dag.insert(merge)
    expect(late.unresolvedHeads()).toEqual([epochOf('m')])
    expect(late.unknownResolved()).toEqual([epochOf('b1')])
    const arrived = late.insert(group.facts('bob', 'start', 'b1'))
    expect(arrived.unresolvedHeads()).toEqual([epochOf('m')])
    expect(arrived.unknownResolved()).toEqual([])
    expect(arrived.heads().map(nameOf).sort()).toEqual(['b1', 'm'])
    expect(arrived.epochs()).toEqual(forked.dag.insert(merge).epochs())
  })

  test('that gets a late child is a branch to be resolved again', () => {
    const story = forked.commit('alice', 'a1', 'm', { resolve: ['b1'] }).commit('charlie', 'b1', 'b2')
    expect(story.dag.unresolvedHeads().map(nameOf).sort()).toEqual(['b2', 'm'])
    expect(story.dag.precedes(epochOf('b1'), epochOf('m'))).toBe(true)
    expect(story.dag.precedes(epochOf('b2'), epochOf('m'))).toBe(false)
  })

  test('counts for nothing when it is an ancestor of who lists it', () => {
    const story = group.commit('alice', 'start', 'a1', { resolve: ['start'] }).commit('bob', 'start', 'b1')
    expect(story.dag.resolvedHeads(epochOf('a1'))).toEqual([])
    expect(story.dag.resolvedBy(epochOf('start'))).toEqual([])
    expect(story.dag.unresolvedHeads().map(nameOf).sort()).toEqual(['a1', 'b1'])
  })

  test('leads from one root to another: a handover connects two trees', () => {
    const newcomers = group.commit('bob', 'start', 'b1', { add: ['dave'] })
    const root = { ...rootOf('welcome', [...newcomers.dag.roster(epochOf('b1')).values()], 5n) }
    const dag = newcomers.dag.insert({ ...root, resolves: [{ head: epochOf('b1'), forkPoint: epochOf('b1') }] })
    expect(dag.roots().map(nameOf).sort()).toEqual(['start', 'welcome'])
    expect(dag.unresolvedHeads()).toEqual([epochOf('welcome')])
    expect(dag.precedes(epochOf('start'), epochOf('welcome'))).toBe(true)
    expect(dag.forkPoint(epochOf('b1'), epochOf('welcome'))).toBeUndefined()
  })
})

describe('what was heard of a member', () => {
  test('is its latest message, whatever the order of arrival', () => {
    const sender = instanceOf('charlie')
    const early = { sender, counter: 1n, epoch: epochOf('a1') }
    const late = { sender, counter: 2n, epoch: epochOf('b1') }
    for (const messages of [
      [early, late],
      [late, early],
    ]) {
      let dag = forked.dag
      for (const message of messages) dag = dag.witness(message)
      expect(dag.latest(sender)).toEqual(late)
      expect(dag.witness(early)).toBe(dag)
    }
  })

  test('is proof against it when one counter stands on two branches, and none when it only moved on', () => {
    const twice = group.commit('alice', 'start', 'a1', { counter: 1 }).commit('alice', 'start', 'a2', { counter: 1 })
    expect(twice.dag.equivocation(instanceOf('alice'))).toEqual({
      sender: instanceOf('alice'),
      counter: 1n,
      epochs: [epochOf('a1'), epochOf('a2')],
    })
    // a later commit does not make it good: both commits are in the history
    expect(twice.commit('alice', 'a1', 'a3').dag.equivocation(instanceOf('alice'))).toBeDefined()
    expect(
      group.commit('alice', 'start', 'a1').commit('alice', 'start', 'a2').dag.equivocation(instanceOf('alice')),
    ).toBe(undefined)
    const again = group.commit('alice', 'start', 'a1', { counter: 1 }).commit('alice', 'a1', 'a2', { counter: 1 })
    expect(again.dag.equivocation(instanceOf('alice'))).toBeUndefined()
  })

  test('waits for the epoch that it speaks for', () => {
    const message = { sender: instanceOf('bob'), counter: 1n, epoch: epochOf('nowhere') }
    expect(() => group.dag.witness(message)).toThrow(refusal('missing', 'unknown_epoch'))
  })
})

test('seats follow removals and additions: a freed leaf is taken by whoever comes next', () => {
  const story = group.commit('alice', 'start', 'a1', { remove: ['bob'], add: ['dave'] })
  expect(nameOf(story.dag.memberAt(epochOf('start'), 1)?.instance ?? instanceOf('nobody'))).toBe('bob')
  expect(nameOf(story.dag.memberAt(epochOf('a1'), 1)?.instance ?? instanceOf('nobody'))).toBe('dave')
  expect(story.dag.memberAt(epochOf('a1'), 3)).toBeUndefined()
  expect(story.roster('a1')).toEqual(['alice', 'charlie', 'dave'])
})

test('identifiers are made by their parsers only', () => {
  expect(dmlsEpoch(new Uint8Array([0xab, 1]))).toBe('ab01')
  expect(instanceId('ab01')).toBe('ab01')
  for (const bad of ['', 'A0', 'a', 'xy', new Uint8Array(65), new Uint8Array(0)]) {
    expect(() => dmlsEpoch(bad)).toThrow(refusal('usage', 'bad_identifier'))
  }
})
