/** A small group under random steps: everybody who is in it agrees after each commit, everybody else is out. */

import { type RandomSource, utf8 } from '@dmls/crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  createCommit,
  createGroupInfo,
  decodeMlsMessage,
  epochAuthenticator,
  type GroupState,
  joinExternally,
  joinGroup,
  type KeyPackageBundle,
  MlsError,
  type MlsMessage,
  mlsMessageBytes,
  mlsProfile,
  type Profile,
  type Proposal,
  processMessage,
  protectApplication,
  sendProposal,
  sendUpdate,
  validateRatchetTree,
  wipeGroupState,
} from '../../src/index.ts'
import { suite } from '../suites.ts'
import { credentialOf, groupOf, keyPackageOf, type Person, person } from './people.ts'
import { punctured } from './punctured-profile.ts'

const NAMES = ['alice', 'bob', 'charlie', 'dora', 'emil', 'frida', 'gustav'] as const

interface Step {
  readonly action: 'commit' | 'propose' | 'talk' | 'enter' | 'resync'
  readonly who: number
  readonly add: readonly number[]
  readonly remove: readonly number[]
  readonly update: boolean
  readonly publicly: boolean
}

const step: fc.Arbitrary<Step> = fc.record({
  action: fc.constantFrom('commit', 'commit', 'commit', 'propose', 'propose', 'talk', 'enter', 'resync'),
  who: fc.nat(NAMES.length - 1),
  add: fc.uniqueArray(fc.nat(NAMES.length - 1), { maxLength: 3 }),
  remove: fc.uniqueArray(fc.nat(NAMES.length - 1), { maxLength: 2 }),
  update: fc.boolean(),
  publicly: fc.boolean(),
})

/** A generator of the fast-check seed, so that a failure repeats. */
function seeded(seed: number): RandomSource {
  let state = seed >>> 0
  return (length) => {
    const bytes = new Uint8Array(length)
    for (let i = 0; i < length; i++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0
      bytes[i] = state >>> 24
    }
    return bytes
  }
}

class World {
  readonly members = new Map<Person, GroupState>()
  readonly outsiders = new Map<Person, GroupState | undefined>()
  readonly #profile: Profile
  readonly #people: readonly Person[]

  constructor(profile: Profile, people: readonly Person[]) {
    this.#profile = profile
    this.#people = people
  }

