/** Clients against a hostile member, on the simulator: scenarios 1, 13, 17, 20 and 23. */
import { utf8 } from '@dmls/crypto'
import { nodeProvider } from '@dmls/crypto/node'
import {
  DEFAULT_GROUP_POLICY,
  type DmlsEpoch,
  decodeDmlsMessage,
  dmlsEpoch,
  encodeAuthenticatedData,
  encodeDmlsMessage,
  heldEpoch,
  mlsServices,
  ownSignatureKey,
  type RejoinRequest,
  type RetentionPolicy,
  rejoinRequestOf,
} from '@dmls/dmls'
import { createCommit, decodeMlsMessage, type Proposal, sendProposal } from '@dmls/mls'

import { World } from '@dmls/sim'
import { afterEach, describe, expect, test } from 'vitest'
import type { Actor } from './actor.ts'
import { contentOf, flipped, forgeCommit, reframe, withBrokenPath, wrap } from './forge.ts'
import { diskOf, Insider } from './insider.ts'
import { act, add, eventsOf, membersAt, remove, say, textsOf, update, worldOf } from './sim-stories.ts'
import { actors } from './story.ts'

const open: World[] = []
afterEach(() => {
  for (const each of open.splice(0)) each.close()
})

const CAPS: RetentionPolicy = {
  retained: { kind: 'all-members' },
  readable: { kind: 'all-members' },
  epochsMax: 12,
  sizeMaxBytes: 1 << 20,
}

/** alice and bob run clients; mallory is a member. */
async function infiltrated(retention: RetentionPolicy = DEFAULT_GROUP_POLICY.retention) {
  const world = new World({ seed: 17, provider: nodeProvider })
  open.push(world)
  const alice = await world.add('alice')
  const bob = await world.add('bob')
  await world.createGroup(alice, [bob], { policy: { retention } })
  return { world, alice, bob, mallory: await Insider.join(world, alice) }
}

/** The request to come back in a message, if there is one. */
function requestIn(bytes: Uint8Array, groupId: Uint8Array): RejoinRequest[] {
  try {
    const message = decodeMlsMessage(bytes)
    const request = message.wireFormat === 'mls_key_package' ? rejoinRequestOf(message.keyPackage, groupId) : undefined
    return request === undefined ? [] : [request]
  } catch {
    return []
  }
}

