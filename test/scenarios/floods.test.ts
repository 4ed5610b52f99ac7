/**
 * One member floods the group, with whatever a member can send (scenario 1). What that leaves on the others' disks does
 * not depend on how long it goes on, but for the public facts of its commits; and an honest commit that was made beside
 * the flood, in the same epoch, gets through it. What waits for unknown epochs: `packages/client/test/waiting-room.test.ts`.
 */
import { toHex } from '@dmls/crypto'
import { nodeProvider } from '@dmls/crypto/node'
import {
  DEFAULT_GROUP_POLICY,
  DMLS_REJOIN_EXTENSION,
  type DmlsEpoch,
  encodeAuthenticatedData,
  heldEpoch,
  identifierBytes,
  mlsServices,
  ownSignatureKey,
  type RetentionPolicy,
  rejoinExtension,
} from '@dmls/dmls'
import { mlsMessageBytes, sendProposal } from '@dmls/mls'
import { type SimNode, World } from '@dmls/sim'
import { afterEach, expect, test } from 'vitest'
import { Actor } from './actor.ts'
import { forgeCommit, wrap } from './forge.ts'
import { Insider } from './insider.ts'
import { act } from './sim-stories.ts'

const open: World[] = []
afterEach(() => {
  for (const each of open.splice(0)) each.close()
})

const KIB = 1024
const CAPS: RetentionPolicy = { ...DEFAULT_GROUP_POLICY.retention, epochsMax: 12, sizeMaxBytes: 2048 * KIB }
/**
 * What a group may take beside its facts: held epochs and the key packages that they brought, other key packages, and the
 * log, each as much as the policy says; and its head with the ratchet tree, which is never given up.
 */
const BOUND = 3 * CAPS.sizeMaxBytes + 512 * KIB
/** A flood is several times as much. */
const MESSAGES = 80
const LARGE = 100 * KIB
/** Facts of one commit of a flood that adds one member, with its key. */
const FACTS_MAX = 400

/** Bytes on a disk, the public facts of epochs apart. */
async function sizes(node: SimNode): Promise<{ readonly facts: number; readonly rest: number }> {
  const { id } = node.requireGroup()
  const prefix = new Uint8Array([...Buffer.from('g/'), id.length >> 8, id.length, ...id, ...Buffer.from('/f')])
  let facts = 0
  for await (const [key, value] of node.disk.entries({ prefix })) facts += key.length + value.length
  return { facts, rest: node.disk.sizeBytes - facts }
}

/** Random bytes that a name can be. */
function name(i: number, k: number): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, at) => (at < 4 ? i >>> (8 * at) : at < 8 ? k >>> (8 * (at - 4)) : 7) & 255)
}

/** Key packages may say anything in an extension that nobody can read. */
function padding(sizeBytes: number): { extensionType: number; extensionData: Uint8Array }[] {
  return [{ extensionType: DMLS_REJOIN_EXTENSION, extensionData: new Uint8Array(sizeBytes) }]
}

type Flood = (mallory: Actor, origin: DmlsEpoch) => AsyncGenerator<Uint8Array, void, undefined>

/** Proposals of one author in one epoch, each with the next key. */
async function* proposals(mallory: Actor, origin: DmlsEpoch): AsyncGenerator<Uint8Array, void, undefined> {
  const held = heldEpoch(mallory.state, origin)
  const signer = mallory.services.signerFor(ownSignatureKey(held))
  let { group } = held
  for (let i = 0; ; i++) {
    const extensions = [
      ...group.context.extensions,
      { extensionType: 0xf100 + i, extensionData: new Uint8Array(LARGE) },
    ]
    const authenticatedData = encodeAuthenticatedData({
      counter: BigInt(i + 1),
      resolves: [],
      application: new Uint8Array(0),
    })
    const proposal = { proposalType: 'group_context_extensions' as const, extensions }
    const sent = await sendProposal(group, proposal, { signer, authenticatedData }, mlsServices(mallory.services))
    group = sent.state
    yield wrap(sent.message, origin)
  }
}

