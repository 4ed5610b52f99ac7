/** A check that cannot fail checks nothing: worlds in which what these guard is broken. */

import type { DmlsGroup } from '@dmls/client'
import { nodeProvider } from '@dmls/crypto/node'
import { Dag, DEFAULT_RETENTION, type EpochFacts, type InstanceId, membership, type RosterMember } from '@dmls/dmls'
import { describe, expect, test, vi } from 'vitest'
import type { DeliveredMessage } from '../src/observations.ts'
import { speakUp } from '../src/operations.ts'
import {
  checkCaps,
  checkConsistentHeads,
  checkDeliveredIfHeld,
  checkHeadMembers,
  checkSharedHead,
  heldOnDisk,
  type MembershipOfHeads,
} from '../src/settled-checkers.ts'
import type { SimNode } from '../src/sim-node.ts'
import { UnionHistory } from '../src/union-history.ts'
import { World } from '../src/world.ts'

const membershipOf: MembershipOfHeads = ({ dag }, heads) => new Set(membership(dag, heads).keys())

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

/** The same, with alice on one side of a cut and the others on the other. */
async function cut(): Promise<Three> {
  const [world, alice, bob, charlie] = await healthy()
  world.network.partition([['alice'], ['bob', 'charlie']])
  await world.finish(alice.requireGroup().update())
  await world.finish(bob.requireGroup().update())
  await world.runFor(2000)
  return [world, alice, bob, charlie]
}

/** What the facts of an epoch say to whoever a Welcome lets into it. */
const BEGINNING = {
  parent: undefined,
  committer: undefined,
  committerLeaf: undefined,
  resolves: [],
  adds: [],
  removes: [],
}

function rosterAt(group: DmlsGroup): readonly RosterMember[] {
  return [...group.dag().roster(group.head).values()]
}

test('a world in which nothing is wrong passes every check', async () => {
  const [world] = await healthy()
  await speakUp(world)
  const history = new UnionHistory(world)
  expect(checkConsistentHeads(world)).toEqual([])
  expect(checkSharedHead(world)).toEqual([])
  expect(checkHeadMembers(world, history, membershipOf)).toEqual([])
  expect(await checkDeliveredIfHeld(world, history)).toEqual([])
  expect(await checkCaps(world)).toEqual([])
})

describe('whoever takes itself for a member', () => {
  test('must be where each of the others is, also where most of them are together', async () => {
    const [world, alice, bob, charlie] = await cut()
    const [a, b] = [alice, bob].map((node) => node.requireGroup().head.slice(0, 8))
    expect(checkConsistentHeads(world)).toEqual([`alice is at ${a}, bob at ${b}`, `alice is at ${a}, charlie at ${b}`])
    expect(checkSharedHead(world)).toEqual([expect.stringContaining('nobody shares a head')])
    // a lone one that has given up all the others is parted from those who have not given it up
    vi.spyOn(alice.requireGroup(), 'members').mockReturnValue([])
    expect(checkSharedHead(world)).toEqual([])
    expect(checkConsistentHeads(world)).toHaveLength(2)
    expect(charlie.requireGroup().head.slice(0, 8)).toBe(b)
  })

  test('or was told that it is not', async () => {
    const [world] = await cut()
    const event = { type: 'cannotFollow', epochs: [], missingMs: 0 } as const
    world.observations.events.push({ node: 'alice', life: 1, event })
    expect(checkConsistentHeads(world)).toEqual([])
    expect(checkSharedHead(world)).not.toEqual([])
  })

  test('is where the others are, unless all of them came after every epoch that it knows', async () => {
    const [world, , bob, charlie] = await cut()
    expect(checkSharedHead(world)).not.toEqual([])
    for (const [i, node] of [bob, charlie].entries()) {
      const group = node.requireGroup()
      const entered = { ...(group.dag().get(group.head) as EpochFacts), ...BEGINNING, roster: rosterAt(group) }
      vi.spyOn(group, 'dag').mockReturnValue(Dag.empty().insert(entered))
      // one who can tell is enough
      expect(checkSharedHead(world)).toHaveLength(i === 0 ? 1 : 0)
    }
  })

  test('must have the secrets that the others have', async () => {
    const [world, , bob] = await healthy()
    vi.spyOn(bob.requireGroup(), 'epochAuthenticator').mockReturnValue(new Uint8Array(32))
    expect(checkConsistentHeads(world)).not.toEqual([])
    expect(checkSharedHead(world)).not.toEqual([])
  })

  test('must have the members that follow from what led there', async () => {
    const [world] = await healthy()
    const oneMissing: MembershipOfHeads = (...asked) => new Set([...membershipOf(...asked)].slice(1) as InstanceId[])
    expect(checkHeadMembers(world, new UnionHistory(world), oneMissing)).toHaveLength(3)
  })
})

