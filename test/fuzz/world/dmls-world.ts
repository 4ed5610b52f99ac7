/**
 * A group of the decentralized profile with an open fork, as bob and charlie see it, and mallory, who holds every epoch
 * of it and may speak in each.
 */
import { toHex, utf8 } from '@dmls/crypto'
import {
  type CommitRequest,
  createDmlsGroup,
  createDmlsProfile,
  DEFAULT_GROUP_POLICY,
  type DmlsEpoch,
  type DmlsGroupState,
  type DmlsServices,
  decodeDmlsMessage,
  encodeAuthenticatedData,
  identifierBytes,
  joinDmlsGroup,
  makeCommit,
  mlsServices,
  receiveMessage,
  sendMessage,
} from '@dmls/dmls'
import {
  createGroupInfo,
  decodeMlsMessage,
  type GroupState,
  invalid,
  joinGroup,
  type KeyPackageBundle,
  type MlsMessage,
} from '@dmls/mls'
import { credentialOf, LIFETIME, type Person } from '../../../packages/mls/test/group/people.ts'
import type { Tape } from '../engine/tape.ts'
import { Donors } from '../engine/value-mutation.ts'
import { anyResolvedHead } from './dmls-values.ts'
import { type AttackWorld, signersOf } from './group-world.ts'
import { capabilities, client, groupExtensions, keyPackage, NOW, seedsOf, servicesWith, suiteOf } from './scene.ts'

export interface DmlsWorld {
  readonly receivers: readonly {
    readonly name: string
    readonly state: DmlsGroupState
    readonly services: DmlsServices
  }[]
  /** One for each epoch that mallory holds. */
  readonly attacks: readonly { readonly epoch: DmlsEpoch; readonly world: AttackWorld }[]
  /** Encoded DMLSMessages that were really sent. */
  readonly wires: readonly Uint8Array[]
}

const NOW_MS = Number(NOW) * 1000

class DmlsBuilder {
  readonly people = new Map<string, Person>()
  readonly bundles = new Map<string, KeyPackageBundle>()
  readonly states = new Map<string, DmlsGroupState>()
  readonly wires: Uint8Array[] = []
  readonly #nextSeed = seedsOf(0xd11)
  readonly suite = suiteOf(1)
  readonly profile = createDmlsProfile()

  async person(name: string): Promise<Person> {
    const services = servicesWith(() => new Uint8Array(0), undefined)
    const person = await client(name, this.suite, this.#nextSeed(), services)
    this.people.set(name, person)
    this.bundles.set(name, await keyPackage(person))
    return person
  }

  personOf(name: string): Person {
    return this.people.get(name) as Person
  }

  services(name: string): DmlsServices {
    const { services, signer } = this.personOf(name)
    return {
      random: services.random,
      nowMs: NOW_MS,
      authenticate: services.authenticate,
      identityOf: ({ credential }) => {
        if (credential.credentialType !== 'basic') throw invalid('credential_unsupported', 'not a name')
        return credential.identity
      },
      signerFor: () => signer,
    }
  }

  stateOf(name: string): DmlsGroupState {
    return this.states.get(name) as DmlsGroupState
  }

  async create(name: string): Promise<void> {
    const { signer } = this.personOf(name)
    const oscar = this.personOf('oscar')
    const step = await createDmlsGroup(
      {
        profile: this.profile,
        suite: this.suite,
        groupId: utf8('group'),
        signer,
        leaf: { credential: credentialOf(name), capabilities: capabilities(this.suite) },
        lifetime: LIFETIME,
        extensions: groupExtensions(oscar.signer).slice(1),
        grease: 'omit',
        policy: { ...DEFAULT_GROUP_POLICY, externalCommits: 'allowed' },
      },
      this.services(name),
    )
    this.states.set(name, step.state)
  }

  /** Commits and returns the messages, which nobody has heard yet. */
  async commit(name: string, request: CommitRequest, joining: readonly string[] = []): Promise<readonly Uint8Array[]> {
    const made = await makeCommit(this.stateOf(name), request, this.services(name))
    this.states.set(name, made.state)
    for (const newcomer of joining) await this.#join(newcomer, made.welcome?.message as Uint8Array)
    const wires = [made.wire, ...made.handovers]
    this.wires.push(...wires)
    return wires
  }

  async #join(name: string, bytes: Uint8Array): Promise<void> {
    const message = decodeMlsMessage(bytes)
    if (message.wireFormat !== 'mls_welcome') throw new Error('there is no Welcome')
    const keyPackages = [this.bundles.get(name) as KeyPackageBundle]
    const options = { profile: this.profile, suite: this.suite, welcome: message.welcome, keyPackages }
    const joined = await joinGroup(options, mlsServices(this.services(name)))
    this.states.set(name, joinDmlsGroup(joined, this.profile, this.services(name)).state)
  }

