/**
 * Clients of the library on stores in memory, with a network that only carries what it is told to, a clock that stands
 * still and seeded randomness: what mallory sends, and what of bob's records is damaged, is all that ever differs.
 */
import {
  certifyGroupKey,
  type DmlsClient,
  type DmlsGroup,
  type Identity,
  loadOrCreateIdentity,
  openClient,
} from '@dmls/client'
import { MemoryStore } from '@dmls/client/memory-store'
import type { Clock, Delivery, Topic, TopicHandler } from '@dmls/client/ports'
import { type CipherSuite, signerFromPrivateKey, toHex, utf8 } from '@dmls/crypto'
import { nodeProvider } from '@dmls/crypto/node'
import { createDmlsProfile, type DmlsEpoch, identifierBytes, leafOptions } from '@dmls/dmls'
import {
  createGroupInfo,
  createKeyPackage,
  type GroupState,
  type KeyPackageBundle,
  type MlsMessage,
  type Services,
} from '@dmls/mls'
import { GroupRecords, type SigningKey } from '../../../packages/client/src/group/group-records.ts'
import { LIFETIME, NOW, type Person } from '../../../packages/mls/test/group/people.ts'
import { seededBytes } from '../engine/seeded.ts'
import { Donors } from '../engine/value-mutation.ts'
import { anyAuthenticatedData } from './dmls-world.ts'
import { type AttackWorld, signersOf } from './group-world.ts'

export const suite: CipherSuite = nodeProvider.cipherSuite(1)

/** Time stands still: only what is due at once is done. */
const stillClock: Clock = {
  nowMs: () => Number(NOW) * 1000,
  schedule: (delayMs, task) => {
    if (delayMs === 0) queueMicrotask(task)
    return { cancel: () => undefined }
  },
}

/** Keeps what its client publishes, and hands over what somebody brings. */
export class Wire implements Delivery {
  readonly handlers = new Map<string, TopicHandler>()
  readonly published: { readonly topic: Topic; readonly message: Uint8Array }[] = []

  async subscribe(topic: Topic, handler: TopicHandler): Promise<() => Promise<void>> {
    this.handlers.set(toHex(topic), handler)
    return async () => {
      this.handlers.delete(toHex(topic))
    }
  }

  async publish(topic: Topic, message: Uint8Array): Promise<void> {
    this.published.push({ topic, message: message.slice() })
  }

  async backfill(): Promise<void> {
    await Promise.resolve()
  }

  async close(): Promise<void> {
    this.handlers.clear()
  }
}

export interface Opened {
  readonly client: DmlsClient
  readonly store: MemoryStore
  readonly wire: Wire
  readonly identity: Identity
}

export async function open(store: MemoryStore, seed: number): Promise<Opened> {
  const random = seededBytes(seed)
  const identity = await loadOrCreateIdentity(store, nodeProvider, { random })
  const wire = new Wire()
  const client = await openClient({
    provider: nodeProvider,
    store,
    delivery: wire,
    identity,
    clock: stillClock,
    random,
    // nobody has anything to add before it speaks
    timing: { resumeSyncMs: 0 },
  })
  return { client, store, wire, identity }
}

/** Brings what everybody published to everybody else, until nothing is new. */
async function carry(clients: readonly Opened[]): Promise<void> {
  for (let moved = true; moved; ) {
    moved = false
    for (const from of clients) {
      for (const { topic, message } of from.wire.published.splice(0)) {
        moved = true
        for (const to of clients) if (to !== from) await to.wire.handlers.get(toHex(topic))?.receive(message, 'peer')
      }
    }
  }
}

export function groupOf({ client }: Opened): DmlsGroup {
  const [group] = client.groups()
  if (group === undefined) throw new Error('the client is in no group')
  return group
}

export interface ClientWorld {
  /** Bob's store, to be copied and opened. */
  readonly store: MemoryStore
  readonly groupId: Uint8Array
  readonly topics: { readonly group: string; readonly inbox: string }
  /** Messages of alice that bob has not seen: text, and a commit. */
  readonly honest: readonly Uint8Array[]
  /** A Welcome that was really sent, though to somebody else. */
  readonly welcome: Uint8Array
  readonly attacks: readonly { readonly epoch: DmlsEpoch; readonly world: AttackWorld }[]
}

