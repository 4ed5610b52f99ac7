/** Clients that were away, cut off or set back, on the simulator: scenarios 8, 16, 20, 22, 24, 25 and 33. */

import { nodeProvider } from '@dmls/crypto/node'
import { DEFAULT_GROUP_POLICY, type DmlsEpoch, type RetentionPolicy } from '@dmls/dmls'
import { decodeMlsMessage, referenceOf } from '@dmls/mls'
import { World, type WorldOptions } from '@dmls/sim'
import { afterEach, describe, expect, test } from 'vitest'
import { act, eventsOf, membersAt, remove, say, settle, textsOf, update, verdictOf, worldOf } from './sim-stories.ts'

const open: World[] = []
afterEach(() => {
  for (const each of open.splice(0)) each.close()
})

const MINUTE = 60_000
const SHORT: RetentionPolicy = {
  retained: { kind: 'age', ageMs: MINUTE },
  readable: { kind: 'age', ageMs: MINUTE },
  epochsMax: 64,
  sizeMaxBytes: 1 << 24,
}

async function world(
  names: readonly string[],
  options: Partial<WorldOptions> & { readonly outside?: readonly string[] } = {},
): Promise<World> {
  const created = await worldOf(names, options)
  open.push(created)
  return created
}

/** A group that forgets its epochs a minute after they were left. */
async function forgetfulWorld(names: readonly string[], outside: readonly string[] = []): Promise<World> {
  const w = new World({ seed: 24, provider: nodeProvider })
  open.push(w)
  for (const name of [...names, ...outside]) await w.add(name)
  const [creator, ...others] = names.map((name) => w.node(name))
  if (creator !== undefined)
    await w.createGroup(creator, others, { policy: { ...DEFAULT_GROUP_POLICY, retention: SHORT } })
  return w
}

/** Two key packages of a node, the one that names the lower instance first. */
async function offersOf(w: World, name: string): Promise<[Uint8Array, Uint8Array]> {
  const { client } = w.node(name)
  const offers: [Uint8Array, Uint8Array] = [
    await w.finish(client.createKeyPackage()),
    await w.finish(client.createKeyPackage()),
  ]
  return offers.sort((a, b) => Buffer.compare(instanceNamedBy(a), instanceNamedBy(b)))
}

function instanceNamedBy(offer: Uint8Array): Uint8Array {
  const message = decodeMlsMessage(offer)
  if (message.wireFormat !== 'mls_key_package') throw new Error('not a key package')
  return referenceOf(nodeProvider.cipherSuite(1), message.keyPackage)
}

async function invite(w: World, name: string, keyPackage: Uint8Array): Promise<void> {
  await act(w, name, 'invite', (node) => node.requireGroup().add([keyPackage]))
}

/** Somebody commits every half minute. */
async function busy(w: World, names: readonly string[], minutes: number): Promise<void> {
  for (let i = 0; i < 2 * minutes; i++) {
    await update(w, names[i % names.length] as string)
    await w.runFor(30_000)
  }
}

