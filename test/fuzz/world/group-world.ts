/**
 * A live group in the middle of an epoch: trees with blanks and unmerged leaves, proposals of every kind waiting to be
 * committed, late messages, and one member, mallory, whose state the fuzzer may use as it likes.
 */
import { type CipherSuite, type Signer, toHex, utf8 } from '@dmls/crypto'
import {
  type CommitOptions,
  createCommit,
  createExternalProposal,
  createGroup,
  createGroupInfo,
  createNewMemberProposal,
  encodeGroupState,
  type GroupInfo,
  type GroupState,
  joinGroup,
  type KeyPackageBundle,
  type MlsMessage,
  type Profile,
  type Proposal,
  processMessage,
  protectApplication,
  ratchetTreeBytes,
  resumptionPsk,
  type Services,
  sendProposal,
  sendUpdate,
  type Welcome,
} from '@dmls/mls'
import { credentialOf, LIFETIME, type Person } from '../../../packages/mls/test/group/people.ts'
import type { Tape } from '../engine/tape.ts'
import { Donors } from '../engine/value-mutation.ts'
import {
  COMPONENT,
  CUSTOM,
  capabilities,
  client,
  groupExtensions,
  KNOWN_PSK,
  keyPackage,
  PRIVATE_EXTENSION,
  seedsOf,
  servicesWith,
} from './scene.ts'

export interface Member {
  readonly person: Person
  readonly state: GroupState
  /** `encodeGroupState` of it: what no refused input may change. */
  readonly encoded: Uint8Array
  readonly tree: Uint8Array
}

/** What mallory knows and holds: enough to make any message of an epoch. */
export interface AttackWorld {
  readonly profile: Profile
  readonly suite: CipherSuite
  /** A member that does not keep to the rules. */
  readonly mallory: Pick<Member, 'person' | 'state'>
  /** Clients that are not in the group and do what mallory wants. */
  readonly sybils: readonly { readonly person: Person; readonly bundle: KeyPackageBundle }[]
  readonly externalSender: Signer
  /** Messages that the group's members really made, of this and earlier epochs. */
  readonly messages: readonly MlsMessage[]
  /** Of mallory's epoch, with a key for external commits. */
  readonly groupInfo: GroupInfo
  readonly donors: Donors
  /** Signers of mallory and the sybils, by the hexadecimal public key. */
  readonly ownSigners: ReadonlyMap<string, Signer>
  /** What every client knows of pre-shared keys. */
  readonly findPsk: NonNullable<Services['findPsk']>
  /** What a sender of the profile writes there, or something near it. */
  readonly authenticatedData: (tape: Tape, sender: 'member' | 'outsider') => Uint8Array
}

export interface GroupWorld extends AttackWorld {
  readonly mallory: Member
  readonly receivers: readonly Member[]
  /** The Welcome that brought hank in, and hank's keys. */
  readonly welcome: Welcome
  readonly hank: { readonly person: Person; readonly bundle: KeyPackageBundle }
  /** Everybody's, for what a whole group of mallory's making could do. */
  readonly allSigners: ReadonlyMap<string, Signer>
}

class Builder {
  readonly states = new Map<string, GroupState>()
  readonly people = new Map<string, Person>()
  readonly messages: MlsMessage[] = []
  readonly #suite: CipherSuite
  readonly #profile: Profile
  readonly #nextSeed: () => number
  readonly #psks = new Map<string, Uint8Array>()

  constructor(profile: Profile, suite: CipherSuite) {
    this.#profile = profile
    this.#suite = suite
    this.#nextSeed = seedsOf(0xd315 + suite.id)
    this.#psks.set(toHex(KNOWN_PSK), utf8('a pre-shared key that all know'))
  }

  readonly findPsk: NonNullable<Services['findPsk']> = async ({ psk }) =>
    this.#psks.get(psk.pskType === 'resumption' ? `epoch ${psk.pskEpoch}` : toHex(psk.pskId))