export async function clientWorld(): Promise<ClientWorld> {
  const people: Opened[] = []
  for (const seed of [11, 12, 13, 14]) people.push(await open(new MemoryStore(), seed))
  const [alice, bob, mallory, zoe] = people as [Opened, Opened, Opened, Opened]
  await alice.client.createGroup({ groupId: utf8('a group of clients, 32 bytes long') })
  const keyPackages = [await bob.client.createKeyPackage(), await mallory.client.createKeyPackage()]
  await groupOf(alice).add(keyPackages)
  await carry(people)
  await groupOf(bob).update()
  await carry(people)
  await groupOf(mallory).send(utf8('good morning'))
  await carry(people)
  const groupTopic = topicOf(bob, mallory)
  const honest: Uint8Array[] = []
  await groupOf(alice).send(utf8('have you heard'))
  await groupOf(alice).update()
  for (const { message } of alice.wire.published.splice(0)) honest.push(message)
  await groupOf(mallory).add([await zoe.client.createKeyPackage()])
  const welcome = mallory.wire.published.splice(0).find(({ topic }) => toHex(topic) !== groupTopic)?.message
  if (welcome === undefined) throw new Error('nobody was welcomed')
  const { id: groupId } = groupOf(bob)
  const inbox = [...bob.wire.handlers.keys()].find((topic) => topic !== groupTopic) as string
  const attacks = await attacksOf(mallory, groupId)
  for (const person of people) await person.client.close()
  return { store: bob.store, groupId, topics: { group: groupTopic, inbox }, honest, welcome, attacks }
}

/** The topic that two clients share. */
function topicOf(one: Opened, other: Opened): string {
  for (const topic of one.wire.handlers.keys()) if (other.wire.handlers.has(topic)) return topic
  throw new Error('the two clients share no topic')
}

async function attacksOf(mallory: Opened, groupId: Uint8Array): Promise<ClientWorld['attacks']> {
  const { group } = await GroupRecords.load(mallory.store, groupId, suite, createDmlsProfile())
  const heads = [...group.state.epochs.keys()]
  const attacks = []
  for (const [epoch, held] of group.state.epochs) {
    const key = group.signingKeys.find(({ publicKey }) => isOwnKey(held.group, publicKey)) as SigningKey
    attacks.push({ epoch, world: await attackWorld(mallory, held.group, key, heads) })
  }
  return attacks
}

function isOwnKey(state: GroupState, publicKey: Uint8Array): boolean {
  return toHex(state.tree.leaf(state.ownLeaf)?.signatureKey ?? new Uint8Array(0)) === toHex(publicKey)
}

async function attackWorld(
  mallory: Opened,
  state: GroupState,
  key: SigningKey,
  heads: readonly DmlsEpoch[],
): Promise<AttackWorld> {
  const services: Services = { random: seededBytes(77), now: NOW, authenticate: async () => undefined }
  const signer = await signerFromPrivateKey(suite, key.privateKey)
  const person: Person = { name: 'mallory', suite, signer, services }
  const sybils = [await sybil(mallory.identity, services), await sybil(mallory.identity, services)]
  const informed = await createGroupInfo(state, { signer, externalPub: 'included', grease: 'omit' }, services)
  if (informed.wireFormat !== 'mls_group_info') throw new Error('no GroupInfo')
  const donors = new Donors()
  for (const { leafNode } of state.tree.members()) donors.add(leafNode)
  for (const { bundle } of sybils) donors.add(bundle.keyPackage)
  donors.byteStrings.push(...heads.map(identifierBytes))
  const message: MlsMessage = informed
  return {
    profile: createDmlsProfile(),
    suite,
    mallory: { person, state },
    sybils,
    externalSender: signer,
    messages: [message],
    groupInfo: informed.groupInfo,
    donors,
    ownSigners: signersOf([person, ...sybils.map((each) => each.person)]),
    findPsk: async () => undefined,
    authenticatedData: (tape) => anyAuthenticatedData(tape, heads),
  }
}

/** Another device that mallory vouches for. */
async function sybil(
  identity: Identity,
  services: Services,
): Promise<{ readonly person: Person; readonly bundle: KeyPackageBundle }> {
  const key = await suite.generateSignatureKeyPair(services.random)
  const signer = await signerFromPrivateKey(suite, key.privateKey)
  const leaf = leafOptions(suite, await certifyGroupKey(identity, key.publicKey))
  const bundle = await createKeyPackage({ suite, signer, lifetime: LIFETIME, grease: 'omit', ...leaf }, services)
  return { person: { name: 'sybil', suite, signer, services }, bundle }
}
