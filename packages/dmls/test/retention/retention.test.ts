import { describe, expect, test } from 'vitest'
import type { DmlsEpoch } from '../../src/dag/identifiers.ts'
import { checkHorizon, type HeldEpochView, processesCommits, retentionStages } from '../../src/retention/retention.ts'
import { DEFAULT_RETENTION } from '../../src/retention/retention-policy.ts'
import { epochOf, instanceOf, nameOf, Story } from '../story.ts'

const DAY_MS = 24 * 60 * 60 * 1000
const three = Story.begin('start', 'alice', 'bob', 'charlie')

function stagesOf(
  story: Story,
  head: string,
  options: {
    readonly ages?: Readonly<Record<string, number>>
    readonly policy?: Partial<typeof DEFAULT_RETENTION>
  } = {},
): Record<string, string> {
  const held = story.dag.epochs().map(
    ({ id }): HeldEpochView => ({
      id,
      stage: 'open',
      supersededForMs: options.ages?.[nameOf(id)] ?? 0,
      sizeBytes: 10_000,
    }),
  )
  const heads = story.dag.unresolvedHeads()
  const view = { head: epochOf(head), own: instanceOf('alice'), held, heads }
  const stages = retentionStages(story.dag, { ...DEFAULT_RETENTION, ...options.policy }, view)
  return Object.fromEntries([...stages].map(([id, stage]) => [nameOf(id), stage]))
}

describe('by default an epoch is retained', () => {
  const story = three.commit('alice', 'start', 'a1').commit('bob', 'a1', 'b1')

  test('until every other member has spoken in a descendant of it', () => {
    expect(stagesOf(story, 'b1')).toEqual({ start: 'retained', a1: 'retained', b1: 'head' })
    expect(stagesOf(story.say('charlie', 'a1'), 'b1')).toEqual({ start: 'readable', a1: 'retained', b1: 'head' })
    expect(stagesOf(story.say('charlie', 'b1'), 'b1')).toEqual({ start: 'readable', a1: 'readable', b1: 'head' })
  })

  test('or for a week when somebody never speaks (scenario 24), and is not readable longer', () => {
    const ages = { start: 7 * DAY_MS, a1: 7 * DAY_MS - 1 }
    expect(stagesOf(story, 'b1', { ages })).toEqual({ start: 'skeleton', a1: 'retained', b1: 'head' })
  })

  test('as long as it is a head that nobody resolved, whatever was said since', () => {
    const forked = three
      .commit('alice', 'start', 'a1')
      .commit('bob', 'start', 'b1')
      .say('charlie', 'a1')
      .say('bob', 'a1')
    const ages = { b1: 30 * DAY_MS, start: 30 * DAY_MS }
    expect(stagesOf(forked, 'a1', { ages })).toEqual({ start: 'skeleton', a1: 'head', b1: 'retained' })
    const merged = forked
      .commit('alice', 'a1', 'm', { resolve: ['b1'] })
      .say('charlie', 'm')
      .say('bob', 'm')
    expect(stagesOf(merged, 'm', { ages })).toEqual({ start: 'skeleton', a1: 'readable', b1: 'skeleton', m: 'head' })
  })

  test('not for the sake of a member that speaks with two tongues', () => {
    const split = story
      .commit('charlie', 'start', 'c1', { counter: 1 })
      .commit('charlie', 'start', 'c2', { counter: 1 })
      .commit('alice', 'b1', 'm', { resolve: ['c1', 'c2'] })
      .say('bob', 'm')
    expect(stagesOf(split, 'm').start).toBe('readable')
  })
})

describe('the caps', () => {
  test('cost a member that floods the group its own epochs, not those of others (scenario 1)', () => {
    let flood = three.commit('alice', 'start', 'a1').commit('bob', 'start', 'b1')
    for (let i = 0; i < 200; i++) flood = flood.commit('bob', 'start', `flood ${i}`)
    const stages = stagesOf(flood, 'a1', { policy: { epochsMax: 20 } })
    const kept = Object.entries(stages).filter(([, stage]) => stage !== 'skeleton')
    expect(kept.length).toBe(20)
    expect([stages.start, stages.a1, stages.b1]).toEqual(['retained', 'head', 'retained'])
    // what bob made first stays, so that others who built on it are not cut off by what it made later
    expect(stages['flood 0']).toBe('retained')
    expect(stages['flood 199']).toBe('skeleton')
    // the epoch that bob floods still processes commits, so charlie's removal of bob lands there
    expect(processesCommits('retained')).toBe(true)
    expect(flood.commit('charlie', 'start', 'r', { remove: ['bob'] }).members()).toEqual(['alice', 'charlie'])
  })

  test('count bytes too, and take resolved branches before the history of the head', () => {
    const story = three
      .commit('alice', 'start', 'a1')
      .commit('bob', 'start', 'b1')
      .commit('alice', 'a1', 'm', { resolve: ['b1'] })
    expect(stagesOf(story, 'm', { policy: { sizeMaxBytes: 30_000 } })).toEqual({
      start: 'retained',
      a1: 'retained',
      b1: 'skeleton',
      m: 'head',
    })
    expect(stagesOf(story, 'm', { policy: { sizeMaxBytes: 20_000 } }).start).toBe('skeleton')
    expect(stagesOf(story, 'm', { policy: { sizeMaxBytes: 1 } }).m).toBe('head')
  })
})

test('a fork from an epoch that is only readable or gone is refused as beyond the horizon (scenario 3)', () => {
  const epoch: DmlsEpoch = epochOf('start')
  for (const stage of ['readable', 'skeleton'] as const) {
    expect(() => checkHorizon(epoch, stage)).toThrow(
      expect.objectContaining({ blame: 'invalid', code: 'beyond_horizon' }),
    )
  }
  for (const stage of ['head', 'retained'] as const) expect(() => checkHorizon(epoch, stage)).not.toThrow()
})
