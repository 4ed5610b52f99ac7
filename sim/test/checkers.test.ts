/** A check that cannot fail checks nothing: here each of them is shown a world in which what it guards is broken. */
import { nodeProvider } from '@dmls/crypto/node'
import { type DmlsEpoch, type InstanceId, membership } from '@dmls/dmls'
import { invalid, usage } from '@dmls/mls'
import { describe, expect, test, vi } from 'vitest'
import {
  checkAgreement,
  checkAttempts,
  checkDelivered,
  checkReaders,
  checkWorld,
  hasGhost,
  isBeyondTheLimit,
  nobodyCanJudge,
  type Specification,
} from '../src/checkers.ts'
import type { DeliveredMessage } from '../src/observations.ts'
import type { SimNode } from '../src/sim-node.ts'
import { UnionHistory } from '../src/union-history.ts'
import { World } from '../src/world.ts'

const specification: Specification = ({ dag, heads }) => new Set(membership(dag, heads).keys())

type Three = readonly [World, SimNode, SimNode, SimNode]

/** alice, bob and charlie in one epoch, where bob has said hello. */
async function healthy(): Promise<Three> {
  const world = new World({ seed: 1, provider: nodeProvider })
  const [alice, bob, charlie] = [await world.add('alice'), await world.add('bob'), await world.add('charlie')]
  await world.createGroup(alice, [bob, charlie])
  await world.finish(bob.say('hello'))
  await world.runUntilQuiet()
  return [world, alice, bob, charlie]
}

/** The same, cut into alice on one side and the others on the other, and nobody has joined them since. */
async function cut(): Promise<Three> {
  const [world, alice, bob, charlie] = await healthy()
  world.network.partition([['alice'], ['bob', 'charlie']])
  await world.finish(alice.requireGroup().update())
  await world.finish(bob.requireGroup().update())
  await world.runFor(2000)
  return [world, alice, bob, charlie]
}

function membersOf(world: World): ReadonlySet<InstanceId> {
  return specification(new UnionHistory(world))
}

function instanceOf(node: SimNode): InstanceId {
  return node
    .requireGroup()
    .members()
    .find(({ isSelf }) => isSelf)?.instance as InstanceId
}

test('a world in which nothing is wrong passes every check', async () => {
  const [world] = await healthy()
  expect(checkWorld(world, specification)).toEqual({ violations: [], beyondTheLimit: false })
})

describe('what nodes were told to do', () => {
  test('may be refused with a typed error, and with nothing else', async () => {
    const [world, alice] = await healthy()
    await world.finish(alice.attempt('ask', () => Promise.reject(usage('not_now', 'no'))))
    await world.finish(alice.attempt('read', () => Promise.reject(invalid('bad', 'no'))))
    expect(checkAttempts(world)).toEqual([])
    await world.finish(alice.attempt('stumble', () => Promise.reject(new TypeError('x is undefined'))))
    expect(checkAttempts(world)).toEqual([expect.stringContaining('alice: stumble failed with TypeError')])
    expect(checkWorld(world, specification).violations).toHaveLength(1)
  })

  test('must come to an end', async () => {
    const [world, alice] = await healthy()
    void alice.attempt('wait', () => new Promise(() => undefined))
    expect(checkAttempts(world)).toEqual(['alice: wait never ended'])
  })
})

describe('whoever remains a member', () => {
  const agreement = (world: World, members = membersOf(world)): string[] =>
    checkAgreement(world, new UnionHistory(world), members)

  test('must be where the others are', async () => {
    const [world, alice, bob] = await cut()
    const [a, b] = [alice, bob].map((node) => node.requireGroup().head.slice(0, 8))
    expect(agreement(world)).toEqual([`alice is at ${a}, bob at ${b}`, `alice is at ${a}, charlie at ${b}`])
    expect(checkWorld(world, specification).violations).not.toEqual([])
  })

  test('must have the members that the specification names', async () => {
    const [world, , , charlie] = await healthy()
    const others = new Set(membersOf(world))
    others.delete(instanceOf(charlie))
    expect(agreement(world, others)).toHaveLength(2)
    expect(agreement(world, others)[0]).toContain('alice at')
  })

  test('must know it', async () => {
    const [world, alice, , charlie] = await healthy()
    const everybody = membersOf(world)
    await world.finish(alice.requireGroup().remove([instanceOf(charlie)]))
    await world.runUntilQuiet()
    expect(agreement(world)).toEqual([])
    expect(agreement(world, everybody)).toContain('charlie should be a member and was removed')
  })

  test('must be in the group at all', async () => {
    const [world, alice] = await healthy()
    const dora = await world.add('dora')
    const keyPackage = await world.finish(dora.client.createKeyPackage())
    dora.crash()
    await world.finish(alice.requireGroup().add([keyPackage]))
    await world.runUntilQuiet()
    expect(agreement(world)).toEqual(['dora should be a member and has no group'])
  })

  test('must have the secrets that the others have', async () => {
    const [world, , bob] = await healthy()
    vi.spyOn(bob.requireGroup(), 'epochAuthenticator').mockReturnValue(new Uint8Array(32))
    expect(agreement(world)).toEqual([expect.stringContaining('alice and bob have different secrets')])
  })

  test('must find itself once', async () => {
    const [world, , bob] = await healthy()
    const members = bob.requireGroup().members()
    vi.spyOn(bob.requireGroup(), 'members').mockReturnValue(members.map((member) => ({ ...member, isSelf: false })))
    expect(agreement(world)).toEqual(['bob finds itself 0 times among the members'])
  })
})

