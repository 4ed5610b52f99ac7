/** A process that dies at any write, before or after it took effect: scenario 15. */
import { nodeProvider } from '@dmls/crypto/node'
import { World, type WriteFault } from '@dmls/sim'
import { describe, expect, test } from 'vitest'
import { eventsOf, membersAt, verdictOf } from './sim-stories.ts'

const NAMES = ['alice', 'bob', 'charlie', 'dora']

/** alice does a bit of everything while the group is cut, and dies at most once. What was under way is lost; she restarts. */
async function story(fault: WriteFault | undefined): Promise<{ readonly world: World; readonly died: boolean }> {
  const world = new World({ seed: 15, provider: nodeProvider })
  for (const name of NAMES) await world.add(name)
  const [alice, bob, charlie, dora] = NAMES.map((name) => world.node(name)) as [
    ReturnType<World['node']>,
    ReturnType<World['node']>,
    ReturnType<World['node']>,
    ReturnType<World['node']>,
  ]
  await world.createGroup(alice, [bob, charlie])
  const keyPackage = await world.finish(dora.client.createKeyPackage())
  if (fault !== undefined) alice.armStore(fault)
  const deeds: (() => Promise<unknown>)[] = [
    () => alice.say('one'),
    () => alice.attempt('update', () => alice.requireGroup().update()),
    () => alice.attempt('add dora', () => alice.requireGroup().add([keyPackage])),
    () => alice.say('two'),
  ]
  world.network.partition([['alice', 'bob', 'dora'], ['charlie']])
  await world.finish(charlie.attempt('update', () => charlie.requireGroup().update()))
  for (const deed of deeds) {
    if (!alice.isRunning) await world.finish(alice.start())
    if (alice.isOpen && alice.group !== undefined) await world.finish(deed())
    void bob.say(`bob ${world.queue.steps}`)
    await world.runFor(1000)
  }
  world.network.heal()
  await world.runFor(3000)
  const died = alice.lives > 1 || !alice.isRunning
  await world.heal()
  await world.runUntilQuiet({ quietMs: 40_000 })
  return { world, died }
}

/** Nothing is wrong: everybody agrees, each message once, and no key was used twice. */
function check(world: World): void {
  const { violations, beyondTheLimit } = verdictOf(world)
  expect(beyondTheLimit).toBe(false)
  // whoever asked for something that the disk refused is told so
  expect(violations.filter((violation) => !violation.includes('The simulated disk refused this write'))).toEqual([])
  for (const name of NAMES) {
    const codes = eventsOf(world, name, 'refused').map(({ code }) => code)
    // a generation that was used before would be refused as this
    expect(codes).not.toContain('generation_used')
    expect(eventsOf(world, name, 'stateLost')).toEqual([])
    expect(eventsOf(world, name, 'equivocation')).toEqual([])
  }
  const members = membersAt(world, 'bob')
  expect(members).toEqual(expect.arrayContaining(['alice', 'bob', 'charlie']))
}

describe('a crash at every write', () => {
  for (const what of ['before', 'after', 'refuse'] as const) {
    test(`scenario 15: ends as no crash does, when the process ${what === 'refuse' ? 'is refused the write' : `dies ${what} it`}`, async () => {
      let write = 1
      for (let reached = true; reached; write++) {
        const { world, died } = await story({ write, what })
        check(world)
        // the story is over before the write: the next one would not be reached either
        reached = what === 'refuse' ? write < 24 : died
        world.close()
      }
      expect(write).toBeGreaterThan(12)
    })
  }

  test('scenario 15: and without one, dora is in and everything was said', async () => {
    const { world, died } = await story(undefined)
    expect(died).toBe(false)
    check(world)
    expect(membersAt(world, 'charlie')).toEqual(['alice', 'bob', 'charlie', 'dora'])
    world.close()
  })
})
