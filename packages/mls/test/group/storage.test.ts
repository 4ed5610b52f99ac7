import { utf8 } from '@dmls/crypto'
import { describe, expect, test } from 'vitest'
import {
  createCommit,
  decodeCachedProposal,
  decodeGroupState,
  decodeGroupStateCore,
  encodeCachedProposal,
  encodeGroupState,
  encodeGroupStateCore,
  encodeMlsMessage,
  encodeWhole,
  epochAuthenticator,
  exportSecret,
  type GroupState,
  loadTree,
  type MlsMessage,
  messageHeader,
  mlsProfile,
  protectApplication,
  readMessageHeader,
  safeExportSecret,
  sameGroupStateCore,
  sendProposal,
  sendUpdate,
  treeHashOfState,
  treeRecords,
  wipeGroupState,
} from '../../src/index.ts'
import { suite } from '../suites.ts'
import { codeOf, follow, groupOf, hear, person, receive, trio } from './people.ts'
import { punctured } from './punctured-profile.ts'

const PUBLIC = { wireFormat: 'mls_public_message' } as const

function restored(state: GroupState): GroupState {
  return decodeGroupState(encodeGroupState(state), { suite, profile: state.profile, tree: state.tree })
}

describe('a state that was stored and read again', () => {
  test('is the same in everything', async () => {
    const { alice, bob, a, b } = await trio()
    const options = { signer: bob.signer, ...PUBLIC }
    const removal = await sendProposal(b, { proposalType: 'remove', removed: 2 }, options, bob.services)
    const heard = await hear(alice, a, removal.message)
    const update = await sendUpdate(heard, { signer: alice.signer }, alice.services)
    const created = await createCommit(update.state, { signer: alice.signer }, alice.services)
    const state = restored(created.parent)
    expect(encodeGroupState(state)).toEqual(encodeGroupState(created.parent))
    expect(state.proposals).toEqual(created.parent.proposals)
    expect(state.pendingUpdates).toEqual(created.parent.pendingUpdates)
    expect(await receive(alice, state, created.message)).toMatchObject({ kind: 'own', remembered: true })
  })

  test('is the same when its core and its parts were stored by themselves', async () => {
    const { alice, bob, a, b } = await trio()
    const options = { signer: bob.signer, ...PUBLIC }
    const removal = await sendProposal(b, { proposalType: 'remove', removed: 2 }, options, bob.services)
    const state = await hear(alice, a, removal.message)
    expect(sameGroupStateCore(a, state)).toBe(true)
    expect(encodeGroupStateCore(state)).toEqual(encodeGroupStateCore(a))
    const proposals = new Map(
      [...state.proposals].map(([name, cached]) => [name, decodeCachedProposal(encodeCachedProposal(cached))]),
    )
    const { secretTree, initKey, profile, tree } = state
    const parts = { secretTree, initKey, proposals }
    const again = decodeGroupStateCore(encodeGroupStateCore(state), { suite, profile, tree }, parts)
    expect(encodeGroupState(again)).toEqual(encodeGroupState(state))
    const created = await createCommit(again, { signer: alice.signer, references: 'all' }, alice.services)
    expect(created.changes.removed).toMatchObject([{ leafIndex: 2 }])
    expect(sameGroupStateCore(a, created.child)).toBe(false)
  })

  test('goes on: reads, sends, commits, and follows a commit of its own Update', async () => {
    const { alice, bob, a, b } = await trio()
    const update = await sendUpdate(b, { signer: bob.signer }, bob.services)
    const heard = await hear(alice, a, update.message)
    const stored = restored(update.state)
    wipeGroupState(update.state)
    const created = await createCommit(heard, { signer: alice.signer, references: 'all' }, alice.services)
    const b1 = restored(await follow(bob, stored, created.message))
    expect(epochAuthenticator(b1)).toEqual(epochAuthenticator(created.child))
    const sent = await protectApplication(b1, utf8('back'), { signer: bob.signer }, bob.services)
    expect(await receive(alice, restored(created.child), sent.message)).toMatchObject({
      kind: 'application',
      sender: 1,
    })
    const next = await createCommit(restored(sent.state), { signer: bob.signer }, bob.services)
    expect(epochAuthenticator(await follow(alice, created.child, next.message))).toEqual(epochAuthenticator(next.child))
  })

  test('finds its tree by its hash, among records that share what epochs have in common', async () => {
    const { alice, a } = await trio()
    const records = new Map<string, Uint8Array>()
    const save = (state: GroupState): void => {
      for (const { hash, bytes } of treeRecords(state.tree, (known) => records.has(known.join()))) {
        records.set(hash.join(), bytes)
      }
    }
    save(a)
    const { child } = await createCommit(a, { signer: alice.signer }, alice.services)
    save(child)
    const bytes = encodeGroupState(child)
    const tree = loadTree(suite, treeHashOfState(bytes), (hash) => records.get(hash.join()))
    expect(decodeGroupState(bytes, { suite, profile: mlsProfile, tree }).contextBytes).toEqual(child.contextBytes)
  })

  test('keeps a reinitialisation in mind', async () => {
    const { alice, a } = await trio()
    const proposals = [
      { proposalType: 'reinit', groupId: utf8('next'), version: 1, cipherSuite: 3, extensions: [] } as const,
    ]
    const { child } = await createCommit(a, { signer: alice.signer, proposals }, alice.services)
    expect(restored(child).reinit).toEqual(child.reinit)
  })

  test('is refused with another tree, profile or suite, and where it is cut or changed', async () => {
    const { alice, a } = await trio()
    const bytes = encodeGroupState(a)
    const decode = async (what: Uint8Array, more: object = {}) =>
      decodeGroupState(what, { suite, profile: mlsProfile, tree: a.tree, ...more })
    const { child } = await createCommit(a, { signer: alice.signer }, alice.services)
    expect(await codeOf(decode(bytes, { tree: child.tree }))).toBe('wrong_tree')
    expect(await codeOf(decode(bytes, { profile: punctured }))).toBe('wrong_profile')
    expect(await codeOf(decode(bytes.with(0, 9)))).toBe('bad_state')
    expect(await codeOf(decode(bytes.subarray(0, bytes.length - 1)))).not.toBe('accepted')
    expect(await codeOf(decode(new Uint8Array([...bytes, 0])))).toBe('trailing_bytes')
  })
})