  async begin(): Promise<void> {
    const [creator, ...others] = this.#people
    if (creator === undefined) throw new Error('nobody is here')
    this.members.set(creator, await groupOf(creator, { profile: this.#profile }))
    for (const other of others) this.outsiders.set(other, undefined)
  }

  async take({ action, who, add, remove, update, publicly }: Step): Promise<void> {
    const actor = this.#people[who] as Person
    const state = this.members.get(actor)
    const wireFormat = publicly ? 'mls_public_message' : 'mls_private_message'
    if (state === undefined) {
      if (action === 'enter') await this.#enter(actor, undefined)
      return
    }
    switch (action) {
      case 'commit':
        return this.#commit(actor, state, add, remove, wireFormat)
      case 'propose':
        return this.#propose(actor, state, update ? undefined : remove[0], wireFormat)
      case 'talk':
        return this.#talk(actor, state)
      case 'enter':
        return
      case 'resync':
        return this.#enter(actor, state.ownLeaf)
    }
  }

  async #commit(
    actor: Person,
    state: GroupState,
    add: readonly number[],
    remove: readonly number[],
    wireFormat: 'mls_public_message' | 'mls_private_message',
  ): Promise<void> {
    const invited = new Map<Person, KeyPackageBundle>()
    const proposals: Proposal[] = []
    for (const person of this.#persons(add)) {
      if (this.members.has(person)) continue
      const bundle = await keyPackageOf(person)
      invited.set(person, bundle)
      proposals.push({ proposalType: 'add', keyPackage: bundle.keyPackage })
    }
    for (const person of this.#persons(remove)) {
      const leaf = this.members.get(person)?.ownLeaf
      if (leaf !== undefined && person !== actor) proposals.push({ proposalType: 'remove', removed: leaf })
    }
    const options = { signer: actor.signer, proposals, references: 'all', wireFormat } as const
    const created = await createCommit(state, options, actor.services)
    await this.#deliver(actor, created.message, created.child)
    for (const [person, bundle] of invited) {
      if (created.welcome?.wireFormat !== 'mls_welcome') throw new Error('no Welcome')
      const { welcome } = created.welcome
      const joining = { profile: this.#profile, suite, welcome, keyPackages: [bundle] }
      this.members.set(person, (await joinGroup(joining, person.services)).state)
      this.outsiders.delete(person)
    }
    await this.check()
  }

  async #enter(actor: Person, resync: number | undefined): Promise<void> {
    const [host] = this.members
    if (host === undefined) return
    const [hostPerson, hostState] = host
    const options = { signer: hostPerson.signer, externalPub: 'included' } as const
    const info = await createGroupInfo(hostState, options, hostPerson.services)
    if (info.wireFormat !== 'mls_group_info') throw new Error('no GroupInfo')
    const { signer, services, name } = actor
    const entering = {
      profile: this.#profile,
      suite,
      groupInfo: info.groupInfo,
      signer,
      credential: credentialOf(name),
    }
    const joined = await joinExternally(resync === undefined ? entering : { ...entering, resync }, services)
    this.members.delete(actor)
    await this.#deliver(actor, joined.message, joined.state)
    this.outsiders.delete(actor)
    await this.check()
  }

  /** Everybody processes a commit, from its bytes; who made it takes the child that it has. */
  async #deliver(by: Person, message: MlsMessage, child: GroupState): Promise<void> {
    const bytes = mlsMessageBytes(message)
    for (const [person, state] of [...this.members]) {
      if (person === by) {
        this.members.set(person, child)
        continue
      }
      const processed = await processMessage(state, decodeMlsMessage(bytes), person.services)
      if (processed.kind !== 'commit') throw new Error('not a commit')
      if (processed.child === undefined) {
        this.members.delete(person)
        this.outsiders.set(person, processed.parent)
      } else {
        this.members.set(person, processed.child)
        wipeGroupState(processed.parent)
      }
    }
    this.members.set(by, child)
  }

  async #propose(
    actor: Person,
    state: GroupState,
    remove: number | undefined,
    wireFormat: 'mls_public_message' | 'mls_private_message',
  ): Promise<void> {
    const options = { signer: actor.signer, wireFormat }
    const target = remove === undefined ? undefined : this.members.get(this.#people[remove] as Person)?.ownLeaf
    const sent =
      target === undefined
        ? await sendUpdate(state, options, actor.services)
        : await sendProposal(state, { proposalType: 'remove', removed: target }, options, actor.services)
    for (const [person, theirs] of [...this.members]) {
      if (person === actor) this.members.set(person, sent.state)
      else {
        const heard = await processMessage(theirs, sent.message, person.services)
        if (heard.kind !== 'proposal') throw new Error('not a proposal')
        this.members.set(person, heard.state)
      }
    }
  }

  async #talk(actor: Person, state: GroupState): Promise<void> {
    const options = { signer: actor.signer, pendingProposals: 'ignore' } as const
    const sent = await protectApplication(state, utf8(actor.name), options, actor.services)
    this.members.set(actor, sent.state)
    for (const [person, theirs] of [...this.members]) {
      if (person === actor) continue
      const read = await processMessage(theirs, sent.message, person.services)
      if (read.kind !== 'application') throw new Error('not read')
      expect(read.applicationData).toEqual(utf8(actor.name))
      expect(read.sender).toBe(state.ownLeaf)
      this.members.set(person, read.state)
    }
    for (const [person, old] of this.outsiders) {
      if (old === undefined) continue
      const attempt = processMessage(
        { ...old, context: { ...state.context, groupId: old.context.groupId } },
        sent.message,
        person.services,
      )
      await expect(attempt).rejects.toBeInstanceOf(MlsError)
    }
  }

  /** All members have one epoch, one tree, and private keys that belong to it. */
  async check(): Promise<void> {
    const states = [...this.members.values()]
    const [first] = states
    if (first === undefined) return
    expect(first.tree.memberCount).toBe(this.members.size)
    await validateRatchetTree(suite, first.tree, {
      groupId: first.context.groupId,
      groupExtensions: first.context.extensions,
      treeHash: first.context.treeHash,
    })
    for (const state of states) {
      expect(epochAuthenticator(state)).toEqual(epochAuthenticator(first))
      expect(state.contextBytes).toEqual(first.contextBytes)
      expect(state.interimTranscriptHash).toEqual(first.interimTranscriptHash)
      for (const nodeIndex of state.keys.keys()) expect(state.tree.encryptionKey(nodeIndex)).toBeDefined()
    }
  }

  #persons(indices: readonly number[]): Person[] {
    return indices.map((index) => this.#people[index] as Person)
  }
}

for (const profile of [mlsProfile, punctured]) {
  test(`whatever a small group does, its members agree (${profile.name})`, { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 24 }), fc.nat(), async (steps, seed) => {
        const random = seeded(seed)
        const people = await Promise.all(NAMES.map((name) => person(name, { random })))
        const world = new World(profile, people)
        await world.begin()
        for (const each of steps) await world.take(each)
      }),
      { numRuns: profile === mlsProfile ? 120 : 40 },
    )
  })
}