describe('a hostile member', () => {
  test('scenario 17: of an invalid commit nothing is left on any disk', async () => {
    const { world, alice, bob, mallory } = await infiltrated()
    await world.runFor(60_000)
    const { actor } = mallory
    const forged = await forgeCommit(actor)
    const content = contentOf(forged.message)
    const badTag = { ...content.auth, confirmationTag: flipped(forged.child.confirmationTag) }
    const wires = [
      await reframe(actor, actor.head, { ...content, auth: badTag }, 'keep'),
      (await forgeCommit(actor, { rawData: new Uint8Array([7]) })).wire,
      (await forgeCommit(actor, { data: { resolves: [{ head: actor.head, forkPoint: actor.head }] } })).wire,
    ]
    const before = [await diskOf(alice), await diskOf(bob)]
    const heads = [alice.requireGroup().head, bob.requireGroup().head]
    for (const wire of wires) await mallory.send(wire)
    expect([await diskOf(alice), await diskOf(bob)]).toEqual(before)
    expect([alice.requireGroup().head, bob.requireGroup().head]).toEqual(heads)
    expect(eventsOf(world, 'alice', 'refused').map(({ code }) => code)).toEqual([
      'bad_confirmation_tag',
      'unsupported_authenticated_data',
      'resolves_ancestor',
    ])
    await update(world, 'bob')
    await world.runFor(1000)
    expect(alice.requireGroup().head).toBe(bob.requireGroup().head)
  })

  test('scenario 17: nor of one with a path that does not open, or with a plan that it leaves undone', async () => {
    const { world, alice, bob, mallory } = await infiltrated()
    const { actor } = mallory
    await world.runFor(60_000)
    const origin = actor.head
    const broken = await reframe(actor, origin, withBrokenPath((await forgeCommit(actor)).message), 'renew')
    // bob removes mallory, who lists that and stays
    await act(world, 'bob', 'remove mallory', () => bob.requireGroup().remove([actor.self]))
    await world.runFor(1000)
    const removal = alice.requireGroup().head
    const staying = await forgeCommit(actor, { data: { resolves: [{ head: removal, forkPoint: origin }] } })
    const before = [await diskOf(alice), await diskOf(bob)]
    const refusals = eventsOf(world, 'alice', 'refused').length
    await mallory.send(broken)
    await mallory.send(staying.wire)
    expect([await diskOf(alice), await diskOf(bob)]).toEqual(before)
    expect(eventsOf(world, 'alice', 'refused').slice(refusals).at(-1)?.code).toBe('plan_unsatisfied')
    expect(eventsOf(world, 'alice', 'refused')).toHaveLength(refusals + 2)
    expect([alice.requireGroup().head, bob.requireGroup().head]).toEqual([removal, removal])
  })

  test('scenario 17: but whoever refused it does not claim that it can follow others from there', async () => {
    const days = { kind: 'age', ageMs: 1e9 } as const
    const { world, alice, bob, mallory } = await infiltrated({ ...CAPS, retained: days, readable: days })
    const { actor } = mallory
    const origin = actor.head
    await act(world, 'bob', 'remove mallory', () => bob.requireGroup().remove([actor.self]))
    await world.runFor(1000)
    const removal = alice.requireGroup().head
    const asks = async (name: string): Promise<readonly DmlsEpoch[] | undefined> => {
      const { message } = decodeDmlsMessage(await actor.say(name))
      await mallory.send(encodeDmlsMessage({ dmlsEpoch: nodeProvider.cipherSuite(1).hash(utf8(name)), message }))
      await world.runFor(40_000)
      return world.traffic.messages.flatMap(({ bytes }) => requestIn(bytes, alice.requireGroup().id)).at(-1)?.open
    }
    expect(await asks('somewhere')).toContain(origin)
    const staying = await forgeCommit(actor, { data: { resolves: [{ head: removal, forkPoint: origin }] } })
    await mallory.send(staying.wire)
    expect(eventsOf(world, 'alice', 'refused').at(-1)?.code).toBe('plan_unsatisfied')
    const open = await asks('somewhere else')
    expect(open).toContain(removal)
    expect(open).not.toContain(origin)
  })

  test('scenario 1: fills no disk, and is removed by an ordinary commit', async () => {
    const { world, alice, bob, mallory } = await infiltrated(CAPS)
    const before = alice.disk.sizeBytes
    const origin = mallory.actor.head
    let largest = 0
    for (let i = 0; i < 150; i++) {
      await mallory.send((await forgeCommit(mallory.actor, { epoch: origin, data: { counter: BigInt(i + 1) } })).wire)
      largest = Math.max(largest, alice.disk.sizeBytes)
    }
    // the caps, and what is public: a commit of some 800 bytes each, and its facts
    expect(largest - before).toBeLessThan(CAPS.sizeMaxBytes + 150 * 2048)
    await act(world, 'bob', 'remove mallory', () => bob.requireGroup().remove([mallory.actor.self]))
    await world.runFor(3000)
    expect(alice.requireGroup().head).toBe(bob.requireGroup().head)
    expect(membersAt(world, 'alice')).toEqual(['alice', 'bob'])
    await update(world, 'alice')
    await world.runFor(2000)
    expect(bob.requireGroup().openHeads()).toHaveLength(1)
  })

  test('scenario 23: forged names of epochs cost no state and do not hide the right message', async () => {
    const { world, alice, bob, mallory } = await infiltrated()
    const text = await mallory.actor.say('readable')
    const { message } = decodeDmlsMessage(text)
    const size = alice.disk.sizeBytes
    for (let i = 0; i < 50; i++) {
      const unknown = new Uint8Array(32).fill(i + 1)
      await mallory.send(encodeDmlsMessage({ message, dmlsEpoch: unknown }))
    }
    const head = alice.requireGroup().head
    await mallory.send(text)
    expect(textsOf(world, 'alice')).toEqual(['readable'])
    expect(textsOf(world, 'bob')).toEqual(['readable'])
    expect(alice.requireGroup().head).toBe(head)
    // what waits is bounded, and small
    expect(alice.disk.sizeBytes - size).toBeLessThan(50 * 1024)
    // it leads to no exchange of anybody either: whoever is where the others are needs no help
    await world.runFor(120_000)
    expect(eventsOf(world, 'alice', 'rejoined')).toEqual([])
    expect(eventsOf(world, 'bob', 'rejoined')).toEqual([])
    expect(bob.requireGroup().head).toBe(head)
  })

  test('scenario 20: messages that miss something are kept in bounded number, and leave when others come', async () => {
    const { world, alice, mallory } = await infiltrated()
    const text = await mallory.actor.say('never placed')
    const { message } = decodeDmlsMessage(text)
    const name = (i: number) => Uint8Array.from({ length: 32 }, (_, k) => (k < 4 ? (i >>> (8 * k)) & 255 : 9))
    const flood = 4300
    for (let i = 0; i < flood; i++) {
      world.network.inject('mallory', mallory.topic, encodeDmlsMessage({ message, dmlsEpoch: name(i) }), ['alice'])
      if (i % 500 === 0) await world.runFor(100)
    }
    await world.runFor(2000)
    const waiting = (await diskOf(alice)).filter((entry) =>
      entry.includes(Buffer.from(name(0).slice(4)).toString('hex')),
    )
    // two records each: the message, and what it waits for
    expect(waiting.length).toBeLessThanOrEqual(2 * 4096 + 2)
    await mallory.send(text)
    expect(textsOf(world, 'alice')).toEqual(['never placed'])
  })

  test('scenario 20: a commit that comes before the proposal that it refers to waits for it, and peers are asked', async () => {
    const { world, alice, bob, mallory } = await infiltrated()
    const { actor } = mallory
    const [frank] = (await actors(['frank'])) as [Actor]
    const { proposal, commit } = await byReference(actor, { proposalType: 'add', keyPackage: await frank.keyPackage() })
    const before = alice.requireGroup().head
    world.network.inject('mallory', mallory.topic, commit, ['alice'])
    await world.runFor(300)
    expect(alice.requireGroup().head).toBe(before)
    expect(eventsOf(world, 'alice', 'refused')).toEqual([])
    // bob hears the proposal, alice has to ask for it; then she passes the commit on to him
    world.network.inject('mallory', mallory.topic, proposal, ['bob'])
    await world.runFor(20_000)
    for (const node of [alice, bob]) {
      expect(node.requireGroup().head).not.toBe(before)
      expect(node.requireGroup().members()).toHaveLength(4)
    }
    expect(alice.requireGroup().head).toBe(bob.requireGroup().head)
    expect(eventsOf(world, 'alice', 'refused')).toEqual([])
    expect(eventsOf(world, 'alice', 'cannotFollow')).toEqual([])
  })

  test('scenario 22: a member that names an epoch which nobody has is reported, and changes nothing', async () => {
    const { world, alice, mallory } = await infiltrated()
    const ghost = await forgeCommit(mallory.actor, {
      data: { resolves: [{ head: dmlsEpoch(new Uint8Array(32).fill(5)), forkPoint: mallory.actor.head }] },
    })
    const head = alice.requireGroup().head
    await mallory.send(ghost.wire)
    expect(eventsOf(world, 'alice', 'unknownEpoch')).toHaveLength(1)
    expect(alice.requireGroup().head).toBe(head)
  })
})