describe('a message', () => {
  const delivered = (world: World): string[] => checkDelivered(world, new UnionHistory(world), membersOf(world))
  const readers = (world: World): string[] => checkReaders(world, new UnionHistory(world))
  const first = (world: World): DeliveredMessage => world.observations.delivered[0] as DeliveredMessage

  test('must reach everybody who was there and remains', async () => {
    const [world, alice] = await cut()
    await world.finish(alice.say('is anybody there'))
    expect(delivered(world)).toEqual(
      ['bob', 'charlie'].map((name) => expect.stringMatching(`"is anybody there" of alice .* never reached ${name}`)),
    )
    world.network.heal()
    await world.runUntilQuiet()
    expect(delivered(world)).toEqual([])
  })

  test('must be given once to each', async () => {
    const [world] = await healthy()
    world.observations.delivered.push(first(world))
    expect(delivered(world)).toEqual([`${first(world).node} was given "hello" 2 times`])
  })

  test('must leave its author', async () => {
    const [world] = await healthy()
    const [sent] = world.observations.sent
    if (sent !== undefined) world.observations.sent.push({ ...sent, text: 'unsaid', id: '00' })
    expect(delivered(world)).toEqual(['"unsaid" of bob never left it'])
  })

  test('must have been sent, and by whom it says', async () => {
    const [world, alice] = await healthy()
    world.observations.delivered.push({ ...first(world), text: 'whatever' })
    world.observations.delivered.push({ ...first(world), sender: alice.identity })
    expect(readers(world)).toEqual([
      `${first(world).node} was given "whatever", which nobody sent`,
      `${first(world).node} takes "hello" for somebody else's`,
    ])
  })

  test('must not be read by anybody else', async () => {
    const [world] = await healthy()
    await world.add('eve')
    world.observations.delivered.push({ ...first(world), node: 'eve' })
    expect(readers(world)).toEqual([expect.stringContaining('eve reads "hello"')])
    expect(checkWorld(world, specification).violations).toHaveLength(1)
  })
})

describe('nothing is promised', () => {
  test('when nobody remains, or nobody can judge; a cut that anybody can judge is no excuse', async () => {
    const [world, alice, bob, charlie] = await cut()
    const history = new UnionHistory(world)
    expect(history.heads).toHaveLength(2)
    expect(nobodyCanJudge(world, history, membersOf(world))).toBe(false)
    expect(nobodyCanJudge(world, history, new Set())).toBe(true)
    // each of them refuses the other side, because the fork began too long ago
    const [a, b] = [alice, bob].map((node) => node.requireGroup().head) as [DmlsEpoch, DmlsEpoch]
    const dmlsEpoch = history.dag.forkPoint(a, b) as DmlsEpoch
    for (const { name, lives } of [alice, bob, charlie]) {
      expect(isBeyondTheLimit(world, history, membersOf(world))).toBe(false)
      world.observations.events.push({ node: name, life: lives, event: { type: 'beyondHorizon', dmlsEpoch } })
    }
    expect(isBeyondTheLimit(world, history, membersOf(world))).toBe(true)
  })

  test('when somebody was invited who was there already: nobody plays the second device', async () => {
    const [world, alice, bob] = await healthy()
    expect(hasGhost(new UnionHistory(world), membersOf(world))).toBe(false)
    const keyPackage = await world.finish(bob.client.createKeyPackage())
    await world.finish(alice.requireGroup().add([keyPackage]))
    await world.runUntilQuiet()
    const history = new UnionHistory(world)
    expect(hasGhost(history, membersOf(world))).toBe(true)
    expect(isBeyondTheLimit(world, history, membersOf(world))).toBe(true)
  })
})
