/** What members that came after a fork can and cannot see, and how they are told (protocol §7.6). */
import { describe, expect, test } from 'vitest'
import type { Dag } from '../../src/dag/dag.ts'
import type { EpochFacts } from '../../src/dag/epoch-facts.ts'
import { supportForkChoice } from '../../src/fork-choice/support.ts'
import { handoversFor } from '../../src/reconcile/handover.ts'
import { type Plan, plan, planReconciliation } from '../../src/reconcile/plan.ts'
import { plainRemovals, viewOf } from '../../src/reconcile/view.ts'
import { type Deed, epochOf, nameOf, rootOf, Story } from '../story.ts'
import { hash } from '../suites.ts'

const three = Story.begin('start', 'alice', 'bob', 'charlie')

function told(story: Story, made: Plan): [string, string[]][] {
  return handoversFor(story.dag, made).map(({ head, entrances }) => [nameOf(head), entrances.map(nameOf)])
}

describe('a merge hands over', () => {
  const forked = three
    .commit('alice', 'start', 'a1')
    .commit('charlie', 'a1', 'c1')
    .commit('bob', 'start', 'b1', { add: ['dave'] })

  test('to a losing head with somebody who came after the fork', () => {
    const made = planReconciliation(forked.dag, supportForkChoice, hash) as Plan
    expect(nameOf(made.base)).toBe('c1')
    expect(told(forked, made)).toEqual([['b1', []]])
  })

  test('to nobody when all of the losing head were there at the fork', () => {
    const plain = three.commit('alice', 'start', 'a1').commit('bob', 'start', 'b1')
    expect(told(plain, plan(plain.dag, epochOf('a1'), [epochOf('b1')]))).toEqual([])
  })

  test('by the epoch that welcomed them before, when another merge did (scenario 31)', () => {
    const crossed = forked
      .commit('alice', 'c1', 'm1', { resolve: ['b1'], add: ['dave'] })
      .commit('bob', 'b1', 'm2', { resolve: ['c1'] })
    expect(told(crossed, plan(crossed.dag, epochOf('m1'), [epochOf('m2')]))).toEqual([['m2', ['m1']]])
  })

  test('by the epoch from before the fork that welcomed them as another instance', () => {
    const invited = three
      .commit('alice', 'start', 'i', { add: ['dave/tablet'] })
      .commit('alice', 'i', 'a1')
      .commit('bob', 'i', 'b1', { add: ['dave/phone'] })
    expect(told(invited, plan(invited.dag, epochOf('a1'), [epochOf('b1')]))).toEqual([['b1', ['i']]])
    // not if that instance is out
    const removed = invited.commit('bob', 'b1', 'b2', { remove: ['dave/tablet'] })
    expect(told(removed, plan(removed.dag, epochOf('a1'), [epochOf('b2')]))).toEqual([['b2', []]])
  })

  test('by no epoch that lies too far back for anybody to follow from', () => {
    const far = (epochs: number): [string, string[]][] => {
      let story = three.commit('alice', 'start', 'i', { add: ['dave/tablet'] })
      let fork = 'i'
      for (let n = 1; n < epochs; n++) {
        story = story.commit('alice', fork, `f${n}`)
        fork = `f${n}`
      }
      story = story.commit('alice', fork, 'a1').commit('bob', fork, 'b1', { add: ['dave/phone'] })
      return told(story, plan(story.dag, epochOf('a1'), [epochOf('b1')]))
    }
    expect(far(64)).toEqual([['b1', ['i']]])
    expect(far(65)).toEqual([['b1', []]])
  })
})

describe('whether a fork can be judged', () => {
  test('is known by whoever has all that was resolved since', () => {
    const story = three.commit('alice', 'start', 'a1')
    const b1 = story.commit('bob', 'start', 'b1').dag.get(epochOf('b1')) as EpochFacts
    const resolving = (forkPoint: string) =>
      story.dag.insert({ ...b1, resolves: [{ head: epochOf('elsewhere'), forkPoint: epochOf(forkPoint) }] })
    const forked = [epochOf('a1'), epochOf('b1')]
    expect(viewOf(story.dag, [epochOf('a1')])).toBe(story.dag)
    expect(viewOf(resolving('before us'), [epochOf('a1')])).toBeDefined()
    expect(viewOf(resolving('before us'), forked)).toBeUndefined()
    // a head that parted where we were, and that never came, counts for nothing
    expect(viewOf(resolving('start'), forked)).toBeDefined()
  })

  test('and members are those of the epoch where the branches part, whatever was before', () => {
    const alone = Story.begin('start', 'alice', 'bob').commit('alice', 'start', 'a1', { remove: ['bob'] })
    const roster = [...three.dag.roster(epochOf('start')).values()]
    // a second tree, one of whose commits resolves a head of the first
    const two = new Story(alone.dag.insert(rootOf('welcome', roster, 4n)))
      .commit('alice', 'welcome', 'm', { resolve: ['a1'] })
      .commit('bob', 'm', 'b2')
      .commit('charlie', 'm', 'c2')
    const heads = [epochOf('b2'), epochOf('c2')]
    expect(plan(viewOf(two.dag, heads) as Dag, epochOf('b2'), heads).empty).toBe(true)
  })

  test('is known with a branch from further back, as long as that changed nothing', () => {
    const heads = [epochOf('a2'), epochOf('c1')]
    const after = (deed: Deed): Story =>
      three
        .commit('bob', 'start', 'side', deed)
        .commit('alice', 'start', 'a1', { resolve: ['elsewhere'], forkPoint: 'before us' })
        .commit('alice', 'a1', 'a2')
        .commit('charlie', 'a1', 'c1', { resolve: ['side'], forkPoint: 'start' })
    expect(viewOf(after({}).dag, heads)).toBeDefined()
    // with somebody to judge, all that happened since it parted is needed
    expect(viewOf(after({ add: ['dave'] }).dag, heads)).toBeUndefined()
  })

  test('is not known across two trees: whoever entered twice does not see where they part', () => {
    const roster = [...three.dag.roster(epochOf('start')).values()]
    const two = new Story(three.dag.insert(rootOf('welcome', roster, 4n)))
    expect(viewOf(two.dag, [epochOf('start'), epochOf('welcome')])).toBeUndefined()
  })

  test('is not known with a head that never came and parted where we were before as somebody else', () => {
    const roster = [...three.dag.roster(epochOf('start')).values()]
    const two = new Story(three.dag.insert(rootOf('welcome', roster, 4n)))
      .commit('alice', 'welcome', 'a1', { resolve: ['elsewhere'], forkPoint: 'start' })
      .commit('bob', 'welcome', 'b1')
    expect(viewOf(two.dag, [epochOf('a1'), epochOf('b1')])).toBeUndefined()
  })

  test('leaves the removals that ordinary commits decided, whatever else is missing', () => {
    const story = three
      .commit('alice', 'start', 'a1', { remove: ['charlie'] })
      .commit('bob', 'start', 'b1', { resolve: ['elsewhere'], remove: ['alice'] })
    expect([...plainRemovals(story.dag, [epochOf('a1'), epochOf('b1')])].map(nameOf)).toEqual(['charlie'])
  })
})
