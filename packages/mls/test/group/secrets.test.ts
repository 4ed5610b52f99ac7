/**
 * RFC 9420 §9.2: what was used up is overwritten. A suite that remembers all that it has derived shows, after each step,
 * what is neither overwritten nor part of the states that the step returned.
 */
import { type CipherSuite, type KeyPair, systemRandom, toHex, utf8 } from '@dmls/crypto'
import { expect, test } from 'vitest'
import {
  createBranch,
  createCommit,
  createGroupInfo,
  createReinitGroup,
  encodeGroupState,
  type GroupState,
  joinExternally,
  joinGroup,
  mlsProfile,
  type Proposal,
  protectApplication,
  sendProposal,
  sendUpdate,
  wipeGroupState,
  wipeOutcome,
} from '../../src/index.ts'
import type { RecordingSuite } from '../recording-suite.ts'
import { suite as plainSuite } from '../suites.ts'
import { commitIn, forge } from './forge.ts'
import {
  codeOf,
  credentialOf,
  follow,
  groupOf,
  keyPackageOf,
  LIFETIME,
  type Person,
  person,
  receive,
  receiveCommit,
  trio,
} from './people.ts'
import { punctured } from './punctured-profile.ts'

const PUBLIC = { wireFormat: 'mls_public_message' } as const

/** Secrets that came out of the suite during a step, are not overwritten, and stand in none of these states. */
function leftBehind(suite: RecordingSuite, from: number, states: readonly GroupState[]): string[] {
  const kept = states.map((state) => toHex(encodeGroupState(state))).join(' ')
  return suite.handedOut
    .slice(from)
    .filter((secret) => secret.some((byte) => byte !== 0))
    .map((secret) => toHex(secret))
    .filter((secret) => !kept.includes(secret))
}

/** A suite that remembers private keys too. */
function watching(plain: CipherSuite): RecordingSuite {
  const handedOut: Uint8Array[] = []
  const remember = async (made: Promise<KeyPair>): Promise<KeyPair> => {
    const keys = await made
    handedOut.push(keys.privateKey)
    return keys
  }
  const noting =
    <Rest extends readonly unknown[]>(derive: (...rest: Rest) => Uint8Array) =>
    (...rest: Rest): Uint8Array => {
      const secret = derive(...rest)
      handedOut.push(secret)
      return secret
    }
  return {
    ...plain,
    handedOut,
    extract: noting(plain.extract),
    expand: noting(plain.expand),
    open: noting(plain.open),
    deriveHpkeKeyPair: (ikm) => remember(plain.deriveHpkeKeyPair(ikm)),
    generateHpkeKeyPair: (random) => remember(plain.generateHpkeKeyPair(random)),
    hpkeExportSender: async (...given) => {
      const sent = await plain.hpkeExportSender(...given)
      handedOut.push(sent.exported)
      return sent
    },
    hpkeExportReceiver: async (...given) => {
      const exported = await plain.hpkeExportReceiver(...given)
      handedOut.push(exported)
      return exported
    },
  }
}

interface Watched {
  readonly suite: RecordingSuite
  readonly alice: Person
  readonly bob: Person
  readonly a: GroupState
  readonly b: GroupState
}

async function watched(): Promise<Watched> {
  const suite = watching(plainSuite)
  const { alice, bob, a, b } = await trio({ suite })
  return { suite, alice, bob, a, b }
}

test('creating, processing and joining leave nothing behind', async () => {
  const { suite, alice, bob, a, b } = await watched()
  const dora = await person('dora', { suite })
  const bundle = await keyPackageOf(dora)
  const proposals: Proposal[] = [
    { proposalType: 'add', keyPackage: bundle.keyPackage },
    { proposalType: 'psk', psk: { psk: { pskType: 'external', pskId: utf8('p') }, pskNonce: systemRandom(32) } },
  ]
  const findPsk = async () => utf8('a shared secret of ours')
  const knowing = (who: Person): Person => ({ ...who, services: { ...who.services, findPsk } })
  let from = suite.handedOut.length
  const made = await createCommit(a, { signer: alice.signer, proposals, ...PUBLIC }, knowing(alice).services)
  expect(suite.handedOut.length).toBeGreaterThan(from + 20)
  expect(leftBehind(suite, from, [made.parent, made.child])).toEqual([])
  from = suite.handedOut.length
  const taken = await receiveCommit(knowing(bob), b, made.message)
  expect(leftBehind(suite, from, [taken.parent, taken.child as GroupState])).toEqual([])
  if (made.welcome?.wireFormat !== 'mls_welcome') throw new Error('no Welcome')
  from = suite.handedOut.length
  const { welcome } = made.welcome
  const joined = await joinGroup({ profile: mlsProfile, suite, welcome, keyPackages: [bundle] }, knowing(dora).services)
  expect(leftBehind(suite, from, [joined.state])).toEqual([])
})