describe('a member that comes back after a long time', () => {
  test('scenario 24: is brought back by itself, as a new instance, and blocked no deletion meanwhile', async () => {
    const w = await forgetfulWorld(['alice', 'bob', 'charlie', 'dora'])
    w.node('dora').crash()
    await busy(w, ['alice', 'bob', 'charlie'], 5)
    await say(w, 'alice', 'while dora was away')
    // old epochs went although she never spoke in a later one
    expect(w.node('alice').requireGroup().dag().size).toBeGreaterThan(8)
    await w.finish(w.node('dora').start())
    await settle(w)
    expect(verdictOf(w).violations.filter((violation) => !violation.includes('never reached dora'))).toEqual([])
    expect(membersAt(w, 'alice')).toEqual(['alice', 'bob', 'charlie', 'dora'])
    const [lost] = eventsOf(w, 'dora', 'cannotFollow')
    expect(lost?.epochs.length).toBeGreaterThan(0)
    expect(lost?.missingMs).toBeGreaterThanOrEqual(30_000)
    const { head } = w.node('dora').requireGroup()
    const dag = w.node('dora').requireGroup().dag()
    const [rejoined, ...more] = eventsOf(w, 'dora', 'rejoined')
    expect(more).toEqual([])
    // into this epoch: her history begins there anew
    expect(dag.roots()).toContain(rejoined?.dmlsEpoch)
    expect(rejoined?.dmlsEpoch === head || dag.isAncestor(rejoined?.dmlsEpoch as DmlsEpoch, head)).toBe(true)
    await say(w, 'dora', 'here again')
    await w.runFor(2000)
    for (const name of ['alice', 'bob', 'charlie']) expect(textsOf(w, name)).toContain('here again')
  })

  test('scenario 24: is brought back as whom it was invited, when it is out as what it was', async () => {
    const w = await forgetfulWorld(['alice', 'bob', 'charlie', 'dora'])
    const { client } = w.node('dora')
    const offer = await w.finish(client.createKeyPackage())
    w.node('dora').crash()
    await remove(w, 'bob', 'dora')
    await busy(w, ['alice', 'bob', 'charlie'], 5)
    await invite(w, 'alice', offer)
    await w.finish(w.node('dora').start())
    await settle(w)
    expect(eventsOf(w, 'dora', 'cannotFollow').length).toBeGreaterThan(0)
    expect(eventsOf(w, 'dora', 'rejoined')).toHaveLength(1)
    expect(membersAt(w, 'alice')).toEqual(['alice', 'bob', 'charlie', 'dora'])
    expect(w.node('dora').requireGroup().head).toBe(w.node('alice').requireGroup().head)
  })

  test('scenario 25: sides that forgot where they parted end as one group, or say that they cannot', async () => {
    const names = ['alice', 'bob', 'charlie', 'dora', 'erin']
    const w = await forgetfulWorld(names)
    w.network.partition([
      ['alice', 'bob', 'charlie'],
      ['dora', 'erin'],
    ])
    for (let round = 0; round < 3; round++) {
      await update(w, 'alice')
      await update(w, 'dora')
      await w.runFor(20_000)
      for (const name of names) await say(w, name, `${name} ${round}`)
      await w.runFor(70_000)
      for (const name of ['bob', 'charlie', 'erin']) await update(w, name)
      await w.runFor(90_000)
    }
    await w.heal()
    // all that was said is forgotten: they notice each other by what is said next
    await say(w, 'alice', 'hello')
    await say(w, 'dora', 'hello')
    await w.runUntilQuiet()
    const heads = new Set(names.map((name) => w.node(name).requireGroup().head))
    expect([...heads]).toHaveLength(1)
    for (const name of names) expect(membersAt(w, name)).toEqual(names)
    expect(names.some((name) => eventsOf(w, name, 'rejoined').length > 0)).toBe(true)
  })
})

