/** The lies of `liars.test.ts` on real clients: a head that never was, and a handover to nowhere. */
import { dmlsEpoch, identifierBytes } from '@dmls/dmls'
import type { World } from '@dmls/sim'
import { afterEach, expect, test } from 'vitest'
import { forgeCommit } from './forge.ts'
import { Insider } from './insider.ts'
import { eventsOf, membersAt, say, update, worldOf } from './sim-stories.ts'

const NAMES = ['alice', 'bob', 'carol', 'dora']
const EVERYBODY = ['alice', 'bob', 'carol', 'dora', 'somebody unknown']
const open: World[] = []

afterEach(() => {
  for (const world of open.splice(0)) world.close()
})

/** alice alone may remove. mallory came last and listens; everybody else has committed and spoken since. */
async function infiltrated(): Promise<{ readonly world: World; readonly mallory: Insider }> {
  const world = await worldOf([], { outside: NAMES, seed: 17 })
  open.push(world)
  const [alice, ...others] = NAMES.map((name) => world.node(name))
  if (alice === undefined) throw new Error('nobody is there')
  const admin = { kind: 'named', instances: [], identities: [alice.identity], invitations: 'named' } as const
  await world.createGroup(alice, others, { policy: { admin } })
  const mallory = await Insider.join(world, alice)
  for (const name of NAMES) {
    await update(world, name)
    await world.runFor(500)
  }
  for (const name of NAMES) await say(world, name, `${name} is here`)
  await world.runFor(20_000)
  await mallory.listen()
  expect(mallory.actor.head).toBe(alice.requireGroup().head)
  return { world, mallory }
}

/** They go on together, as if nothing had been said. */
async function goOn(world: World): Promise<void> {
  for (const name of NAMES) {
    await update(world, name)
    await say(world, name, `${name} goes on`)
    await world.runFor(5000)
  }
  await world.runFor(600_000)
  const heads = NAMES.map((name) => world.node(name).requireGroup().head)
  expect(new Set(heads).size).toBe(1)
  for (const name of NAMES) {
    expect(world.node(name).requireGroup().isMember).toBe(true)
    expect(membersAt(world, name)).toEqual(EVERYBODY)
    for (const type of ['removed', 'cannotFollow', 'rejoined'] as const) expect(eventsOf(world, name, type)).toEqual([])
  }
}

test('scenario 17: an invented head takes nobody out of a group of clients, and parts nobody from the others', async () => {
  const { world, mallory } = await infiltrated()
  const { actor } = mallory
  const carol = world.node('carol').identity
  const removed = [...actor.state.dag.roster(actor.head).values()].find(({ identity }) => identity === carol)?.leafIndex
  const ghost = { head: dmlsEpoch('ab'.repeat(32)), forkPoint: dmlsEpoch('cd'.repeat(32)) }
  const proposals = [{ proposalType: 'remove', removed: removed as number }] as const
  const forged = await forgeCommit(actor, { proposals, data: { resolves: [ghost] } })
  await mallory.send(forged.wire)
  await world.runFor(2000)
  for (const name of NAMES) expect(eventsOf(world, name, 'refused').at(-1)?.code).toBe('bad_fork_point')
  await goOn(world)
})

test('scenario 11: a handover that says that somebody is out convinces neither that client nor an admin', async () => {
  const { world, mallory } = await infiltrated()
  const { actor } = mallory
  const bob = actor.state.dag.roster(actor.head).values()
  const gone = [...bob].filter(({ identity }) => identity === world.node('bob').identity)
  const lie = await actor.send({
    kind: 'handover',
    resolvedBy: new Uint8Array(32).fill(8),
    forkPoint: new Uint8Array(32).fill(9),
    heads: [identifierBytes(actor.head)],
    entrances: [],
    gone: gone.map(({ instance }) => identifierBytes(instance)),
  })
  await mallory.send(lie)
  await world.runFor(2000)
  expect(world.node('bob').requireGroup().isMember).toBe(true)
  await goOn(world)
})
