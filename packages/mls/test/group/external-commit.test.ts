import { utf8 } from '@dmls/crypto'
import { describe, expect, test } from 'vitest'
import {
  createCommit,
  createGroupInfo,
  epochAuthenticator,
  externalPubExtension,
  type GroupInfo,
  type GroupPolicy,
  type GroupState,
  type JoinExternallyOptions,
  joinExternally,
  mlsProfile,
  type Proposal,
  protectApplication,
  ratchetTreeBytes,
  sendProposal,
} from '../../src/index.ts'
import { suite } from '../suites.ts'
import { commitIn, forge } from './forge.ts'
import {
  codeOf,
  credentialOf,
  follow,
  groupOf,
  keyPackageOf,
  newSigner,
  type Person,
  person,
  receive,
  receiveCommit,
  trio,
} from './people.ts'

async function infoOf(who: Person, state: GroupState, more: object = {}): Promise<GroupInfo> {
  const message = await createGroupInfo(state, { signer: who.signer, externalPub: 'included', ...more }, who.services)
  if (message.wireFormat !== 'mls_group_info') throw new Error('not a GroupInfo')
  return message.groupInfo
}

function enter(who: Person, groupInfo: GroupInfo, more: Partial<JoinExternallyOptions> = {}) {
  const { signer, services, name } = who
  const options = { profile: mlsProfile, suite, groupInfo, signer, credential: credentialOf(name), ...more }
  return joinExternally(options, services)
}

test('dora joins by an external commit, and everybody can talk to her', async () => {
  const { alice, bob, charlie, a, b, c } = await trio()
  const dora = await person('dora')
  const joined = await enter(dora, await infoOf(alice, a))
  const [a1, b1] = [await follow(alice, a, joined.message), await follow(bob, b, joined.message)]
  const processed = await receiveCommit(charlie, c, joined.message)
  expect(processed).toMatchObject({ committer: 3, sender: { senderType: 'new_member_commit' } })
  expect(processed.changes.committerLeaf).toMatchObject({ leafIndex: 3, previous: undefined })
  for (const state of [a1, b1, processed.child as GroupState]) {
    expect(epochAuthenticator(state)).toEqual(epochAuthenticator(joined.state))
  }
  const hello = await protectApplication(joined.state, utf8('hello'), { signer: dora.signer }, dora.services)
  expect(await receive(bob, b1, hello.message)).toMatchObject({ kind: 'application', sender: 3 })
  const next = await createCommit(b1, { signer: bob.signer }, bob.services)
  expect(epochAuthenticator(await follow(dora, joined.state, next.message))).toEqual(epochAuthenticator(next.child))
})

test('the group grows for an external joiner when it is full', async () => {
  const alice = await person('alice')
  const a = await groupOf(alice)
  const bob = await person('bob')
  const joined = await enter(bob, await infoOf(alice, a))
  expect(joined.state.ownLeaf).toBe(1)
  const a1 = await follow(alice, a, joined.message)
  expect(epochAuthenticator(a1)).toEqual(epochAuthenticator(joined.state))
})

test('charlie comes back by a resync, and his old self learns that it is out', async () => {
  const { alice, bob, charlie, a, b, c } = await trio()
  const joined = await enter(charlie, await infoOf(alice, a), { resync: 2 })
  expect(joined.state.ownLeaf).toBe(2)
  const processed = await receiveCommit(bob, b, joined.message)
  expect(processed.changes.removed).toMatchObject([{ leafIndex: 2, cause: 'resync' }])
  expect(epochAuthenticator(processed.child as GroupState)).toEqual(epochAuthenticator(joined.state))
  expect((await receiveCommit(charlie, c, joined.message)).child).toBeUndefined()
})

test('the only member comes back by a resync', async () => {
  const alice = await person('alice')
  const a = await groupOf(alice)
  const joined = await enter(alice, await infoOf(alice, a), { resync: 0 })
  expect(joined.state.tree.memberCount).toBe(1)
  expect((await receiveCommit(alice, a, joined.message)).child).toBeUndefined()
})

