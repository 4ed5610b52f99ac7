/** Decisions count, and what merges only carried out does not (protocol §7). */
import { describe, expect, test } from 'vitest'
import { Story } from '../story.ts'

const three = Story.begin('start', 'alice', 'bob', 'charlie')

describe('dave, whom bob invited beside his own removal', () => {
  const apart = three
    .commit('alice', 'start', 'a1', { remove: ['bob'] })
    .commit('bob', 'start', 'b1', { add: ['dave'] })

  test('is out, and a merge that removes him says no more than that', () => {
    const merged = apart.commit('alice', 'b1', 'm', { resolve: ['a1'], remove: ['bob', 'dave'] })
    expect(merged.members()).toEqual(['alice', 'charlie'])
  })

  test('is in when somebody else invited him too, whichever branches were merged first', () => {
    const three = apart.commit('charlie', 'start', 'c1', { add: ['dave'] })
    expect(three.members()).toEqual(['alice', 'charlie', 'dave'])
    const first = three.commit('alice', 'b1', 'm', { resolve: ['a1'], remove: ['bob', 'dave'] })
    expect(first.members()).toEqual(['alice', 'charlie', 'dave'])
    const second = three.commit('alice', 'c1', 'm', { resolve: ['b1'] })
    expect(second.members()).toEqual(['alice', 'charlie', 'dave'])
  })

  test('is out when somebody decided to remove him, whoever invited him', () => {
    const story = apart
      .commit('charlie', 'start', 'c1', { add: ['dave'] })
      .commit('charlie', 'c1', 'c2', { remove: ['dave'] })
    expect(story.members()).toEqual(['alice', 'charlie'])
  })

  test('is out although bob claims to have seen his removal, also where a third branch is open', () => {
    const claimed = three
      .commit('alice', 'start', 'a1', { remove: ['bob'] })
      .commit('bob', 'start', 'b1', { add: ['dave'], resolve: ['a1'] })
      .commit('charlie', 'start', 'c1')
    expect(claimed.members()).toEqual(['alice', 'charlie'])
  })
})