  async person(name: string): Promise<Person> {
    const services = servicesWith(() => new Uint8Array(0), this.findPsk)
    const person = await client(name, this.#suite, this.#nextSeed(), services)
    this.people.set(name, person)
    return person
  }

  of(name: string): { person: Person; state: GroupState } {
    const person = this.people.get(name)
    const state = this.states.get(name)
    if (person === undefined || state === undefined) throw new Error(`${name} is not in the group`)
    return { person, state }
  }

  async join(person: Person, bundle: KeyPackageBundle, welcome: MlsMessage | undefined): Promise<void> {
    if (welcome?.wireFormat !== 'mls_welcome') throw new Error('there is no Welcome')
    const options = { profile: this.#profile, suite: this.#suite, welcome: welcome.welcome, keyPackages: [bundle] }
    this.states.set(person.name, (await joinGroup(options, person.services)).state)
  }

  /** One member commits, all others follow. */
  async commit(name: string, options: Omit<CommitOptions, 'signer'>): Promise<MlsMessage | undefined> {
    const { person, state } = this.of(name)
    this.#psks.set(`epoch ${state.context.epoch}`, resumptionPsk(state))
    const made = await createCommit(
      state,
      { signer: person.signer, welcome: { grease: 'omit' }, ...options },
      person.services,
    )
    this.messages.push(made.message)
    for (const [other, before] of this.states) {
      if (other === name) this.states.set(other, made.child)
      else await this.#follow(other, before, made.message)
    }
    return made.welcome
  }

  async #follow(name: string, state: GroupState, message: MlsMessage): Promise<void> {
    const processed = await processMessage(state, message, this.of(name).person.services)
    if (processed.kind !== 'commit') throw new Error('not a commit')
    if (processed.child === undefined) this.states.delete(name)
    else this.states.set(name, processed.child)
  }

  /** A message of this epoch, which everybody else processes. */
  async tell(message: MlsMessage, author: string | undefined): Promise<void> {
    this.messages.push(message)
    for (const [name, state] of this.states) {
      if (name === author) continue
      const processed = await processMessage(state, message, this.of(name).person.services)
      if (processed.kind === 'proposal' || processed.kind === 'application') this.states.set(name, processed.state)
    }
  }

  async propose(name: string, proposal: Proposal, wireFormat: MlsMessage['wireFormat']): Promise<void> {
    if (wireFormat !== 'mls_public_message' && wireFormat !== 'mls_private_message') throw new Error('not framed')
    const { person, state } = this.of(name)
    const sent = await sendProposal(state, proposal, { signer: person.signer, wireFormat }, person.services)
    this.states.set(name, sent.state)
    await this.tell(sent.message, name)
  }

  async update(name: string, wireFormat: 'mls_public_message' | 'mls_private_message'): Promise<void> {
    const { person, state } = this.of(name)
    const sent = await sendUpdate(state, { signer: person.signer, wireFormat }, person.services)
    this.states.set(name, sent.state)
    await this.tell(sent.message, name)
  }

  /** Says something that nobody has heard yet. */
  async say(name: string, text: string): Promise<void> {
    const { person, state } = this.of(name)
    const options = { signer: person.signer, pendingProposals: 'ignore' } as const
    const sent = await protectApplication(state, utf8(text), options, person.services)
    this.states.set(name, sent.state)
    this.messages.push(sent.message)
  }

  /** A commit that nobody has followed yet. */
  async offer(name: string, options: Omit<CommitOptions, 'signer'>): Promise<void> {
    const { person, state } = this.of(name)
    this.messages.push((await createCommit(state, { signer: person.signer, ...options }, person.services)).message)
  }

  member(name: string): Member {
    const { person, state } = this.of(name)
    return { person, state, encoded: encodeGroupState(state), tree: ratchetTreeBytes(state.tree) }
  }
}

/** Extensions of the profile's own. */
export interface WorldSettings {
  readonly profile: Profile
  readonly suite: CipherSuite
  readonly extensions?: Parameters<typeof createGroup>[0]['extensions']
  readonly authenticatedData?: GroupWorld['authenticatedData']
}

const FIRST_MEMBERS = ['bob', 'charlie', 'dora', 'mallory', 'frank', 'gina'] as const

/** Leaves: alice 0, bob 1, charlie 2, dora 3, mallory 4, hank 5, ivan 6, who is unmerged at the root; 7 is blank. */
export async function groupWorld(world: WorldSettings): Promise<GroupWorld> {
  const { profile, suite, extensions = [] } = world
  const builder = new Builder(profile, suite)
  const alice = await builder.person('alice')
  const oscar = await builder.person('oscar')
  const leaf = { credential: credentialOf('alice'), capabilities: capabilities(suite) }
  const settings = { profile, suite, groupId: utf8('group'), signer: alice.signer, leaf, lifetime: LIFETIME }
  const contextExtensions = [...groupExtensions(oscar.signer), ...extensions]
  const created = await createGroup({ ...settings, extensions: contextExtensions, grease: 'omit' }, alice.services)
  builder.states.set('alice', created)

  const bundles = new Map<string, KeyPackageBundle>()
  for (const name of [...FIRST_MEMBERS, 'hank', 'ivan', 'xenia', 'yves', 'zoe']) {
    bundles.set(name, await keyPackage(await builder.person(name)))
  }
  const bundleOf = (name: string): KeyPackageBundle => bundles.get(name) as KeyPackageBundle
  const addOf = (name: string): Proposal => ({ proposalType: 'add', keyPackage: bundleOf(name).keyPackage })

  const first = await builder.commit('alice', { proposals: FIRST_MEMBERS.map(addOf) })
  for (const name of FIRST_MEMBERS) await builder.join(builder.people.get(name) as Person, bundleOf(name), first)
  await builder.commit('bob', {})
  await builder.commit('mallory', { wireFormat: 'mls_public_message' })
  await builder.commit('charlie', { proposals: [{ proposalType: 'remove', removed: 5 }] })
  const welcome = await builder.commit('bob', { proposals: [addOf('hank')] })
  await builder.join(builder.people.get('hank') as Person, bundleOf('hank'), welcome)
  await builder.commit('alice', { proposals: [{ proposalType: 'remove', removed: 6 }] })
  const last = await builder.commit('hank', { proposals: [addOf('ivan')], path: 'when_required' })
  await builder.join(builder.people.get('ivan') as Person, bundleOf('ivan'), last)
  await builder.say('alice', 'heard by nobody yet')

  const { state: known } = builder.of('bob')
  const nonce = (): Uint8Array => (builder.people.get('bob') as Person).services.random(suite.hashSize)
  const outside = { groupId: known.context.groupId, epoch: known.context.epoch, authenticatedData: known.epochId }
  await builder.update('alice', 'mls_public_message')
  await builder.update('bob', 'mls_private_message')
  await builder.propose('charlie', { proposalType: 'remove', removed: 3 }, 'mls_private_message')
  await builder.propose('alice', addOf('zoe'), 'mls_public_message')
  const psk = { psk: { pskType: 'external', pskId: KNOWN_PSK }, pskNonce: nonce() } as const
  await builder.propose('hank', { proposalType: 'psk', psk }, 'mls_private_message')
  await builder.propose('hank', { proposalType: 'custom', type: CUSTOM, body: utf8('body') }, 'mls_public_message')
  const change = { proposalType: 'app_data_update', componentId: COMPONENT, update: utf8('change') } as const
  await builder.propose('bob', change, 'mls_private_message')
  await builder.propose('charlie', { proposalType: 'self_remove' }, 'mls_public_message')
  const settingsChange = [
    ...contextExtensions.filter((extension) => extension.extensionType !== PRIVATE_EXTENSION),
    { extensionType: PRIVATE_EXTENSION, extensionData: utf8('changed') },
  ]
  const replacement = { proposalType: 'group_context_extensions', extensions: settingsChange } as const
  await builder.propose('alice', replacement, 'mls_private_message')
  const external = { ...outside, signer: oscar.signer, senderIndex: 0, proposal: addOf('yves') }
  await builder.tell(await createExternalProposal(external), undefined)
  const xenia = builder.people.get('xenia') as Person
  const asked = { ...outside, signer: xenia.signer, keyPackage: bundleOf('xenia').keyPackage }
  await builder.tell(await createNewMemberProposal(asked), undefined)
  for (const name of ['alice', 'bob', 'charlie', 'mallory', 'hank']) await builder.say(name, `from ${name}`)
  await builder.offer('alice', { references: 'all' })
  await builder.offer('charlie', { path: 'always', wireFormat: 'mls_public_message' })

  const informed = builder.of('alice')
  const options = { signer: informed.person.signer, externalPub: 'included', grease: 'omit' } as const
  const groupInfo = await createGroupInfo(informed.state, options, informed.person.services)
  if (groupInfo.wireFormat !== 'mls_group_info' || welcome?.wireFormat !== 'mls_welcome')
    throw new Error('no GroupInfo')

  const sybils = ['xenia', 'yves', 'zoe'].map((name) => ({
    person: builder.people.get(name) as Person,
    bundle: bundleOf(name),
  }))
  const mallory = builder.member('mallory')
  const own = [mallory.person, ...sybils.map(({ person }) => person)]
  const donors = new Donors()
  for (const message of builder.messages) donors.add(message)
  for (const { proposal } of mallory.state.proposals.values()) donors.add(proposal)
  donors.add(groupInfo.groupInfo.groupContext)
  for (const { leafNode } of mallory.state.tree.members()) donors.add(leafNode)
  return {
    profile,
    suite,
    receivers: ['bob', 'charlie', 'ivan'].map((name) => builder.member(name)),
    mallory,
    sybils,
    externalSender: oscar.signer,
    messages: builder.messages,
    groupInfo: groupInfo.groupInfo,
    welcome: welcome.welcome,
    hank: { person: builder.people.get('hank') as Person, bundle: bundleOf('hank') },
    donors,
    ownSigners: signersOf(own),
    allSigners: signersOf([...builder.people.values()]),
    findPsk: builder.findPsk,
    authenticatedData: world.authenticatedData ?? ((tape) => (tape.once(4) ? tape.take(4) : new Uint8Array(0))),
  }
}

export function signersOf(people: readonly Person[]): ReadonlyMap<string, Signer> {
  return new Map(people.map((person) => [toHex(person.signer.publicKey), person.signer]))
}
