/** Who is counted for which branch, in stories that are decided by one voice (protocol §6). */
import { expect, test } from 'vitest'
import { supportForkChoice } from '../../src/fork-choice/support.ts'
import { nameOf, Story } from '../story.ts'
import { hash } from '../suites.ts'

function headOf(story: Story): string {
  return nameOf(supportForkChoice.chooseHead(story.dag, hash))
}

test('a member that committed on one branch and speaks on another now counts for the other alone', () => {
  const story = Story.begin('start', 'alice', 'bob', 'charlie', 'dave', 'erin')
    .commit('erin', 'start', 'e1')
    .commit('bob', 'start', 'b1')
    .commit('dave', 'b1', 'd1')
    .commit('charlie', 'd1', 'c1')
    .commit('alice', 'c1', 'a1')
  expect(headOf(story)).toBe('a1')
  // bob and dave change sides: three voices against two, although three of their commits stand on the old side
  expect(headOf(story.say('bob', 'e1').say('dave', 'e1'))).toBe('e1')
})

test('a removal wins against a self-update among equals, whatever the hash of the fork says (scenario 2)', () => {
  for (let i = 0; i < 16; i++) {
    const start = `start ${i}`
    const story = Story.begin(start, 'alice', 'bob', 'charlie')
      .commit('bob', start, 'update')
      .commit('alice', start, 'removal', { remove: ['charlie'] })
    expect(headOf(story)).toBe('removal')
  }
})