describe('a key package', () => {
  test('scenario 13: is gone from the disk of whoever joined with it, once its first epoch is left by all', async () => {
    const world = await worldOf(['alice', 'bob'], { outside: ['carol'] })
    open.push(world)
    await add(world, 'alice', 'carol')
    await world.runFor(2000)
    const carol = world.node('carol')
    const packages = async (): Promise<number> =>
      (await diskOf(carol)).filter((entry) => entry.startsWith('6b2f')).length
    const held = await packages()
    for (const name of ['alice', 'bob', 'carol']) {
      await update(world, name)
      await world.runFor(1000)
      for (const speaker of ['alice', 'bob', 'carol']) await say(world, speaker, `${name} ${speaker}`)
      await world.runFor(1000)
    }
    await world.runFor(20_000)
    expect(await packages()).toBe(held - 1)
    await remove(world, 'alice', 'bob')
    await world.runFor(2000)
    expect(membersAt(world, 'carol')).toEqual(['alice', 'carol'])
  })
})

/** A proposal on the wire, and a commit that names it by its reference. */
async function byReference(by: Actor, proposal: Proposal): Promise<{ proposal: Uint8Array; commit: Uint8Array }> {
  const epoch = by.head
  const held = heldEpoch(by.state, epoch)
  const signer = by.services.signerFor(ownSignatureKey(held))
  const services = mlsServices(by.services)
  const data = (counter: bigint) => encodeAuthenticatedData({ counter, resolves: [], application: new Uint8Array(0) })
  const sent = await sendProposal(held.group, proposal, { signer, authenticatedData: data(1n) }, services)
  const options = { signer, authenticatedData: data(2n), references: 'all', path: 'always' } as const
  const made = await createCommit(sent.state, options, services)
  return { proposal: wrap(sent.message, epoch), commit: wrap(made.message, epoch) }
}
