import { expect, test } from 'vitest'
import { withHandover } from '../../src/group/handovers.ts'
import type { Handover } from '../../src/group/state.ts'
import { epochOf } from '../story.ts'

function handover(saidIn: string, resolvedBy: string): Handover {
  const [from, to] = [epochOf(saidIn), epochOf(resolvedBy)]
  return { saidIn: from, resolvedBy: to, forkPoint: epochOf('start'), heads: [from], entrances: [] }
}

test('one epoch may be handed over to in several heads, and each is kept once', () => {
  const said = [handover('a1', 'm'), handover('b1', 'm'), handover('a1', 'm')]
  const known = said.reduce<ReadonlyMap<string, Handover>>(withHandover, new Map())
  expect([...known.values()].map(({ saidIn }) => saidIn)).toEqual([epochOf('a1'), epochOf('b1')])
})

test('a member that says handovers without end fills nothing: the oldest leave', () => {
  let known: ReadonlyMap<string, Handover> = new Map()
  for (let i = 0; i < 1000; i++) known = withHandover(known, handover('a1', `m${i}`))
  expect(known.size).toBe(256)
  expect([...known.values()].at(-1)?.resolvedBy).toBe(epochOf('m999'))
})
