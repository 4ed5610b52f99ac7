/** Refusals that no longer story leads to. */
import { utf8 } from '@dmls/crypto'
import { nodeProvider } from '@dmls/crypto/node'
import { describe, expect, test } from 'vitest'
import {
  type Capabilities,
  type Commit,
  createCommit,
  createGroupInfo,
  createReinitGroup,
  decodeGroupState,
  encodeGroupState,
  joinExternally,
  mlsProfile,
  type Proposal,
  protectApplication,
  sendProposal,
  sendUpdate,
} from '../../src/index.ts'
import { suite } from '../suites.ts'
import { commitIn, forge, forgeProposal, reforge } from './forge.ts'
import {
  codeOf,
  credentialOf,
  follow,
  groupOf,
  hear,
  keyPackageOf,
  LIFETIME,
  NOW,
  type Person,
  person,
  receive,
  trio,
} from './people.ts'

const PUBLIC = { wireFormat: 'mls_public_message' } as const

describe('a proposal on its own is refused', () => {
  async function verdict(proposal: Proposal, policy = {}): Promise<string> {
    const { alice, bob, a, b } = await trio()
    const message = await forgeProposal(a, proposal, { signer: alice.signer })
    return codeOf(receive({ ...bob, services: { ...bob.services, policy } }, b, message))
  }

  test('if it removes a blank leaf', async () => {
    expect(await verdict({ proposalType: 'remove', removed: 3 })).toBe('leaf_blank')
    expect(await verdict({ proposalType: 'remove', removed: 2 ** 31 })).toBe('leaf_blank')
  })

  test('if its PSK has a nonce of the wrong size, or is of a reinitialisation', async () => {
    const psk = { pskType: 'external', pskId: utf8('p') } as const
    expect(await verdict({ proposalType: 'psk', psk: { psk, pskNonce: new Uint8Array(31) } })).toBe('bad_psk_nonce')
    const reinit = { pskType: 'resumption', usage: 'reinit', pskGroupId: utf8('g'), pskEpoch: 1n } as const
    expect(await verdict({ proposalType: 'psk', psk: { psk: reinit, pskNonce: new Uint8Array(32) } })).toBe(
      'bad_psk_usage',
    )
  })

  test('if it is for a component that nobody knows', async () => {
    const update = { proposalType: 'app_data_update', componentId: 7, update: undefined } as const
    expect(await verdict(update)).toBe('unknown_component')
    expect(await verdict({ proposalType: 'app_ephemeral', componentId: 7, data: utf8('x') })).toBe('unknown_component')
  })

  test('if its key package, its leaf or its extensions are bad', async () => {
    const { keyPackage } = await keyPackageOf(await person('dora'))
    const broken = { ...keyPackage, signature: new Uint8Array(64) }
    expect(await verdict({ proposalType: 'add', keyPackage: broken })).toBe('bad_key_package_signature')
    const { leafNode } = keyPackage
    expect(await verdict({ proposalType: 'update', leafNode })).toBe('bad_leaf_node_source')
    const malformed = { extensionType: 3, extensionData: new Uint8Array([9]) }
    expect(await verdict({ proposalType: 'group_context_extensions', extensions: [malformed] })).toBe('truncated')
    const senders = { extensionType: 5, extensionData: new Uint8Array([9]) }
    expect(await verdict({ proposalType: 'group_context_extensions', extensions: [senders] })).toBe('truncated')
  })

  test('if the epoch has too many', async () => {
    const policy = { cachedProposalsMax: 0 }
    expect(await verdict({ proposalType: 'remove', removed: 2 }, policy)).toBe('too_many_proposals')
  })

  test('if a member proposes an ExternalInit', async () => {
    expect(await verdict({ proposalType: 'external_init', kemOutput: new Uint8Array(32) })).toBe('bad_proposal_sender')
  })
})

