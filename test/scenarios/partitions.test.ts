/** Real clients on the simulator, cut apart and joined again: scenarios 10, 14, 19, 21, 26 and 31. */
import { DEFAULT_GROUP_POLICY, type EpochFacts } from '@dmls/dmls'
import { BAD_LINK, UnionHistory, type World } from '@dmls/sim'
import { afterEach, describe, expect, test } from 'vitest'
import {
  act,
  add,
  eventsOf,
  membersAt,
  remove,
  say,
  settle,
  textsOf,
  update,
  verdictOf,
  worldOf,
} from './sim-stories.ts'

const open: World[] = []
async function world(...args: Parameters<typeof worldOf>): Promise<World> {
  const created = await worldOf(...args)
  open.push(created)
  return created
}
afterEach(() => {
  for (const each of open.splice(0)) each.close()
})

const LEFT = ['alice', 'bob', 'frank']
const RIGHT = ['charlie', 'dora', 'erin', 'grace']
const FOUNDERS = ['alice', 'bob', 'charlie', 'dora', 'erin']

/** Pairs of merges, neither of which had heard of the other, where one resolves what the other builds on. */
function crossingMerges(w: World): (readonly [string, string])[] {
  const { dag, facts } = new UnionHistory(w)
  const buildsOnResolved = (one: EpochFacts, other: EpochFacts): boolean =>
    one.resolves.some(({ head }) => head === other.parent)
  const merges = facts.filter(({ resolves }) => resolves.length > 0)
  return merges.flatMap((one) =>
    merges
      .filter((other) => buildsOnResolved(one, other) && !dag.precedes(other.id, one.id))
      .map((other) => [one.id, other.id] as const),
  )
}

describe('after a partition', () => {
  test('scenario 10: invitees of both sides are members of one group, and nobody did anything by hand', async () => {
    const w = await world(FOUNDERS, { outside: ['frank', 'grace'] })
    w.network.partition([LEFT, RIGHT])
    await add(w, 'alice', 'frank')
    await add(w, 'charlie', 'grace')
    await w.runFor(3000)
    await say(w, 'frank', 'frank is in')
    await say(w, 'grace', 'grace is in')
    await settle(w)
    expect(verdictOf(w)).toEqual({ violations: [], beyondTheLimit: false })
    expect(membersAt(w, 'erin')).toEqual(['alice', 'bob', 'charlie', 'dora', 'erin', 'frank', 'grace'])
  })

  test('scenario 14: whoever healed on the losing side has a fresh leaf on the winning one, within a commit each', async () => {
    const w = await world(FOUNDERS)
    w.network.partition([['alice'], ['bob', 'charlie', 'dora', 'erin']])
    await update(w, 'alice')
    const lost = w.node('alice').requireGroup().head
    await update(w, 'bob')
    await w.runFor(1000)
    for (const name of ['charlie', 'dora', 'erin']) await say(w, name, `${name} is here`)
    await w.runFor(1000)
    const before = w.node('bob').requireGroup().dag().size
    await settle(w)
    expect(verdictOf(w).violations).toEqual([])
    const group = w.node('erin').requireGroup()
    const alice = w
      .node('alice')
      .requireGroup()
      .members()
      .find(({ isSelf }) => isSelf)
    const heals = group
      .dag()
      .epochs()
      .filter(({ committer, id }) => committer === alice?.instance && id !== lost)
    expect(heals).toHaveLength(1)
    expect(group.dag().isAncestor(heals[0]?.id as never, group.head) || heals[0]?.id === group.head).toBe(true)
    // the losing commit itself, and the one that heals
    expect(group.dag().size - before).toBeLessThanOrEqual(2)
  })

  test('scenario 26: a message of the losing branch arrives once, marked, and only its author ever sent it', async () => {
    const w = await world(FOUNDERS)
    w.network.partition([
      ['alice', 'bob'],
      ['charlie', 'dora', 'erin'],
    ])
    await update(w, 'alice')
    await update(w, 'charlie')
    await w.runFor(500)
    await say(w, 'bob', 'from the left')
    await say(w, 'dora', 'from the right')
    await say(w, 'erin', 'me too')
    await w.runFor(500)
    await settle(w)
    expect(verdictOf(w).violations).toEqual([])
    const given = w.observations.delivered.filter(({ text, node }) => text === 'from the left' && node !== 'alice')
    expect(given.map(({ node }) => node).sort()).toEqual(['charlie', 'dora', 'erin'])
    expect(given.every(({ branch }) => branch !== 'chosen')).toBe(true)
    // one ciphertext, however often it was passed on: nobody sent it again, on whichever branch
    const ids = new Set(w.observations.delivered.filter(({ text }) => text === 'from the left').map(({ id }) => id))
    expect(ids.size).toBe(1)
    for (const name of FOUNDERS) {
      const expected =
        ['from the left', 'from the right', 'me too'].length - (['bob', 'dora', 'erin'].includes(name) ? 1 : 0)
      expect(textsOf(w, name)).toHaveLength(expected)
    }
  })

  test('scenario 31: merges that cross end on one head, with the newcomers of every side', async () => {
    const w = await world(['alice', 'bob', 'charlie'], {
      outside: ['dora', 'erin', 'frank'],
      timing: { mergeRankDelayMs: 0, mergeQuiescenceMs: 0 },
    })
    w.network.partition([
      ['alice', 'dora'],
      ['bob', 'erin'],
      ['charlie', 'frank'],
    ])
    await add(w, 'alice', 'dora')
    await add(w, 'bob', 'erin')
    await add(w, 'charlie', 'frank')
    await w.runFor(2000)
    w.network.partition([
      ['alice', 'dora', 'bob', 'erin'],
      ['charlie', 'frank'],
    ])
    await w.runFor(300)
    w.network.partition([
      ['alice', 'dora'],
      ['bob', 'erin', 'charlie', 'frank'],
    ])
    await w.runFor(300)
    await settle(w)
    expect(crossingMerges(w).length).toBeGreaterThan(0)
    // the handovers led them: nobody had to be brought back
    expect(w.observations.events.filter(({ event }) => event.type === 'rejoined')).toEqual([])
    expect(verdictOf(w)).toEqual({ violations: [], beyondTheLimit: false })
    expect(membersAt(w, 'frank')).toEqual(['alice', 'bob', 'charlie', 'dora', 'erin', 'frank'])
  })
})