test('an external joiner injects a pre-shared key that the members have', async () => {
  const { alice, bob, a, b } = await trio()
  const psk = { psk: { pskType: 'external', pskId: utf8('door') } as const, pskNonce: new Uint8Array(32).fill(1) }
  const findPsk = async () => utf8('sesame')
  const dora = await person('dora')
  const knowing = { ...dora, services: { ...dora.services, findPsk } }
  const joined = await enter(knowing, await infoOf(alice, a), { psks: [psk] })
  expect(await codeOf(receive(bob, b, joined.message))).toBe('psk_not_found')
  const b1 = await follow({ ...bob, services: { ...bob.services, findPsk } }, b, joined.message)
  expect(epochAuthenticator(b1)).toEqual(epochAuthenticator(joined.state))
  const wrong = { ...bob.services, findPsk: async () => utf8('simsim') }
  expect(await codeOf(receive({ ...bob, services: wrong }, b, joined.message))).toBe('bad_confirmation_tag')
})

test('the tree may come from elsewhere, and a GroupInfo of the new epoch can be asked for', async () => {
  const { alice, a } = await trio()
  const dora = await person('dora')
  const groupInfo = await infoOf(alice, a, { ratchetTree: 'separate' })
  expect(await codeOf(enter(dora, groupInfo))).toBe('ratchet_tree_needed')
  const joined = await enter(dora, groupInfo, {
    ratchetTree: ratchetTreeBytes(a.tree),
    childGroupInfo: { externalPub: 'included' },
  })
  if (joined.groupInfo?.wireFormat !== 'mls_group_info') throw new Error('no GroupInfo')
  const emil = await person('emil')
  const after = await enter(emil, joined.groupInfo.groupInfo)
  expect(epochAuthenticator(await follow(dora, joined.state, after.message))).toEqual(epochAuthenticator(after.state))
})

describe('an external joiner refuses a GroupInfo', () => {
  test('without a key for external commits', async () => {
    const { alice, a } = await trio()
    const groupInfo = await infoOf(alice, a, { externalPub: 'absent' })
    expect(await codeOf(enter(await person('dora'), groupInfo))).toBe('external_pub_needed')
  })

  test('whose key for external commits is none', async () => {
    const { alice, a } = await trio()
    const dora = await person('dora')
    const extensions = [externalPubExtension(new Uint8Array(12))]
    const info = await infoOf(alice, a, { externalPub: 'absent', extensions })
    expect(await codeOf(enter(dora, info))).toBe('bad_external_pub')
  })

  test('whose signature is bad, or of a group that it is in', async () => {
    const { alice, a } = await trio()
    const groupInfo = await infoOf(alice, a)
    const dora = await person('dora')
    const signature = new Uint8Array(64)
    expect(await codeOf(enter(dora, { ...groupInfo, signature }))).toBe('bad_group_info_signature')
    expect(await codeOf(enter(dora, groupInfo, { isMemberOf: () => true }))).toBe('already_member')
  })

  test('with an extension that it does not support', async () => {
    const alice = await person('alice')
    const extensions = [{ extensionType: 0xf00d, extensionData: new Uint8Array(0) }]
    const a = await groupOf(alice, { extensions })
    const dora = await person('dora')
    const capabilities = { versions: [1], cipherSuites: [1], extensions: [], proposals: [], credentials: [1] }
    expect(await codeOf(enter(dora, await infoOf(alice, a), { capabilities }))).toBe('unsupported_extension')
    expect(await codeOf(enter(dora, await infoOf(alice, a)))).toBe('accepted')
  })
})