test('an Update keeps neither the encryption key that it replaces nor takes that of another', async () => {
  const { alice, bob, a, b } = await trio()
  const update = await sendUpdate(a, { signer: alice.signer, ...PUBLIC }, alice.services)
  const stale = await hear(bob, b, update.message)
  // an Update of the same leaf, committed and then sent again, has the key that is in the tree by now
  const committed = await createCommit(stale, { signer: bob.signer, references: 'all' }, bob.services)
  const [pending] = update.state.pendingUpdates
  if (pending === undefined) throw new Error('no pending Update')
  const again = await forgeProposal(
    await follow(alice, update.state, committed.message),
    {
      proposalType: 'update',
      leafNode: pending.leafNode,
    },
    { signer: alice.signer },
  )
  expect(await codeOf(receive(bob, committed.child, again))).toBe('same_encryption_key')
})

test('a key package that expired since it was proposed is not committed', async () => {
  const { alice, bob, a, b } = await trio()
  const dora = await person('dora')
  const { keyPackage } = await keyPackageOf(dora, { lifetime: { notBefore: NOW, notAfter: NOW + 10n } })
  const sent = await sendProposal(b, { proposalType: 'add', keyPackage }, { signer: bob.signer }, bob.services)
  const heard = await hear(alice, a, sent.message)
  const later = { ...alice.services, now: NOW + 11n }
  const created = await createCommit(heard, { signer: alice.signer, references: 'all' }, later)
  expect(created.dropped).toMatchObject([{ reason: 'invalid', code: 'expired' }])
})

test('received lifetimes are checked unless the policy says otherwise', async () => {
  const { alice, bob, a, b } = await trio()
  const { keyPackage } = await keyPackageOf(await person('dora'))
  const proposals = [{ proposalType: 'add', keyPackage } as const]
  const { message } = await createCommit(a, { signer: alice.signer, proposals }, alice.services)
  const later = (policy: object): Person => ({
    ...bob,
    services: { ...bob.services, now: LIFETIME.notAfter + 1n, policy },
  })
  expect(await codeOf(receive(later({}), b, message))).toBe('expired')
  expect(await codeOf(receive(later({ receivedLifetimes: 'check_added' }), b, message))).toBe('expired')
  expect(await codeOf(receive(later({ receivedLifetimes: 'ignore' }), b, message))).toBe('accepted')
})

test('a path with a key that is no key is refused', async () => {
  const p256 = nodeProvider.cipherSuite(2)
  const { alice, bob, a, b } = await trio({ suite: p256 })
  const { message } = await createCommit(a, { signer: alice.signer, ...PUBLIC }, alice.services)
  const path = commitIn(message).path as NonNullable<Commit['path']>
  const nodes = path.nodes.map((node) => ({ ...node, encryptionKey: new Uint8Array(65).fill(4) }))
  const forged = await reforge(a, message, alice.signer, (commit) => ({ ...commit, path: { ...path, nodes } }))
  expect(await codeOf(receive(bob, b, forged))).toBe('bad_encryption_key')
})

test('a commit of an Update whose private key was lost cannot be followed', async () => {
  const { alice, bob, a, b } = await trio()
  const update = await sendUpdate(b, { signer: bob.signer }, bob.services)
  const heard = await hear(alice, a, update.message)
  const { message } = await createCommit(heard, { signer: alice.signer, references: 'all' }, alice.services)
  const forgetful = { ...update.state, pendingUpdates: [] }
  expect(await codeOf(receive(bob, forgetful, message))).toBe('update_key_not_found')
})

