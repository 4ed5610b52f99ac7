import { expect, test } from 'vitest'
import { withHandover } from '../../src/group/handovers.ts'
import type { Handover } from '../../src/group/state.ts'
import { epochOf, instanceOf } from '../story.ts'

function handover(saidIn: string, resolvedBy: string, by: string = 'alice'): Handover {
  const [from, to] = [epochOf(saidIn), epochOf(resolvedBy)]
  return { saidIn: from, resolvedBy: to, by: instanceOf(by), forkPoint: epochOf('start'), heads: [from], entrances: [] }
}

type Known = ReadonlyMap<string, Handover>

test('one epoch may be handed over to in several heads, and each is kept once for everyone who says it', () => {
  const said = [handover('a1', 'm'), handover('b1', 'm'), handover('a1', 'm'), handover('a1', 'm', 'bob')]
  const known = said.reduce<Known>(withHandover, new Map())
  expect([...known.values()].map(({ saidIn, by }) => [saidIn, by])).toEqual([
    [epochOf('a1'), instanceOf('alice')],
    [epochOf('b1'), instanceOf('alice')],
    [epochOf('a1'), instanceOf('bob')],
  ])
})

test('a member that says handovers without end fills nothing, and pushes out its own: the oldest leave', () => {
  let known: Known = withHandover(new Map(), handover('a1', 'honest', 'bob'))
  for (let i = 0; i < 1000; i++) known = withHandover(known, handover('a1', `m${i}`, 'mallory'))
  expect(known.size).toBe(256)
  expect([...known.values()].at(0)).toEqual(handover('a1', 'honest', 'bob'))
  expect([...known.values()].at(1)?.resolvedBy).toBe(epochOf('m745'))
  expect([...known.values()].at(-1)?.resolvedBy).toBe(epochOf('m999'))
})