describe('members refuse an external commit', () => {
  /** What bob says to dora's external commit with its proposals changed and signed again. */
  async function verdict(
    change: (proposals: readonly Proposal[]) => readonly (Proposal | Uint8Array)[],
  ): Promise<string> {
    const { alice, bob, a, b } = await trio()
    const dora = await person('dora')
    const joined = await enter(dora, await infoOf(alice, a))
    const { path, proposals } = commitIn(joined.message)
    const own = proposals.flatMap((entry) => (entry.type === 'proposal' ? [entry.proposal] : []))
    const entries = change(own).map((each) =>
      each instanceof Uint8Array
        ? ({ type: 'reference', reference: each } as const)
        : ({ type: 'proposal', proposal: each } as const),
    )
    const removal = await sendProposal(
      a,
      { proposalType: 'remove', removed: 2 },
      { signer: alice.signer },
      alice.services,
    )
    const heard = await receive(bob, b, removal.message)
    if (heard.kind !== 'proposal') throw new Error('not heard')
    const commit = { proposals: entries, path }
    const sender = { senderType: 'new_member_commit' } as const
    const forged = await forge(a, { contentType: 'commit', commit }, { signer: dora.signer, sender })
    return codeOf(receive(bob, heard.state, forged))
  }

  test('without or with two ExternalInits', async () => {
    expect(await verdict(() => [])).toBe('not_committable')
    expect(await verdict((own) => [...own, ...own])).toBe('not_committable')
  })

  test('that removes two members', async () => {
    const remove = (removed: number): Proposal => ({ proposalType: 'remove', removed })
    expect(await verdict((own) => [...own, remove(2), remove(0)])).toBe('not_committable')
  })

  test('with any proposal that is not for external commits', async () => {
    const { keyPackage } = await keyPackageOf(await person('emil'))
    const refused: Proposal[] = [
      { proposalType: 'add', keyPackage },
      { proposalType: 'group_context_extensions', extensions: [] },
    ]
    for (const proposal of refused) expect(await verdict((own) => [...own, proposal])).toBe('not_committable')
    const reinit: Proposal = { proposalType: 'reinit', groupId: utf8('x'), version: 1, cipherSuite: 1, extensions: [] }
    expect(await verdict((own) => [...own, reinit])).toBe('reinit_with_others')
  })

  test('that refers to a proposal of the group', async () => {
    const { alice, bob, a, b } = await trio()
    const options = { signer: alice.signer, wireFormat: 'mls_public_message' } as const
    const removal = await sendProposal(a, { proposalType: 'remove', removed: 2 }, options, alice.services)
    const heard = await receive(bob, b, removal.message)
    if (heard.kind !== 'proposal') throw new Error('not heard')
    const dora = await person('dora')
    const joined = await enter(dora, await infoOf(alice, a))
    const { path, proposals } = commitIn(joined.message)
    const reference = { type: 'reference', reference: removal.reference } as const
    const commit = { path, proposals: [...proposals, reference] }
    const sender = { senderType: 'new_member_commit' } as const
    const forged = await forge(a, { contentType: 'commit', commit }, { signer: dora.signer, sender })
    expect(await codeOf(receive(bob, heard.state, forged))).toBe('reference_in_external_commit')
  })

  test('without a path, or signed by another key than its leaf has', async () => {
    const { alice, bob, a, b } = await trio()
    const dora = await person('dora')
    const joined = await enter(dora, await infoOf(alice, a))
    const sender = { senderType: 'new_member_commit' } as const
    const commit = commitIn(joined.message)
    const pathless = { ...commit, path: undefined }
    const bare = await forge(a, { contentType: 'commit', commit: pathless }, { signer: dora.signer, sender })
    expect(await codeOf(receive(bob, b, bare))).toBe('bad_sender')
    const other = await forge(a, { contentType: 'commit', commit }, { signer: await newSigner(dora), sender })
    expect(await codeOf(receive(bob, b, other))).toBe('bad_signature')
  })

  test('whose KEM output is nonsense', async () => {
    expect(await verdict(() => [{ proposalType: 'external_init', kemOutput: new Uint8Array(3) }])).toBe(
      'bad_external_init',
    )
  })

  test('where the policy does not want it', async () => {
    const { alice, bob, charlie, a, b } = await trio()
    const info = await infoOf(alice, a)
    const join = await enter(await person('dora'), info)
    const resync = await enter(charlie, info, { resync: 2 })
    const under = (externalCommits: GroupPolicy['externalCommits'], message: typeof join.message) => {
      const services = { ...bob.services, policy: { externalCommits } }
      return codeOf(receive({ ...bob, services }, b, message))
    }
    expect(await under('none', join.message)).toBe('external_commit_refused')
    expect(await under('join_only', join.message)).toBe('accepted')
    expect(await under('join_only', resync.message)).toBe('external_commit_refused')
  })

  test('that takes the place of a member whom its credential may not succeed', async () => {
    const { alice, bob, a, b } = await trio()
    const mallory = await person('mallory')
    const joined = await enter(mallory, await infoOf(alice, a), { resync: 2 })
    const claims: unknown[] = []
    const services = {
      ...bob.services,
      authenticate: async (claim: unknown) => {
        claims.push(claim)
        throw new Error('mallory is not charlie')
      },
    }
    expect(await codeOf(receive({ ...bob, services }, b, joined.message))).toBe('refused_by_application')
    expect(claims).toMatchObject([{ occasion: 'commit', previous: { credential: credentialOf('charlie') } }])
  })

  test('of one who is a member already', async () => {
    const { alice, charlie, a } = await trio()
    expect(await codeOf(enter(charlie, await infoOf(alice, a)))).toBe('duplicate_signature_key')
  })
})