test('entering by an external commit leaves nothing behind, on either side', async () => {
  const { suite, alice, bob, a, b } = await watched()
  const info = await createGroupInfo(a, { signer: alice.signer, externalPub: 'included' }, alice.services)
  if (info.wireFormat !== 'mls_group_info') throw new Error('no GroupInfo')
  const { signer, services } = await person('dora', { suite })
  const options = { profile: mlsProfile, suite, groupInfo: info.groupInfo, signer, credential: credentialOf('dora') }
  let from = suite.handedOut.length
  const entered = await joinExternally(options, services)
  expect(leftBehind(suite, from, [entered.state])).toEqual([])
  from = suite.handedOut.length
  const taken = await receiveCommit(bob, b, entered.message)
  expect(leftBehind(suite, from, [taken.parent, taken.child as GroupState])).toEqual([])
})

test('an external commit that is not made after all leaves nothing behind', async () => {
  const { suite, alice, a } = await watched()
  const info = await createGroupInfo(a, { signer: alice.signer, externalPub: 'included' }, alice.services)
  if (info.wireFormat !== 'mls_group_info') throw new Error('no GroupInfo')
  const { signer, services } = await person('dora', { suite })
  const options = { profile: mlsProfile, suite, groupInfo: info.groupInfo, signer, credential: credentialOf('dora') }
  const psks = [{ psk: { pskType: 'external', pskId: utf8('p') } as const, pskNonce: new Uint8Array(32) }]
  let from = suite.handedOut.length
  expect(await codeOf(joinExternally({ ...options, psks }, services))).toBe('psk_not_found')
  expect(leftBehind(suite, from, [])).toEqual([])
  const twice = [1, 1].map((extensionType) => ({ extensionType, extensionData: new Uint8Array(0) }))
  from = suite.handedOut.length
  expect(await codeOf(joinExternally({ ...options, childGroupInfo: { extensions: twice } }, services))).toBe(
    'duplicate_extension',
  )
  expect(leftBehind(suite, from, [])).toEqual([])
})

test('a commit that is refused at the very end leaves nothing behind', async () => {
  const { suite, alice, bob, a, b } = await watched()
  const { message } = await createCommit(a, { signer: alice.signer, ...PUBLIC }, alice.services)
  const body = { contentType: 'commit', commit: commitIn(message) } as const
  const forged = await forge(a, body, { signer: alice.signer, authenticatedData: utf8('another') })
  const from = suite.handedOut.length
  expect(await codeOf(receive(bob, b, forged))).toBe('bad_confirmation_tag')
  expect(suite.handedOut.length).toBeGreaterThan(from + 10)
  expect(leftBehind(suite, from, [b])).toEqual([])
})

test('of what a message led to and nobody takes up nothing is left, and its receiver is as before', async () => {
  const suite = watching(plainSuite)
  const { alice, bob, charlie, a, b, c } = await trio({ suite, profile: punctured })
  const said = await protectApplication(a, utf8('x'), { signer: alice.signer }, alice.services)
  const proposal: Proposal = { proposalType: 'remove', removed: 2 }
  const proposed = await sendProposal(said.state, proposal, { signer: alice.signer }, alice.services)
  const committed = await createCommit(proposed.state, { signer: alice.signer }, alice.services)
  const bobs = toHex(encodeGroupState(b))
  for (const { message } of [said, proposed, committed]) {
    const from = suite.handedOut.length
    const processed = await receive(bob, b, message)
    expect(leftBehind(suite, from, [b])).not.toEqual([])
    wipeOutcome(processed)
    // the name of an epoch is public
    const names = [toHex(committed.child.epochId)]
    expect(leftBehind(suite, from, [b]).filter((left) => !names.includes(left))).toEqual([])
    expect(toHex(encodeGroupState(b))).toBe(bobs)
  }
  // also of what is made and not sent
  const charlies = toHex(encodeGroupState(c))
  const from = suite.handedOut.length
  wipeOutcome(await protectApplication(c, utf8('y'), { signer: charlie.signer }, charlie.services))
  wipeOutcome(await sendUpdate(c, { signer: charlie.signer }, charlie.services))
  const unsent = await createCommit(c, { signer: charlie.signer }, charlie.services)
  wipeOutcome(unsent)
  expect(leftBehind(suite, from, [c])).toEqual([toHex(unsent.child.epochId)])
  expect(toHex(encodeGroupState(c))).toBe(charlies)
  expect((await follow(bob, b, committed.message)).epochId).toEqual(committed.child.epochId)
})

test('an Update that is not sent leaves nothing behind', async () => {
  const { suite, alice, a } = await watched()
  const reinit: Proposal = { proposalType: 'reinit', groupId: utf8('next'), version: 1, cipherSuite: 1, extensions: [] }
  const { child } = await createCommit(a, { signer: alice.signer, proposals: [reinit] }, alice.services)
  const from = suite.handedOut.length
  expect(await codeOf(sendUpdate(child, { signer: alice.signer }, alice.services))).toBe('group_reinitialized')
  expect(suite.handedOut.length).toBe(from + 1)
  expect(leftBehind(suite, from, [child])).toEqual([])
})

