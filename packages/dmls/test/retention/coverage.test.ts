/** For whom an epoch is kept (protocol §8). */
import { describe, expect, test } from 'vitest'
import { coverageOf } from '../../src/retention/coverage.ts'
import { epochOf, instanceOf, Story } from '../story.ts'

/** How many members count, and how many of them have left an epoch behind. */
function coverage(story: Story, head: string, epoch: string): readonly [members: number, spoken: number] {
  const { members, spokenAfter } = coverageOf(story.dag, story.dag.node(epochOf(head)), instanceOf('alice'))
  return [members, spokenAfter(story.dag.node(epochOf(epoch)))]
}

describe('a member keeps an epoch alive', () => {
  const story = Story.begin('start', 'alice', 'bob', 'charlie').commit('alice', 'start', 'a1').commit('bob', 'a1', 'b1')

  test('until it has spoken beyond it; speaking in it is not enough', () => {
    expect(coverage(story, 'b1', 'a1')).toEqual([3, 2])
    expect(coverage(story.say('charlie', 'a1'), 'b1', 'a1')).toEqual([3, 2])
    expect(coverage(story.say('charlie', 'b1'), 'b1', 'a1')).toEqual([3, 3])
  })

  test('but not when it spoke with two tongues: nobody waits for it', () => {
    const split = story
      .commit('charlie', 'start', 'c1', { counter: 1 })
      .commit('charlie', 'start', 'c2', { counter: 1 })
      .commit('alice', 'b1', 'm', { resolve: ['c1', 'c2'] })
    expect(coverage(split, 'm', 'a1')).toEqual([2, 2])
  })

  test('and not when it is no member of the head any more', () => {
    expect(coverage(story.commit('alice', 'b1', 'a2', { remove: ['charlie'] }), 'a2', 'a1')).toEqual([2, 2])
  })
})