test('a program that misuses the library is told', async () => {
  const { alice, bob, a, b } = await trio()
  const { signer, services } = alice
  const { keyPackage, ...rest } = await keyPackageOf(bob)
  expect(rest.reference).toHaveLength(32)
  expect(await codeOf(receive(alice, a, { wireFormat: 'mls_key_package', keyPackage }))).toBe('not_a_group_message')
  const leafNode = keyPackage.leafNode
  expect(await codeOf(sendProposal(a, { proposalType: 'update', leafNode }, { signer }, services))).toBe(
    'use_send_update',
  )
  const reference = new Uint8Array(32)
  expect(await codeOf(createCommit(a, { signer, references: [reference] }, services))).toBe('proposal_not_found')
  for (const attempt of [
    createCommit(a, { signer: bob.signer }, services),
    sendUpdate(a, { signer: bob.signer }, services),
    protectApplication(a, utf8('x'), { signer: bob.signer }, services),
    createGroupInfo(a, { signer: bob.signer }, services),
  ]) {
    expect(await codeOf(attempt)).toBe('wrong_signer')
  }
  const other = nodeProvider.cipherSuite(3)
  const decode = async () => decodeGroupState(encodeGroupState(a), { suite: other, profile: mlsProfile, tree: a.tree })
  expect(await codeOf(decode())).toBe('wrong_cipher_suite')
  const nowhere = async () =>
    decodeGroupState(encodeGroupState({ ...b, ownLeaf: 3 }), { suite, profile: mlsProfile, tree: b.tree })
  expect(await codeOf(nowhere())).toBe('bad_state')
  const reinit = { groupId: utf8('x'), version: 2, cipherSuite: 1, extensions: [] }
  const options = { suite, signer, leaf: { credential: credentialOf('alice') }, lifetime: LIFETIME, keyPackages: [] }
  expect(await codeOf(createReinitGroup({ ...a, reinit }, options, services))).toBe('unsupported_version')
})

test('a GroupInfo with one extension type twice is not made', async () => {
  const { alice, a } = await trio()
  const extensions = [1, 1].map((extensionType) => ({ extensionType, extensionData: new Uint8Array(0) }))
  const made = createGroupInfo(a, { signer: alice.signer, extensions }, alice.services)
  expect(await codeOf(made)).toBe('duplicate_extension')
})

test('a key package that nobody could commit is not proposed', async () => {
  const { alice, a } = await trio()
  const { keyPackage } = await keyPackageOf(await person('dora'))
  const broken = { ...keyPackage, signature: new Uint8Array(64) }
  const sent = sendProposal(a, { proposalType: 'add', keyPackage: broken }, { signer: alice.signer }, alice.services)
  expect(await codeOf(sent)).toBe('bad_key_package_signature')
})

test.each([[[]], [['bob']]])(
  'nobody whom the Authentication Service refuses is added, whoever else is (%j)',
  async (others) => {
    const { alice, a } = await trio()
    const names = [...others, 'dora', 'emil']
    const keyPackages = await Promise.all(
      names.map(async (name) => (await keyPackageOf(await person(name))).keyPackage),
    )
    const proposals = keyPackages.map((keyPackage) => ({ proposalType: 'add', keyPackage }) as const)
    // the answer comes when the commit is long made; bob, who is in the group, would be refused for another reason
    const authenticate = async (): Promise<void> => {
      await new Promise((resolve) => setTimeout(resolve, 20))
      throw new Error('who are they?')
    }
    const made = createCommit(a, { signer: alice.signer, proposals }, { ...alice.services, authenticate })
    expect(await codeOf(made)).toBe('refused_by_application')
  },
)

test('an external joiner asks about every member', async () => {
  const alice = await person('alice')
  const a = await groupOf(alice)
  const info = await createGroupInfo(a, { signer: alice.signer, externalPub: 'included' }, alice.services)
  if (info.wireFormat !== 'mls_group_info') throw new Error('no GroupInfo')
  const { signer, services } = await person('dora')
  const authenticate = async ({ occasion }: { readonly occasion: string }): Promise<void> => {
    if (occasion === 'tree') throw new Error('who is alice?')
  }
  const options = { profile: mlsProfile, suite, groupInfo: info.groupInfo, signer, credential: credentialOf('dora') }
  expect(await codeOf(joinExternally(options, { ...services, authenticate }))).toBe('refused_by_application')
})

