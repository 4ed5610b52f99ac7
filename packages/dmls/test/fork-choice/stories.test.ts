import { describe, expect, test } from 'vitest'
import { Dag } from '../../src/dag/dag.ts'
import { designatedForkChoice } from '../../src/fork-choice/designated.ts'
import { draftForkChoice } from '../../src/fork-choice/draft.ts'
import { forkChoice } from '../../src/fork-choice/fork-choice.ts'
import { supportForkChoice } from '../../src/fork-choice/support.ts'
import { committerHash } from '../../src/fork-choice/tie-break.ts'
import { epochOf, instanceOf, nameOf, rootOf, Story } from '../story.ts'
import { hash } from '../suites.ts'

const five = Story.begin('start', 'alice', 'bob', 'charlie', 'dave', 'erin')

function headOf(story: Story, choice = supportForkChoice): string {
  return nameOf(choice.chooseHead(story.dag, hash))
}

describe('support', () => {
  test('follows the branch on which most members spoke last', () => {
    const story = five
      .commit('alice', 'start', 'a1')
      .commit('bob', 'start', 'b1')
      .say('charlie', 'a1')
      .say('dave', 'b1')
    expect(headOf(story.say('erin', 'a1'))).toBe('a1')
    expect(headOf(story.say('erin', 'b1'))).toBe('b1')
    // only the latest message counts, and each member once
    expect(headOf(story.say('erin', 'a1').say('charlie', 'a1').say('erin', 'b1'))).toBe('b1')
  })

  test('does not count whoever came after the fork (scenario 3)', () => {
    const story = five
      .commit('alice', 'start', 'a1', { add: ['x1', 'x2', 'x3', 'x4'] })
      .commit('bob', 'start', 'b1')
      .say('charlie', 'b1')
    const crowd = ['x1', 'x2', 'x3', 'x4'].reduce((told, name) => told.say(name, 'a1'), story)
    expect(headOf(crowd)).toBe('b1')
  })

  test('does not count whoever speaks with two tongues', () => {
    const story = five
      .commit('alice', 'start', 'a1', { counter: 1 })
      .commit('alice', 'start', 'a2', { counter: 1 })
      .commit('bob', 'start', 'b1')
    expect(headOf(story.say('charlie', 'b1').say('alice', 'a1'))).toBe('b1')
    expect(headOf(story.say('alice', 'a1').say('alice', 'a1'))).toBe('b1')
  })

  test('does not count whom a commit removes, on whatever branch: its late messages reach some and not others', () => {
    const story = five
      .commit('alice', 'start', 'a1', { remove: ['erin', 'dave'] })
      .commit('bob', 'start', 'b1')
      .commit('charlie', 'b1', 'b2')
    expect(headOf(story)).toBe('b2')
    expect(headOf(story.say('erin', 'b1').say('dave', 'start'))).toBe('b2')
    const tied = five.commit('alice', 'start', 'a1', { remove: ['erin'] }).commit('bob', 'start', 'b1')
    expect(headOf(tied)).toBe('a1')
    expect(headOf(tied.say('erin', 'b1'))).toBe('a1')
  })

  test('prefers a removal to a self-update among equals (scenario 2)', () => {
    for (const [alice, bob] of [
      ['start', 'bob'],
      ['start', 'charlie'],
    ] as const) {
      const story = five.commit(bob, alice, 'u').commit('alice', alice, 'r', { remove: ['erin'] })
      expect(headOf(story)).toBe('r')
    }
  })

  test('gives a committer one chance, however many commits it tries (scenario 2)', () => {
    const [fork, zero, one] = [epochOf('start'), 0, 1]
    const winner = committerHash(hash, fork, zero) < committerHash(hash, fork, one) ? 'alice' : 'bob'
    for (let attempt = 0; attempt < 50; attempt++) {
      const tag = attempt.toString(16).padStart(2, '0')
      const story = five.commit('alice', 'start', `a${attempt}`, { tag }).commit('bob', 'start', 'b', { tag: '80' })
      expect(headOf(story).startsWith(winner === 'alice' ? 'a' : 'b')).toBe(true)
    }
  })

  test('never returns to a resolved branch, however many members stood there (scenario 34)', () => {
    const story = ['charlie', 'dave', 'erin'].reduce(
      (told, name) => told.say(name, 'b1'),
      five.commit('alice', 'start', 'a1').commit('bob', 'start', 'b1'),
    )
    expect(headOf(story)).toBe('b1')
    const merged = story.commit('alice', 'a1', 'm', { resolve: ['b1'] })
    expect(headOf(merged)).toBe('m')
    expect(headOf(merged.say('charlie', 'b1').say('dave', 'b1'))).toBe('m')
    // a late commit on it is a branch of its own, which may win until it is resolved too
    const late = merged.commit('charlie', 'b1', 'b2')
    expect(headOf(late)).toBe('b2')
    expect(headOf(late.commit('alice', 'm', 'm2', { resolve: ['b2'] }))).toBe('m2')
  })

  test('keeps one head where two whole trees stand side by side', () => {
    const roster = [...five.dag.roster(epochOf('start')).values()]
    let dag = Dag.empty()
      .insert(rootOf('left', roster, 3n))
      .insert(rootOf('right', roster, 7n))
    expect(nameOf(supportForkChoice.chooseHead(dag, hash))).toBe('right')
    dag = dag.witness({ sender: instanceOf('alice'), counter: 1n, epoch: epochOf('left') })
    expect(nameOf(supportForkChoice.chooseHead(dag, hash))).toBe('left')
  })
})

test('draft follows the higher confirmation tag, whoever stands there', () => {
  const story = five
    .commit('alice', 'start', 'a1', { tag: '10' })
    .commit('bob', 'start', 'b1', { tag: '20' })
    .say('charlie', 'a1')
    .say('dave', 'a1')
  expect(headOf(story, draftForkChoice)).toBe('b1')
})

test('depth-witness follows the deeper branch, or a quorum as long as that is not too deep', () => {
  const choice = forkChoice({
    kind: 'depth-witness',
    boost: 2,
    quorum: { numerator: 3, denominator: 5 },
    rewindMax: 2,
  })
  const story = five.commit('alice', 'start', 'a1').commit('alice', 'a1', 'a2').commit('bob', 'start', 'b1')
  expect(headOf(story, choice)).toBe('a2')
  const witnessed = story.say('charlie', 'b1').say('dave', 'b1')
  expect(headOf(witnessed, choice)).toBe('b1')
  expect(headOf(witnessed.commit('alice', 'a2', 'a3').commit('alice', 'a3', 'a4'), choice)).toBe('a4')
})

test('designated follows the designated committer, and support where it is silent or gone', () => {
  const story = five.commit('alice', 'start', 'a1').commit('bob', 'start', 'b1').say('charlie', 'a1').say('dave', 'a1')
  expect(headOf(story, designatedForkChoice([instanceOf('bob')]))).toBe('b1')
  expect(headOf(story, designatedForkChoice([instanceOf('erin'), instanceOf('bob')]))).toBe('b1')
  expect(headOf(story, designatedForkChoice([instanceOf('erin')]))).toBe('a1')
  expect(headOf(story, designatedForkChoice([instanceOf('stranger')]))).toBe('a1')
  expect(headOf(story.commit('bob', 'start', 'b2', { counter: 1 }), designatedForkChoice([instanceOf('bob')]))).toBe(
    'a1',
  )
})

test('there is nothing to choose in an empty DAG', () => {
  expect(() => supportForkChoice.chooseHead(Dag.empty(), hash)).toThrow(
    expect.objectContaining({ blame: 'usage', code: 'no_head' }),
  )
})
