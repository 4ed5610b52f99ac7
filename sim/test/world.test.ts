import { nodeProvider } from '@dmls/crypto/node'
import { describe, expect, test } from 'vitest'
import { BAD_LINK, GOOD_LINK } from '../src/network-conditions.ts'
import type { Operation } from '../src/operations.ts'
import { carryOut } from '../src/operations.ts'
import type { SimNode } from '../src/sim-node.ts'
import { World } from '../src/world.ts'

async function createWorld(names: readonly string[], seed: number | string = 1): Promise<[World, ...SimNode[]]> {
  const world = new World({ seed, provider: nodeProvider })
  const nodes: SimNode[] = []
  for (const name of names) nodes.push(await world.add(name))
  return [world, ...nodes]
}

const members = (node: SimNode): number => node.requireGroup().members().length
const texts = (world: World, node: SimNode): string[] =>
  world.observations.delivered.filter(({ node: name }) => name === node.name).map(({ text }) => text)

/** Everything on a disk. */
async function contents(node: SimNode): Promise<string[]> {
  const entries: string[] = []
  for await (const [key, value] of node.disk.entries({ prefix: new Uint8Array(0) })) {
    entries.push(`${Buffer.from(key).toString('hex')} ${Buffer.from(value).toString('hex')}`)
  }
  return entries
}

/** A short, eventful history. */
async function eventful(seed: number): Promise<{ readonly fingerprint: string; readonly disks: string[][] }> {
  const [world, alice, bob, charlie] = await createWorld(['alice', 'bob', 'charlie', 'dora'], seed)
  await world.createGroup(alice as SimNode, [bob as SimNode, charlie as SimNode])
  const operations: Operation[] = [
    { kind: 'weather', weather: 'bad' },
    { kind: 'say', who: 0 },
    { kind: 'partition', islands: [0, 1, 1, 0] },
    { kind: 'add', who: 0, whom: 0 },
    { kind: 'update', who: 1 },
    { kind: 'crashAtWrite', who: 2, write: 1, what: 'after' },
    { kind: 'say', who: 1 },
    { kind: 'join' },
    { kind: 'remove', who: 0, whom: 1 },
  ]
  for (const operation of operations) {
    carryOut(world, operation)
    await world.runFor(300)
  }
  await world.heal(GOOD_LINK)
  await world.runUntilQuiet()
  const disks: string[][] = []
  for (const node of world.nodes) disks.push(await contents(node))
  world.close()
  return { fingerprint: world.fingerprint, disks }
}

describe('a world', () => {
  test('is the same again for the same seed, to the last byte of every disk', async () => {
    const first = await eventful(7)
    const second = await eventful(7)
    expect(second.fingerprint).toBe(first.fingerprint)
    expect(second.disks).toEqual(first.disks)
    expect((await eventful(8)).fingerprint).not.toBe(first.fingerprint)
  })

  test('lets alice, bob and charlie talk, and says who was told what', async () => {
    const [world, alice, bob, charlie] = (await createWorld(['alice', 'bob', 'charlie'])) as [World, ...SimNode[]]
    await world.createGroup(alice as SimNode, [bob as SimNode, charlie as SimNode])
    await world.finish((bob as SimNode).say('hello'))
    await world.runUntilQuiet()
    expect([alice, bob, charlie].map((node) => texts(world, node as SimNode))).toEqual([['hello'], [], ['hello']])
    const [sent] = world.observations.sent
    expect(world.traffic.epochsOfMessages().get(sent?.id as string)).toBe(alice?.requireGroup().head)
  })

  test('brings two sides of a cut together, newcomers and all', async () => {
    const [world, alice, bob, charlie, dora] = (await createWorld(['alice', 'bob', 'charlie', 'dora'])) as [
      World,
      SimNode,
      SimNode,
      SimNode,
      SimNode,
    ]
    await world.createGroup(alice, [bob, charlie])
    world.network.partition([
      ['alice', 'dora'],
      ['bob', 'charlie'],
    ])
    const keyPackage = await world.finish(dora.client.createKeyPackage())
    await world.finish(alice.requireGroup().add([keyPackage]))
    await world.finish(bob.requireGroup().update())
    await world.finish(charlie.requireGroup().update())
    await world.runFor(2000)
    expect(members(bob)).toBe(3)
    await world.heal()
    const tookMs = await world.runUntilQuiet()
    expect(world.nodes.map(members)).toEqual([4, 4, 4, 4])
    expect(new Set(world.nodes.map((node) => node.requireGroup().head)).size).toBe(1)
    expect(tookMs).toBeLessThan(30_000)
  })

  test('is quiet only when what was lost has been brought', async () => {
    const [world, alice, bob] = (await createWorld(['alice', 'bob'])) as [World, SimNode, SimNode]
    await world.createGroup(alice, [bob])
    world.network.conditions.setQuality({ ...BAD_LINK, loss: 1 })
    await world.finish(alice.say('lost'))
    await world.runFor(60_000)
    expect(texts(world, bob)).toEqual([])
    world.network.conditions.setQuality(GOOD_LINK)
    await world.runUntilQuiet()
    expect(texts(world, bob)).toEqual(['lost'])
  })

  test('gives up on what never becomes quiet', async () => {
    const [world, alice, bob] = (await createWorld(['alice', 'bob'])) as [World, SimNode, SimNode]
    await world.createGroup(alice, [bob])
    const chatter = (): void => {
      void alice.say('again')
      world.queue.schedule(1000, chatter)
    }
    chatter()
    await expect(world.runUntilQuiet({ quietMs: 5000, limitMs: 20_000 })).rejects.toThrow('not quiet')
  })
})