test('a message whose signature is bad leaves nothing behind', async () => {
  const { suite, alice, bob, a, b } = await watched()
  const { signer } = await person('mallory')
  const body = { contentType: 'application', applicationData: utf8('x') } as const
  const forged = await forge(a, body, { signer, wireFormat: 'mls_private_message' })
  expect(alice.suite).toBe(suite)
  const from = suite.handedOut.length
  expect(await codeOf(receive(bob, b, forged))).toBe('bad_signature')
  expect(suite.handedOut.length).toBeGreaterThan(from + 5)
  expect(leftBehind(suite, from, [b])).toEqual([])
})

test('a Welcome that is refused at the very end leaves nothing behind', async () => {
  const broken = { ...plainSuite, mac: () => new Uint8Array(32) }
  const alice = await person('alice', { suite: broken })
  const suite = watching(plainSuite)
  const dora = await person('dora', { suite })
  const bundle = await keyPackageOf(dora)
  const proposals: Proposal[] = [{ proposalType: 'add', keyPackage: bundle.keyPackage }]
  const made = await createCommit(await groupOf(alice), { signer: alice.signer, proposals }, alice.services)
  if (made.welcome?.wireFormat !== 'mls_welcome') throw new Error('no Welcome')
  const from = suite.handedOut.length
  const { welcome } = made.welcome
  const joining = joinGroup({ profile: mlsProfile, suite, welcome, keyPackages: [bundle] }, dora.services)
  expect(await codeOf(joining)).toBe('bad_confirmation_tag')
  expect(suite.handedOut.length).toBeGreaterThan(from + 10)
  expect(leftBehind(suite, from, [])).toEqual([])
})

test('a commit that its maker cannot finish leaves nothing behind', async () => {
  const { suite, alice, a } = await watched()
  const psk = { psk: { pskType: 'external', pskId: utf8('p') } as const, pskNonce: new Uint8Array(32) }
  const proposals: Proposal[] = [{ proposalType: 'psk', psk }]
  let from = suite.handedOut.length
  expect(await codeOf(createCommit(a, { signer: alice.signer, proposals }, alice.services))).toBe('psk_not_found')
  expect(leftBehind(suite, from, [a])).toEqual([])
  // the GroupInfo, made last, is refused
  const twice = [1, 1].map((extensionType) => ({ extensionType, extensionData: new Uint8Array(0) }))
  from = suite.handedOut.length
  const failed = createCommit(a, { signer: alice.signer, ...PUBLIC, groupInfo: { extensions: twice } }, alice.services)
  expect(await codeOf(failed)).toBe('duplicate_extension')
  expect(leftBehind(suite, from, [a])).toEqual([])
})

test('a reinitialised group that is not made after all leaves nothing behind', async () => {
  const { suite, alice, a } = await watched()
  const reinit: Proposal = { proposalType: 'reinit', groupId: utf8('next'), version: 1, cipherSuite: 1, extensions: [] }
  const { child } = await createCommit(a, { signer: alice.signer, proposals: [reinit] }, alice.services)
  const leaf = { credential: credentialOf('alice') }
  const options = { suite, signer: alice.signer, leaf, lifetime: LIFETIME, keyPackages: [] }
  const from = suite.handedOut.length
  expect(await codeOf(createReinitGroup(child, options, alice.services))).toBe('members_missing')
  expect(leftBehind(suite, from, [child])).toEqual([])
})

test('a branch that is not made after all leaves nothing behind', async () => {
  const { suite, alice, a } = await watched()
  const stranger = await keyPackageOf(await person('mallory', { suite }))
  const leaf = { credential: credentialOf('alice') }
  const options = { groupId: utf8('branch'), signer: alice.signer, leaf, lifetime: LIFETIME }
  const from = suite.handedOut.length
  const made = createBranch(a, { ...options, keyPackages: [stranger.keyPackage] }, alice.services)
  expect(await codeOf(made)).toBe('not_a_subset')
  expect(leftBehind(suite, from, [a])).toEqual([])
})

test('a state that is wiped has no secret left, and what it shares with its successor is named', async () => {
  const { suite, alice, bob, a, b } = await watched()
  const { message } = await createCommit(a, { signer: alice.signer }, alice.services)
  const before = [...b.keys.values(), ...Object.values(b.secrets)]
  const child = await follow(bob, b, message)
  for (const key of before) expect([...child.keys.values(), ...Object.values(child.secrets)]).not.toContain(key)
  wipeGroupState(b)
  for (const key of before) expect(key.every((byte) => byte === 0)).toBe(true)
  const next = await createCommit(child, { signer: bob.signer }, bob.services)
  expect(next.child.context.epoch).toBe(child.context.epoch + 1n)
  expect(suite.handedOut.length).toBeGreaterThan(0)
})