describe('a profile with a punctured init key', () => {
  test('forks: one epoch leads to several children, each once', async () => {
    const { alice, bob, charlie, a, b, c } = await trio({ profile: punctured })
    const [one, two] = [
      await createCommit(a, { signer: alice.signer, ...PUBLIC }, alice.services),
      await createCommit(c, { signer: charlie.signer }, charlie.services),
    ]
    const first = await receive(bob, b, one.message)
    if (first.kind !== 'commit') throw new Error('not a commit')
    const second = await receive(bob, first.parent, two.message)
    if (second.kind !== 'commit') throw new Error('not a commit')
    expect(first.child?.epochId).toEqual(one.child.epochId)
    expect(second.child?.epochId).toEqual(two.child.epochId)
    expect(one.child.epochId).not.toEqual(two.child.epochId)
    // the parent has forgotten how the first child began, also after it was stored
    expect(await codeOf(receive(bob, second.parent, one.message))).toBe('pprf_punctured')
    expect(await codeOf(receive(bob, restored(second.parent), one.message))).toBe('pprf_punctured')
    // a staged commit that is dropped punctures nothing
    expect(await codeOf(receive(bob, b, one.message))).toBe('accepted')
    // the committer punctured its own parent too
    const forged = { ...one.parent, ownLeaf: 1, keys: b.keys, ownCommits: [], secretTree: b.secretTree }
    expect(await codeOf(receive(bob, forged, one.message))).toBe('pprf_punctured')
  })

  test('makes every commit carry a path, and refuses one without', async () => {
    const { alice, bob, a, b } = await trio({ profile: punctured })
    const psk = { psk: { pskType: 'external', pskId: utf8('p') } as const, pskNonce: new Uint8Array(32) }
    const services = { ...alice.services, findPsk: async () => utf8('p') }
    const options = {
      signer: alice.signer,
      proposals: [{ proposalType: 'psk', psk } as const],
      path: 'when_required',
    } as const
    const created = await createCommit(a, options, services)
    expect(created.commit.path).toBeDefined()
    const lax = { ...a, profile: { ...punctured, pathRequired: false } }
    const pathless = await createCommit(lax, { ...options, ...PUBLIC }, services)
    expect(await codeOf(receive(bob, b, pathless.message))).toBe('path_required')
  })

  test('may refuse content', async () => {
    const { alice, bob, a, b } = await trio({ profile: punctured })
    const authenticatedData = utf8('forbidden')
    const sent = await protectApplication(a, utf8('x'), { signer: alice.signer, authenticatedData }, alice.services)
    expect(await codeOf(receive(bob, b, sent.message))).toBe('forbidden')
  })

  test('works in a group of one', async () => {
    const alice = await person('alice')
    const a = await groupOf(alice, { profile: punctured })
    const { child } = await createCommit(a, { signer: alice.signer }, alice.services)
    expect(child.context.epoch).toBe(1n)
  })
})