describe('a node', () => {
  test('that crashes loses what it was doing and finds its group again', async () => {
    const [world, alice, bob] = (await createWorld(['alice', 'bob'])) as [World, SimNode, SimNode]
    await world.createGroup(alice, [bob])
    const head = bob.requireGroup().head
    bob.armStore({ write: 1, what: 'before' })
    const attempt = await world.finish(bob.attempt('update', () => bob.requireGroup().update()))
    expect(attempt.outcome.kind).toBe('lost')
    expect(bob.isRunning).toBe(false)
    expect(await world.finish(bob.start())).toBe('running')
    expect(bob.requireGroup().head).toBe(head)
    bob.armStore({ write: 1, what: 'after' })
    await world.finish(bob.attempt('update', () => bob.requireGroup().update()))
    await world.finish(bob.start())
    // what was stored is published by whoever asks for it
    await world.runUntilQuiet()
    expect(bob.requireGroup().head).not.toBe(head)
    expect(alice.requireGroup().head).toBe(bob.requireGroup().head)
  })

  test('that dies while it starts says so', async () => {
    const [world, alice] = (await createWorld(['alice'])) as [World, SimNode]
    alice.crash()
    const starting = alice.start()
    alice.crash()
    expect(await world.finish(starting)).toBe('died')
    expect(alice.lives).toBe(2)
  })

  test('whose disk refuses a write says no and goes on as before', async () => {
    const [world, alice, bob] = (await createWorld(['alice', 'bob'])) as [World, SimNode, SimNode]
    await world.createGroup(alice, [bob])
    alice.armStore({ write: 1, what: 'refuse' })
    const refused = await world.finish(alice.attempt('update', () => alice.requireGroup().update()))
    expect(refused.outcome).toMatchObject({ kind: 'refused', code: 'StoreError' })
    const done = await world.finish(alice.attempt('update', () => alice.requireGroup().update()))
    expect(done.outcome).toEqual({ kind: 'done' })
    await world.runUntilQuiet()
    expect(bob.requireGroup().head).toBe(alice.requireGroup().head)
  })

  test('with a wrong clock takes part like any other', async () => {
    const world = new World({ seed: 1, provider: nodeProvider })
    const alice = await world.add('alice', { clock: { skewMs: -1_500_000, rate: 1.1 } })
    const bob = await world.add('bob', { clock: { skewMs: 1_500_000, rate: 0.9 } })
    await world.createGroup(alice, [bob])
    await world.finish(bob.say('hello'))
    await world.runUntilQuiet()
    expect(texts(world, alice)).toEqual(['hello'])
  })

  test('can be backed up, put back and cloned', async () => {
    const [world, alice, bob] = (await createWorld(['alice', 'bob'])) as [World, SimNode, SimNode]
    await world.createGroup(alice, [bob])
    const [backup, head] = [bob.backup(), bob.requireGroup().head]
    await world.finish(alice.requireGroup().update())
    await world.runUntilQuiet()
    expect(bob.requireGroup().head).not.toBe(head)
    bob.crash()
    expect(() => bob.replaceDisk(backup)).not.toThrow()
    world.network.partition([['alice'], ['bob']])
    await world.finish(bob.start())
    expect(bob.requireGroup().head).toBe(head)
    const twin = await world.clone(bob, 'bob again')
    expect(twin.identity).toBe(bob.identity)
    expect(twin.requireGroup().head).toBe(head)
    expect(await contents(twin)).toEqual(await contents(bob))
  })
})