  async hear(name: string, wires: readonly Uint8Array[]): Promise<void> {
    for (const wire of wires) {
      const received = await receiveMessage(this.stateOf(name), decodeDmlsMessage(wire), this.services(name))
      if (received.kind !== 'own') this.states.set(name, received.state)
    }
  }

  async say(name: string, text: string): Promise<Uint8Array> {
    const sent = await sendMessage(this.stateOf(name), { kind: 'application', data: utf8(text) }, this.services(name))
    this.states.set(name, sent.state)
    this.wires.push(sent.wire)
    return sent.wire
  }
}

const MEMBERS = ['bob', 'charlie', 'mallory'] as const

export async function dmlsWorld(): Promise<DmlsWorld> {
  const builder = new DmlsBuilder()
  for (const name of ['alice', 'oscar', ...MEMBERS, 'xenia', 'yves', 'zoe']) await builder.person(name)
  await builder.create('alice')
  const bundleOf = (name: string): KeyPackageBundle => builder.bundles.get(name) as KeyPackageBundle
  await builder.commit('alice', { add: MEMBERS.map((name) => bundleOf(name).keyPackage) }, MEMBERS)
  const update = await builder.commit('bob', {})
  for (const name of ['alice', 'charlie', 'mallory']) await builder.hear(name, update)
  const left = await builder.commit('alice', { add: [bundleOf('zoe').keyPackage] })
  const right = await builder.commit('charlie', {})
  for (const name of ['bob', 'mallory', 'charlie']) await builder.hear(name, left)
  for (const name of ['bob', 'mallory', 'alice']) await builder.hear(name, right)
  await builder.say('alice', 'heard by nobody yet')
  await builder.say('charlie', 'nor this')
  await builder.commit('alice', {})
  const mallory = builder.stateOf('mallory')
  const attacks = []
  for (const [epoch, { group }] of mallory.epochs) attacks.push({ epoch, world: await attackWorld(builder, group) })
  return {
    receivers: ['bob', 'charlie'].map((name) => ({
      name,
      state: builder.stateOf(name),
      services: builder.services(name),
    })),
    attacks,
    wires: builder.wires,
  }
}

async function attackWorld(builder: DmlsBuilder, state: GroupState): Promise<AttackWorld> {
  const person = builder.personOf('mallory')
  const { signer, services } = person
  const informed = await createGroupInfo(state, { signer, externalPub: 'included', grease: 'omit' }, services)
  if (informed.wireFormat !== 'mls_group_info') throw new Error('no GroupInfo')
  const sybils = ['xenia', 'yves', 'zoe'].map((name) => ({
    person: builder.personOf(name),
    bundle: builder.bundles.get(name) as KeyPackageBundle,
  }))
  const messages = builder.wires.map((wire): MlsMessage => decodeDmlsMessage(wire).message)
  const heads = [...builder.stateOf('mallory').epochs.keys()]
  const donors = new Donors()
  for (const message of messages) donors.add(message)
  for (const { leafNode } of state.tree.members()) donors.add(leafNode)
  for (const { bundle } of sybils) donors.add(bundle.keyPackage)
  donors.byteStrings.push(...heads.map(identifierBytes))
  return {
    profile: builder.profile,
    suite: builder.suite,
    mallory: { person, state },
    sybils,
    externalSender: builder.personOf('oscar').signer,
    messages,
    groupInfo: informed.groupInfo,
    donors,
    ownSigners: signersOf([person, ...sybils.map((sybil) => sybil.person)]),
    findPsk: async () => undefined,
    authenticatedData: (tape, sender) => {
      const data = anyAuthenticatedData(tape, heads)
      return sender === 'member' ? data : new Uint8Array([...state.epochId, ...data])
    },
  }
}

/** What the profile asks for; on some tapes with heads that exist, that do not, or with other bytes altogether. */
export function anyAuthenticatedData(tape: Tape, heads: readonly DmlsEpoch[]): Uint8Array {
  const counter = tape.once(4) ? BigInt(tape.below(8)) : 1000n + BigInt(tape.below(4))
  const application = new Uint8Array(0)
  switch (tape.below(6)) {
    case 4: {
      const head = tape.pick(heads)
      return encodeAuthenticatedData({ counter, resolves: [{ head, forkPoint: tape.pick(heads) }], application })
    }
    case 5: {
      const resolves = [anyResolvedHead(tape), { head: tape.pick(heads), forkPoint: anyResolvedHead(tape).forkPoint }]
      return tape.once(3) ? tape.take(12) : encodeAuthenticatedData({ counter, resolves, application })
    }
    default:
      return encodeAuthenticatedData({ counter, resolves: [], application })
  }
}

export function nameOf(epoch: DmlsEpoch): string {
  return toHex(identifierBytes(epoch)).slice(0, 8)
}