describe('across a cut', () => {
  test('scenario 12: somebody lets itself in on one side while the other changes the settings, and both stand', async () => {
    const w = await world([], {})
    for (const name of [...FOUNDERS, 'frank']) await w.add(name)
    await w.createGroup(
      w.node('alice'),
      FOUNDERS.slice(1).map((name) => w.node(name)),
      { policy: { externalCommits: 'allowed' } },
    )
    w.network.partition([LEFT, RIGHT])
    const joinInfo = await w.finish(w.node('alice').requireGroup().createJoinInfo())
    await w.finish(w.node('frank').client.joinGroup(joinInfo))
    const retention = { ...DEFAULT_GROUP_POLICY.retention, epochsMax: 100 }
    await act(w, 'charlie', 'settings', (node) => node.requireGroup().changeSettings({ policy: { retention } }))
    await w.runFor(1000)
    // most members are on the side of the settings
    for (const name of ['dora', 'erin']) await say(w, name, `${name} is here`)
    expect(membersAt(w, 'bob')).toEqual(['alice', 'bob', 'charlie', 'dora', 'erin', 'frank'])
    await settle(w)
    const everybody = [...FOUNDERS, 'frank']
    expect(new Set(everybody.map((name) => w.node(name).requireGroup().head)).size).toBe(1)
    for (const name of everybody) {
      expect(membersAt(w, name)).toEqual(everybody)
      const policy = w.node(name).requireGroup().policy()
      expect(policy).toEqual({ ...DEFAULT_GROUP_POLICY, externalCommits: 'allowed', retention })
    }
    const [merged] = eventsOf(w, 'erin', 'merged')
    expect(merged).toMatchObject({ went: [], overridden: [] })
    expect(merged?.came).toHaveLength(1)
    await say(w, 'frank', 'frank is in')
    await w.runFor(1000)
    expect(textsOf(w, 'erin')).toContain('frank is in')
  })
})

describe('surroundings', () => {
  test('scenario 19: clocks that are months apart change neither the winner nor the members', async () => {
    const day = 24 * 3600 * 1000
    const winners: string[] = []
    for (const skews of [
      [0, 0, 0, 0, 0],
      [0, -80 * day, -40 * day, -day, -85 * day],
    ]) {
      const w = await world([])
      const names = ['alice', 'bob', 'charlie', 'dora', 'erin']
      for (const [i, name] of names.entries()) {
        await w.add(name, { clock: { skewMs: skews[i] as number, rate: 1 } })
      }
      await w.createGroup(
        w.node('alice'),
        ['bob', 'charlie', 'dora'].map((name) => w.node(name)),
      )
      w.network.partition([
        ['alice', 'bob', 'erin'],
        ['charlie', 'dora'],
      ])
      await add(w, 'alice', 'erin')
      await remove(w, 'charlie', 'dora')
      await w.runFor(2000)
      await settle(w)
      expect(verdictOf(w).violations).toEqual([])
      expect(membersAt(w, 'bob')).toEqual(['alice', 'bob', 'charlie', 'erin'])
      const group = w.node('bob').requireGroup()
      const line = [group.head, ...group.dag().ancestors(group.head)].reverse()
      winners.push(line.map((id) => group.dag().get(id)?.committerLeaf).join(' '))
    }
    expect(winners[0]).toBe(winners[1])
  })

  test('scenario 21: duplicates, delays and losses change neither the head nor what is delivered', async () => {
    const w = await world(FOUNDERS, { quality: BAD_LINK })
    for (let round = 0; round < 6; round++) {
      const name = FOUNDERS[round % FOUNDERS.length] as string
      void w.node(name).attempt('update', () => w.node(name).requireGroup().update())
      for (const speaker of FOUNDERS) void w.node(speaker).say(`${speaker} ${round}`)
      await w.runFor(700)
    }
    await w.heal()
    await w.runUntilQuiet()
    expect(verdictOf(w)).toEqual({ violations: [], beyondTheLimit: false })
    for (const name of FOUNDERS) expect(textsOf(w, name)).toHaveLength(24)
  })
})