describe('a message', () => {
  test('must reach whoever stands where it led', async () => {
    const [world, alice] = await healthy()
    world.network.partition([['alice'], ['bob', 'charlie']])
    await world.finish(alice.say('is anybody there'))
    const missed = ['bob', 'charlie'].map((name) => `"is anybody there" of alice never reached ${name}`)
    expect(await checkDeliveredIfHeld(world, new UnionHistory(world))).toEqual(missed)
    // somebody who was told that it came too late
    const dmlsEpoch = alice.requireGroup().head
    world.observations.events.push({ node: 'bob', life: 1, event: { type: 'beyondHorizon', dmlsEpoch } })
    expect(await checkDeliveredIfHeld(world, new UnionHistory(world))).toEqual(missed.slice(1))
  })

  test('must be given once to each', async () => {
    const [world] = await healthy()
    const first = world.observations.delivered[0] as DeliveredMessage
    world.observations.delivered.push(first)
    const twice = `${first.node} was given ${first.id.slice(0, 8)} 2 times`
    expect(await checkDeliveredIfHeld(world, new UnionHistory(world))).toEqual([twice])
  })

  test('is not missed if its author was set back to a disk from before', async () => {
    const [world, alice, bob] = await healthy()
    bob.keepBackup()
    world.network.partition([['bob'], ['alice', 'charlie']])
    await world.finish(bob.say('gone with the disk'))
    expect(await checkDeliveredIfHeld(world, new UnionHistory(world))).toHaveLength(2)
    bob.crash()
    bob.restoreBackup()
    await world.finish(bob.start())
    expect(bob.restorations).toBe(1)
    world.network.heal()
    await world.runUntilQuiet()
    expect(await checkDeliveredIfHeld(world, new UnionHistory(world))).toEqual([])
    expect(alice.requireGroup().head).toBe(bob.requireGroup().head)
  })
})

test('no disk holds more epochs or bytes than the group allows', async () => {
  const [world, alice] = await cut()
  const { epochs, headBytes, otherBytes } = await heldOnDisk(alice)
  expect(epochs).toBeGreaterThan(1)
  expect(headBytes).toBeGreaterThan(500)
  const allow = (caps: { readonly epochsMax: number; readonly sizeMaxBytes: number }): void => {
    const group = alice.requireGroup()
    const retention = { ...DEFAULT_RETENTION, ...caps }
    vi.spyOn(group, 'policy').mockReturnValue({ ...group.policy(), retention })
  }
  allow({ epochsMax: epochs, sizeMaxBytes: headBytes + otherBytes })
  expect(await checkCaps(world)).toEqual([])
  allow({ epochsMax: epochs - 1, sizeMaxBytes: headBytes + otherBytes })
  expect(await checkCaps(world)).toEqual([`alice holds ${epochs} epochs of ${epochs - 1}`])
  allow({ epochsMax: epochs, sizeMaxBytes: headBytes + otherBytes - 1 })
  expect(await checkCaps(world)).toEqual([`alice holds ${otherBytes} bytes beside the ${headBytes} of its head`])
})