describe('exporters', () => {
  test('give all members of an epoch the same secret for a label and context', async () => {
    const { a, b } = await trio()
    const options = { label: 'call', context: utf8('1'), length: 40 }
    expect(exportSecret(a, options)).toEqual(exportSecret(b, options))
    expect(exportSecret(a, options)).toHaveLength(40)
    expect(exportSecret(a, options)).not.toEqual(exportSecret(a, { ...options, context: utf8('2') }))
    expect(exportSecret(a, options)).not.toEqual(exportSecret(a, { ...options, label: 'other' }))
  })

  test('give each component one secret an epoch, and then forget it', async () => {
    const { a, b } = await trio()
    const first = safeExportSecret(a, 0x8001)
    const theirs = safeExportSecret(b, 0x8001)
    expect(first.secret).toEqual(theirs.secret)
    for (const buffer of first.superseded) buffer.fill(0)
    const second = safeExportSecret(first.state, 0x8002)
    expect(second.secret).toEqual(safeExportSecret(theirs.state, 0x8002).secret)
    expect(second.secret).not.toEqual(first.secret)
    expect(await codeOf((async () => safeExportSecret(second.state, 0x8001))())).toBe('pprf_punctured')
    expect(await codeOf((async () => safeExportSecret(restored(second.state), 0x8002))())).toBe('pprf_punctured')
  })
})

test('a message says where it belongs before anybody decrypts it', async () => {
  const { alice, a } = await trio()
  const authenticatedData = utf8('heads')
  const messages: MlsMessage[] = []
  for (const wireFormat of ['mls_public_message', 'mls_private_message'] as const) {
    const options = { signer: alice.signer, wireFormat, authenticatedData }
    messages.push((await createCommit(a, options, alice.services)).message)
  }
  messages.push(
    (await protectApplication(a, utf8('x'), { signer: alice.signer, authenticatedData }, alice.services)).message,
  )
  const contentTypes = ['commit', 'commit', 'application']
  for (const [i, message] of messages.entries()) {
    const header = readMessageHeader(encodeWhole(message, encodeMlsMessage))
    expect(header).toEqual(messageHeader(message))
    expect(header).toMatchObject({ groupId: utf8('group'), epoch: 1n, contentType: contentTypes[i], authenticatedData })
  }
  const { welcome } = await createCommit(a, { signer: alice.signer }, alice.services)
  expect(welcome).toBeUndefined()
  expect(readMessageHeader(new Uint8Array([0, 1, 0, 3]))).toBeUndefined()
  const nothing = { cipherSuite: 1, secrets: [], encryptedGroupInfo: new Uint8Array(0) }
  expect(messageHeader({ wireFormat: 'mls_welcome', welcome: nothing })).toBeUndefined()
  expect(() => readMessageHeader(new Uint8Array([0, 2, 0, 1]))).toThrow('MLS 1.0')
  expect(() => readMessageHeader(new Uint8Array([0, 1, 0, 9]))).toThrow('wire format')
})