describe('a state that is not the latest', () => {
  test('scenario 16: a client on a restored backup hears what it said after it, and comes back as somebody new', async () => {
    const w = await world(['alice', 'bob', 'charlie'])
    await say(w, 'alice', 'before')
    await w.runFor(1000)
    const backup = w.node('alice').backup()
    await say(w, 'alice', 'after')
    await update(w, 'alice')
    await say(w, 'alice', 'after the commit')
    await w.runFor(1000)
    w.node('alice').crash()
    w.node('alice').replaceDisk(backup)
    await w.finish(w.node('alice').start())
    await say(w, 'alice', 'with which key?')
    await settle(w)
    expect(eventsOf(w, 'alice', 'stateLost')).toHaveLength(1)
    expect(eventsOf(w, 'alice', 'rejoined')).toHaveLength(1)
    expect(membersAt(w, 'bob')).toEqual(['alice', 'bob', 'charlie'])
    await say(w, 'alice', 'as somebody new')
    await w.runFor(1000)
    for (const name of ['bob', 'charlie']) {
      const texts = textsOf(w, name)
      expect(texts).toContain('as somebody new')
      // nothing of hers was refused for a key that was used twice: she spoke when she was back, or not at all
      expect(eventsOf(w, name, 'refused').map(({ code }) => code)).not.toContain('generation_used')
    }
  })

  test('scenario 16: of two copies of one state the group keeps one, and the other knows', async () => {
    const w = await world(['alice', 'bob', 'charlie'])
    await say(w, 'alice', 'before')
    await w.runFor(1000)
    const clone = await w.clone(w.node('alice'), 'copy of alice')
    await say(w, 'alice', 'from the original')
    await w.runFor(1000)
    await settle(w)
    const lost = eventsOf(w, clone.name, 'stateLost').length + eventsOf(w, 'alice', 'stateLost').length
    expect(lost).toBeGreaterThan(0)
    const members = [w.node('alice'), clone].filter((node) => node.group?.isMember === true)
    expect(members).toHaveLength(1)
    expect(membersAt(w, 'bob')).toEqual(['alice', 'bob', 'charlie'])
    expect(w.node('bob').requireGroup().head).toBe(w.node('charlie').requireGroup().head)
  })
})

describe('something that is missing', () => {
  test('scenario 20: a message whose parent did not come waits, peers are asked, and it is never processed elsewhere', async () => {
    const w = await world(['alice', 'bob', 'charlie'], { syncIntervalMs: 100_000_000 })
    const lost: Uint8Array[] = []
    const stop = w.network.tap(({ message }) => lost.push(message))
    // charlie hears nothing of the commit, and everything after it
    w.network.partition([['alice', 'bob'], ['charlie']])
    await update(w, 'alice')
    await w.runFor(1000)
    w.network.conditions.setIslands([])
    stop()
    await say(w, 'bob', 'in the new epoch')
    await w.runFor(200)
    expect(eventsOf(w, 'charlie', 'unknownEpoch')).toHaveLength(1)
    expect(textsOf(w, 'charlie')).toEqual([])
    await w.runFor(5000)
    expect(textsOf(w, 'charlie')).toEqual(['in the new epoch'])
    expect(w.node('charlie').requireGroup().head).toBe(w.node('alice').requireGroup().head)
    expect(eventsOf(w, 'charlie', 'refused')).toEqual([])
  })

  test('scenario 22: a divergence is told soon after contact with one honest peer', async () => {
    const w = await world(['alice', 'bob', 'charlie', 'dora'])
    // dora is surrounded: she hears nobody, for hours
    w.network.partition([['alice', 'bob', 'charlie'], ['dora']])
    for (let i = 0; i < 3; i++) {
      await update(w, 'alice')
      await say(w, 'bob', `news ${i}`)
      await w.runFor(3_600_000)
    }
    await update(w, 'dora')
    expect(eventsOf(w, 'dora', 'forkOpened')).toEqual([])
    const contact = w.queue.nowMs
    w.network.partition([
      ['alice', 'bob'],
      ['charlie', 'dora'],
    ])
    while (eventsOf(w, 'dora', 'forkOpened').length === 0 && w.queue.nowMs - contact < 60_000) await w.runFor(100)
    expect(w.queue.nowMs - contact).toBeLessThan(10_000)
    await settle(w)
    expect(verdictOf(w).violations).toEqual([])
  })
})