const CHAIN = 'commits, each on the one before'
const FLOODS: Readonly<Record<string, Flood>> = {
  commits: async function* (mallory, epoch) {
    for (let i = 0; ; i++) {
      const data = { counter: BigInt(i + 1), application: new Uint8Array(LARGE) }
      yield (await forgeCommit(mallory, { epoch, data })).wire
    }
  },
  [CHAIN]: async function* (mallory) {
    while (true) yield (await mallory.commit()).wire
  },
  'key packages': async function* (mallory, epoch) {
    for (let i = 0; ; i++) {
      const stranger = await Actor.create(`stranger ${i}`)
      stranger.nowMs = mallory.nowMs
      const keyPackage = await stranger.keyPackage(padding(LARGE))
      const data = { counter: BigInt(i + 1) }
      yield (await forgeCommit(mallory, { epoch, data, proposals: [{ proposalType: 'add', keyPackage }] })).wire
    }
  },
  proposals,
  texts: async function* (mallory) {
    while (true) yield await mallory.say('x'.repeat(LARGE))
  },
  handovers: async function* (mallory, epoch) {
    for (let i = 0; ; i++) {
      yield await mallory.send({
        kind: 'handover',
        resolvedBy: name(i, 0),
        forkPoint: identifierBytes(epoch),
        heads: Array.from({ length: 1800 }, (_, k) => name(i, k)),
        entrances: Array.from({ length: 1800 }, (_, k) => name(i, k)),
        gone: [],
      })
    }
  },
  'requests to be brought back': async function* (mallory) {
    while (true) {
      const keyPackage = await mallory.keyPackage([rejoinExtension(mallory.state, 'state_lost')])
      yield mlsMessageBytes({ wireFormat: 'mls_key_package', keyPackage })
    }
  },
}

test.each(Object.keys(FLOODS))('scenario 1: a flood of %s leaves no more than the caps allow', async (what) => {
  const world = new World({ seed: 23, provider: nodeProvider })
  open.push(world)
  const alice = await world.add('alice')
  const bob = await world.add('bob')
  await world.createGroup(alice, [bob], { policy: { retention: CAPS } })
  const carol = await Insider.join(world, alice, 'carol')
  const mallory = await Insider.join(world, alice)
  await carol.listen()
  const origin = mallory.actor.head
  expect(carol.actor.head).toBe(origin)
  const honest = await carol.actor.commit()

  const before = [await sizes(alice), await sizes(bob)]
  const largest = [0, 0]
  const flood = (FLOODS[what] as Flood)(mallory.actor, origin)
  for (let i = 0; i < MESSAGES; i++) {
    const { value } = await flood.next()
    await mallory.send(value as Uint8Array)
    for (const [at, node] of [alice, bob].entries()) {
      const { facts, rest } = await sizes(node)
      largest[at] = Math.max(largest[at] as number, rest - (before[at]?.rest ?? 0))
      expect(facts - (before[at]?.facts ?? 0)).toBeLessThanOrEqual((i + 10) * FACTS_MAX)
    }
  }
  expect(Math.max(...largest)).toBeLessThan(BOUND)

  // carol had not heard of any of it
  await carol.send(honest.wire)
  await act(world, 'bob', 'remove mallory', () => bob.requireGroup().remove([mallory.actor.identity.publicKey]))
  await world.runFor(10_000)
  expect(alice.requireGroup().head).toBe(bob.requireGroup().head)
  // whoever goes on committing moves the horizon on, as honest members do
  const isBeyond = what === CHAIN
  for (const node of [alice, bob]) {
    const group = node.requireGroup()
    expect(group.dag().has(honest.epoch)).toBe(!isBeyond)
    if (!isBeyond) expect(group.dag().precedes(honest.epoch, group.head)).toBe(true)
  }
  const members = alice
    .requireGroup()
    .members()
    .map(({ identity }) => toHex(identity))
  expect(members).toContain(toHex(carol.actor.identity.publicKey))
  expect(members).not.toContain(toHex(mallory.actor.identity.publicKey))
})