describe('an external joiner refuses what it is given', () => {
  async function entering(more: object, leaf: object = {}): Promise<string> {
    const alice = await person('alice')
    const a = await groupOf(alice, leaf)
    const info = await createGroupInfo(a, { signer: alice.signer, externalPub: 'included' }, alice.services)
    if (info.wireFormat !== 'mls_group_info') throw new Error('no GroupInfo')
    const { signer, services } = await person('dora')
    const options = { profile: mlsProfile, suite, groupInfo: info.groupInfo, signer, credential: credentialOf('dora') }
    return codeOf(joinExternally({ ...options, ...more }, services))
  }

  test('a SelfRemove that is none, or not of this epoch, or not a PublicMessage', async () => {
    const { alice, a } = await trio()
    const { signer } = alice
    const remove = await forgeProposal(a, { proposalType: 'remove', removed: 1 }, { signer })
    expect(await entering({ selfRemoves: [remove] })).toBe('bad_self_remove')
    const leave = await forgeProposal(a, { proposalType: 'self_remove' }, { signer })
    expect(await entering({ selfRemoves: [leave] })).toBe('bad_self_remove')
    const hidden = await forgeProposal(
      a,
      { proposalType: 'self_remove' },
      { signer, wireFormat: 'mls_private_message' },
    )
    expect(await entering({ selfRemoves: [hidden] })).toBe('self_remove_private')
  })

  test('a tree of another suite object, or capabilities that lack its credential', async () => {
    const { a } = await trio({ suite: nodeProvider.cipherSuite(3) })
    const alice = await person('alice')
    const own = await groupOf(alice)
    const message = await createGroupInfo(
      own,
      { signer: alice.signer, ratchetTree: 'separate', externalPub: 'included' },
      alice.services,
    )
    if (message.wireFormat !== 'mls_group_info') throw new Error('no GroupInfo')
    expect(await entering({ groupInfo: message.groupInfo, ratchetTree: a.tree })).toBe('suite_mismatch')
    const capabilities: Capabilities = {
      versions: [1],
      cipherSuites: [1],
      extensions: [],
      proposals: [],
      credentials: [],
    }
    expect(await entering({ capabilities })).toBe('credential_not_listed')
  })
})

test('an external commit carries a type of the application only where its rule says so', async () => {
  const TYPE = 0xf0a1
  const capabilities: Capabilities = {
    versions: [1],
    cipherSuites: [1],
    extensions: [],
    proposals: [TYPE],
    credentials: [1],
  }
  const { alice, bob, a, b } = await trio({ leaf: { capabilities } })
  const info = await createGroupInfo(a, { signer: alice.signer, externalPub: 'included' }, alice.services)
  if (info.wireFormat !== 'mls_group_info') throw new Error('no GroupInfo')
  const dora = await person('dora')
  const { signer, services } = dora
  const options = {
    profile: mlsProfile,
    suite,
    groupInfo: info.groupInfo,
    signer,
    credential: credentialOf('dora'),
    capabilities,
  }
  const joined = await joinExternally(options, services)
  const { proposals, path } = commitIn(joined.message)
  const custom = { type: 'proposal', proposal: { proposalType: 'custom', type: TYPE, body: utf8('x') } } as const
  const commit = { proposals: [...proposals, custom], path }
  const sender = { senderType: 'new_member_commit' } as const
  const forged = await forge(a, { contentType: 'commit', commit }, { signer, sender })
  const under = (externalCommits: boolean): Person => {
    const rule = { pathRequired: false, externalSenders: false, externalCommits }
    return { ...bob, services: { ...bob.services, policy: { customProposals: new Map([[TYPE, rule]]) } } }
  }
  expect(await codeOf(receive(under(false), b, forged))).toBe('not_committable')
  expect(await codeOf(receive(under(true), b, forged))).toBe('bad_confirmation_tag')
})