describe('nobody left', () => {
  test('scenario 8: members who remove each other on two sides are both told that the group is orphaned', async () => {
    const w = await world(['alice', 'bob'])
    w.network.partition([['alice'], ['bob']])
    await remove(w, 'alice', 'bob')
    await remove(w, 'bob', 'alice')
    await settle(w)
    for (const name of ['alice', 'bob']) {
      expect(eventsOf(w, name, 'orphaned')).toHaveLength(1)
      expect(w.node(name).requireGroup().isMember).toBe(false)
    }
    expect(verdictOf(w).beyondTheLimit).toBe(true)
    expect(verdictOf(w).violations).toEqual([])
  })

  test('scenario 33: newcomers of sides that nobody can judge are told, and nothing breaks', async () => {
    const w = await world(['alice', 'bob'], {})
    await w.add('carol')
    await w.add('dora')
    w.network.partition([
      ['alice', 'carol'],
      ['bob', 'dora'],
    ])
    for (const [founder, newcomer] of [
      ['alice', 'carol'],
      ['bob', 'dora'],
    ] as const) {
      const keyPackage = await w.finish(w.node(newcomer).client.createKeyPackage())
      await w.finish(w.node(founder).requireGroup().add([keyPackage]))
      await w.runFor(1000)
    }
    // whoever was at the fork point goes
    await remove(w, 'carol', 'alice')
    await remove(w, 'dora', 'bob')
    await w.runFor(2000)
    for (const name of ['alice', 'bob']) w.node(name).crash()
    w.network.heal()
    await say(w, 'carol', 'anybody there?')
    await say(w, 'dora', 'hello?')
    await w.runFor(120_000)
    for (const name of ['carol', 'dora']) {
      expect(eventsOf(w, name, 'cannotFollow').length).toBeGreaterThan(0)
      expect(w.node(name).requireGroup().isMember).toBe(true)
      expect(membersAt(w, name)).toContain(name)
    }
  })

  test('scenario 33: a removed member that still stands on another branch asks to be removed there', async () => {
    const w = await world(['alice', 'bob', 'charlie', 'dora'])
    w.network.partition([
      ['alice', 'bob'],
      ['charlie', 'dora'],
    ])
    await remove(w, 'alice', 'dora')
    await update(w, 'charlie')
    await w.runFor(1000)
    // only dora meets the other side
    w.network.partition([['alice', 'bob', 'dora'], ['charlie']])
    await w.runFor(15_000)
    expect(eventsOf(w, 'dora', 'removed')).toHaveLength(1)
    w.network.partition([
      ['alice', 'bob'],
      ['charlie', 'dora'],
    ])
    await w.runFor(20_000)
    expect(membersAt(w, 'charlie')).toEqual(['alice', 'bob', 'charlie'])
    await settle(w)
    expect(verdictOf(w).violations).toEqual([])
    expect(membersAt(w, 'alice')).toEqual(['alice', 'bob', 'charlie'])
  })

  test('scenario 33: whoever a merge exchanged for another instance of itself was not told to go', async () => {
    const w = await world(['alice', 'bob', 'charlie'], { outside: ['dave'] })
    w.network.partition([['alice', 'charlie', 'dave'], ['bob']])
    // where both sides invite dave, the merge keeps the lower of the two instances
    const [lower, higher] = await offersOf(w, 'dave')
    await invite(w, 'alice', higher)
    await w.runFor(1000)
    await say(w, 'charlie', 'we go on here')
    await invite(w, 'bob', lower)
    await w.runFor(500)
    w.network.partition([
      ['alice', 'bob'],
      ['charlie', 'dave'],
    ])
    await update(w, 'charlie')
    await w.runFor(15_000)
    expect(eventsOf(w, 'alice', 'merged')).toHaveLength(1)
    // only dave meets those who merged
    w.network.partition([['alice', 'bob', 'dave'], ['charlie']])
    await w.runFor(15_000)
    expect(eventsOf(w, 'dave', 'removed')).toHaveLength(1)
    w.network.partition([
      ['alice', 'bob'],
      ['charlie', 'dave'],
    ])
    await w.runFor(20_000)
    expect(membersAt(w, 'charlie')).toEqual(['alice', 'bob', 'charlie', 'dave'])
    await settle(w)
    expect(verdictOf(w).violations).toEqual([])
    expect(membersAt(w, 'alice')).toEqual(['alice', 'bob', 'charlie', 'dave'])
  })
})
