import { describe, expect, test } from 'vitest'
import { nearest } from '../../src/command/nearest.ts'

describe('the word that was probably meant', () => {
  test.each([
    ['jsno', ['json', 'keep'], 'json'],
    ['kepe', ['json', 'keep'], 'keep'],
    ['jsonn', ['json', 'keep'], 'json'],
    ['xyz', ['json', 'keep'], undefined],
    ['a', ['b'], undefined],
    ['', ['json'], undefined],
    ['out', [], undefined],
  ])('%s among %j is %s', (word, candidates, expected) => {
    expect(nearest(word, candidates)).toBe(expected)
  })
})
