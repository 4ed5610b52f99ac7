import { utf8 } from '@dmls/crypto'
import { describe, expect, test } from 'vitest'
import {
  createCommit,
  type DropReason,
  type GroupState,
  keyPackageTbs,
  type PreSharedKeyId,
  type Proposal,
  processMessage,
  protectApplication,
  type Services,
  sendProposal,
  sendUpdate,
} from '../../src/index.ts'
import { signWithLabel } from '../../src/schedule/labeled.ts'
import { forgeCommit, forgeProposal, resignLeaf } from './forge.ts'
import { codeOf, follow, hear, join, keyPackageOf, type Person, person, receive, type Trio, trio } from './people.ts'

const pskId = (size: number, usage?: 'reinit' | 'branch' | 'application'): PreSharedKeyId => ({
  psk:
    usage === undefined
      ? { pskType: 'external', pskId: utf8('psk') }
      : { pskType: 'resumption', usage, pskGroupId: utf8('group'), pskEpoch: 1n },
  pskNonce: new Uint8Array(size),
})

const REINIT: Proposal = { proposalType: 'reinit', groupId: utf8('next'), version: 1, cipherSuite: 1, extensions: [] }

async function addOf(name: string | Person): Promise<Proposal> {
  const who = typeof name === 'string' ? await person(name) : name
  return { proposalType: 'add', keyPackage: (await keyPackageOf(who)).keyPackage }
}

/** What bob and charlie say when alice commits these, honestly made or not. */
async function verdictOf(group: Trio, proposals: readonly (Proposal | Uint8Array)[]): Promise<string> {
  const message = await forgeCommit(group.a, proposals, { signer: group.alice.signer })
  const code = await codeOf(receive(group.bob, group.b, message))
  expect(await codeOf(receive(group.charlie, group.c, message))).toBe(code)
  return code
}

/** Everybody hears a proposal that one of them sends honestly. */
async function heard(
  group: Trio,
  by: 'a' | 'b' | 'c',
  proposal: Proposal | 'update',
): Promise<Trio & { ref: Uint8Array }> {
  const sender = { a: group.alice, b: group.bob, c: group.charlie }[by]
  const options = { signer: sender.signer, wireFormat: 'mls_public_message' } as const
  const sent =
    proposal === 'update'
      ? await sendUpdate(group[by], options, sender.services)
      : await sendProposal(group[by], proposal, options, sender.services)
  const take = (name: 'a' | 'b' | 'c', who: Person): Promise<GroupState> =>
    name === by ? Promise.resolve(sent.state) : hear(who, group[name], sent.message)
  const [a, b, c] = [await take('a', group.alice), await take('b', group.bob), await take('c', group.charlie)]
  return { ...group, a, b, c, ref: sent.reference }
}

describe('a receiver refuses a commit', () => {
  test('that updates the leaf of its committer', async () => {
    const group = await heard(await trio(), 'a', 'update')
    expect(await verdictOf(group, [group.ref])).toBe('own_update')
  })

  test('that removes its committer', async () => {
    expect(await verdictOf(await trio(), [{ proposalType: 'remove', removed: 0 }])).toBe('removes_committer')
  })

  test('that removes a blank leaf', async () => {
    expect(await verdictOf(await trio(), [{ proposalType: 'remove', removed: 3 }])).toBe('leaf_blank')
  })

  test('that removes one leaf twice', async () => {
    const remove: Proposal = { proposalType: 'remove', removed: 2 }
    expect(await verdictOf(await trio(), [remove, remove])).toBe('leaf_removed')
  })

  test('that updates and removes one leaf', async () => {
    const group = await heard(await trio(), 'b', 'update')
    const message = await forgeCommit(group.a, [group.ref, { proposalType: 'remove', removed: 1 }], {
      signer: group.alice.signer,
    })
    expect(await codeOf(receive(group.charlie, group.c, message))).toBe('leaf_removed')
  })

  test('that updates one leaf twice', async () => {
    const once = await heard(await trio(), 'b', 'update')
    const twice = await heard(once, 'b', 'update')
    expect(await verdictOf(twice, [once.ref, twice.ref])).toBe('leaf_updated_later')
  })

  test('that adds a client twice', async () => {
    const dora = await person('dora')
    expect(await verdictOf(await trio(), [await addOf(dora), await addOf(dora)])).toBe('duplicate_client')
  })

  test('that adds a client who is a member', async () => {
    const group = await trio()
    expect(await verdictOf(group, [await addOf(group.charlie)])).toBe('client_already_member')
  })

  test('that injects a pre-shared key twice', async () => {
    const psk: Proposal = { proposalType: 'psk', psk: pskId(32) }
    expect(await verdictOf(await trio(), [psk, psk])).toBe('duplicate_psk')
  })

  test('that replaces the group context extensions twice', async () => {
    const replace: Proposal = { proposalType: 'group_context_extensions', extensions: [] }
    expect(await verdictOf(await trio(), [replace, replace])).toBe('duplicate_group_context_extensions')
  })

  test('that reinitialises and does something else', async () => {
    expect(await verdictOf(await trio(), [REINIT, await addOf('dora')])).toBe('reinit_with_others')
    expect(await verdictOf(await trio(), [REINIT, REINIT])).toBe('reinit_with_others')
  })

  test('of a member that carries an ExternalInit', async () => {
    const init: Proposal = { proposalType: 'external_init', kemOutput: new Uint8Array(32) }
    expect(await verdictOf(await trio(), [init])).toBe('bad_proposal_sender')
  })

  test('with a proposal type that is not registered', async () => {
    const custom: Proposal = { proposalType: 'custom', type: 0xf123, body: new Uint8Array(0) }
    expect(await verdictOf(await trio(), [custom])).toBe('unsupported_proposal_type')
  })

  test('with a PSK of a reinitialisation or a branch, or with a nonce of the wrong size', async () => {
    const group = await trio()
    expect(await verdictOf(group, [{ proposalType: 'psk', psk: pskId(32, 'reinit') }])).toBe('bad_psk_usage')
    expect(await verdictOf(group, [{ proposalType: 'psk', psk: pskId(32, 'branch') }])).toBe('bad_psk_usage')
    expect(await verdictOf(group, [{ proposalType: 'psk', psk: pskId(31) }])).toBe('bad_psk_nonce')
  })

  test('that lowers the version', async () => {
    expect(await verdictOf(await trio(), [{ ...REINIT, version: 0 } as Proposal])).toBe('reinit_downgrade')
  })

  test('that lists an extension type twice', async () => {
    const extension = { extensionType: 5, extensionData: new Uint8Array([0]) }
    const extensions = [extension, extension]
    const group = await trio()
    expect(await verdictOf(group, [{ proposalType: 'group_context_extensions', extensions }])).toBe(
      'duplicate_extension',
    )
    expect(await verdictOf(group, [{ ...REINIT, extensions } as Proposal])).toBe('duplicate_extension')
  })

  test('whose added key package is invalid', async () => {
    const { keyPackage } = await keyPackageOf(await person('dora'))
    const broken: Proposal = { proposalType: 'add', keyPackage: { ...keyPackage, signature: new Uint8Array(64) } }
    expect(await verdictOf(await trio(), [broken])).toBe('bad_key_package_signature')
    const other: Proposal = { proposalType: 'add', keyPackage: { ...keyPackage, cipherSuite: 2 } }
    expect(await verdictOf(await trio(), [other])).toBe('key_package_mismatch')
  })

  test('that refers to a proposal that nobody has seen, or to one twice', async () => {
    const group = await heard(await trio(), 'b', { proposalType: 'remove', removed: 2 })
    expect(await verdictOf(group, [new Uint8Array(32)])).toBe('proposal_not_found')
    expect(await verdictOf(group, [group.ref, group.ref])).toBe('duplicate_reference')
  })

  test('without a path when it is empty, or when a proposal needs one', async () => {
    const group = await trio()
    expect(await verdictOf(group, [])).toBe('path_required')
    expect(await verdictOf(group, [{ proposalType: 'remove', removed: 2 }])).toBe('path_required')
    expect(await verdictOf(group, [{ proposalType: 'group_context_extensions', extensions: [] }])).toBe('path_required')
    const updated = await heard(group, 'b', 'update')
    const message = await forgeCommit(updated.a, [updated.ref], { signer: group.alice.signer })
    expect(await codeOf(receive(group.charlie, updated.c, message))).toBe('path_required')
  })
})

describe('a committer', () => {
  async function commitAll(group: Trio, who: 'a' | 'b' | 'c' = 'a', more: readonly Proposal[] = []) {
    const committer = { a: group.alice, b: group.bob, c: group.charlie }[who]
    const options = {
      signer: committer.signer,
      references: 'all',
      proposals: more,
      wireFormat: 'mls_public_message',
    } as const
    return createCommit(group[who], options, committer.services)
  }

  const reasons = (created: { dropped: readonly { reason: DropReason }[] }): DropReason[] =>
    created.dropped.map(({ reason }) => reason)

  test('commits one of two proposals to remove one leaf, and says which it left out', async () => {
    let group: Trio = await heard(await trio(), 'a', { proposalType: 'remove', removed: 2 })
    group = await heard(group, 'b', { proposalType: 'remove', removed: 2 })
    const created = await commitAll(group)
    expect(reasons(created)).toEqual(['leaf_removed'])
    expect(created.changes.removed.map(({ leafIndex }) => leafIndex)).toEqual([2])
    await follow(group.bob, group.b, created.message)
  })

  test('leaves out its own pending Update, and is not stuck with it', async () => {
    const group = await heard(await trio(), 'a', 'update')
    const created = await commitAll(group)
    expect(reasons(created)).toEqual(['own_update'])
    const b = await follow(group.bob, group.b, created.message)
    expect(b.tree.leaf(0)).toEqual(created.child.tree.leaf(0))
  })

  test('leaves out a proposal to remove itself', async () => {
    const group = await heard(await trio(), 'b', { proposalType: 'remove', removed: 0 })
    expect(reasons(await commitAll(group))).toEqual(['removes_committer'])
  })

  test('prefers a Remove to an Update, and the latest of two Updates', async () => {
    const once = await heard(await trio(), 'b', 'update')
    const twice = await heard(once, 'b', 'update')
    const latest = await commitAll(twice)
    expect(latest.dropped.map(({ proposal, reason }) => [proposal.reference, reason])).toEqual([
      [once.ref, 'leaf_updated_later'],
    ])
    const removing = await heard(twice, 'c', { proposalType: 'remove', removed: 1 })
    const created = await commitAll(removing)
    expect(reasons(created)).toEqual(['leaf_removed', 'leaf_removed'])
    expect(created.changes.removed.map(({ leafIndex }) => leafIndex)).toEqual([1])
  })

  test('adds a client once that two members proposed to add', async () => {
    const dora = await person('dora')
    let group: Trio = await heard(await trio(), 'b', await addOf(dora))
    group = await heard(group, 'c', await addOf(dora))
    const created = await commitAll(group)
    expect(reasons(created)).toEqual(['duplicate_client'])
    expect(created.changes.added).toHaveLength(1)
  })

  test('leaves out the addition of a client who is a member', async () => {
    const group = await trio()
    const heardIt = await heardForged(group, await addOf(group.charlie))
    expect(reasons(await commitAll(heardIt))).toEqual(['client_already_member'])
  })

  test('leaves out a key package that takes the encryption key of a member', async () => {
    const group = await trio()
    const dora = await person('dora')
    const { keyPackage } = await keyPackageOf(dora, { grease: 'omit' })
    const victim = group.a.tree.leaf(2)
    if (victim === undefined) throw new Error('charlie is gone')
    const leafNode = await resignLeaf(
      { ...keyPackage.leafNode, encryptionKey: victim.encryptionKey },
      dora.signer,
      undefined,
    )
    const content = { ...keyPackage, leafNode }
    const signature = await signWithLabel(dora.signer, 'KeyPackageTBS', keyPackageTbs(content))
    const stolen: Proposal = { proposalType: 'add', keyPackage: { ...content, signature } }
    const heardIt = await heardForged(group, stolen)
    const created = await commitAll(heardIt)
    expect(reasons(created)).toEqual(['duplicate_client'])
    const besides = await commitAll(await heard(heardIt, 'c', { proposalType: 'remove', removed: 1 }))
    expect(reasons(besides)).toEqual(['duplicate_client'])
    expect(besides.changes.removed).toMatchObject([{ leafIndex: 1 }])
    expect(await verdictOf(group, [stolen])).toBe('duplicate_encryption_key')
  })

  test('leaves out a ReInit beside other proposals', async () => {
    let group: Trio = await heard(await trio(), 'b', REINIT)
    group = await heard(group, 'c', { proposalType: 'remove', removed: 1 })
    expect(reasons(await commitAll(group))).toEqual(['reinit_with_others'])
  })

  test('that reinitialises leaves out everything else', async () => {
    const group = await heard(await trio(), 'b', { proposalType: 'remove', removed: 2 })
    const created = await commitAll(group, 'a', [REINIT])
    expect(reasons(created)).toEqual(['reinit_with_others'])
    expect(created.child.reinit).toMatchObject({ groupId: utf8('next') })
  })

  test('leaves out a pre-shared key that it does not have', async () => {
    const group = await heard(await trio(), 'b', { proposalType: 'psk', psk: pskId(32) })
    expect(reasons(await commitAll(group))).toEqual(['psk_not_found'])
  })

  test('leaves out extensions that a member does not support, and commits the rest', async () => {
    const extensions = [{ extensionType: 0xf00d, extensionData: new Uint8Array(0) }]
    let group: Trio = await heard(await trio(), 'b', { proposalType: 'group_context_extensions', extensions })
    group = await heard(group, 'c', await addOf('dora'))
    const created = await commitAll(group)
    expect(created.dropped).toMatchObject([{ reason: 'invalid', code: 'capability_missing' }])
    expect(created.changes.added).toHaveLength(1)
  })

  test('is told when the references that it names do not fit together', async () => {
    let group = await heard(await trio(), 'b', { proposalType: 'remove', removed: 2 })
    const first = group.ref
    group = await heard(group, 'a', { proposalType: 'remove', removed: 2 })
    const options = { signer: group.alice.signer, references: [first, group.ref] }
    expect(await codeOf(createCommit(group.a, options, group.alice.services))).toBe('leaf_removed')
    const one = await createCommit(group.a, { ...options, references: [first] }, group.alice.services)
    expect(one.changes.removed).toHaveLength(1)
  })

  test('is told when a proposal of its own does not fit', async () => {
    const { a, alice } = await trio()
    const proposals: Proposal[] = [{ proposalType: 'remove', removed: 0 }]
    expect(await codeOf(createCommit(a, { signer: alice.signer, proposals }, alice.services))).toBe('removes_committer')
  })

  test('commits no cached proposal unless it is asked to', async () => {
    const group = await heard(await trio(), 'b', { proposalType: 'remove', removed: 2 })
    const created = await createCommit(group.a, { signer: group.alice.signer }, group.alice.services)
    expect(created.commit.proposals).toEqual([])
    expect(created.dropped).toEqual([])
  })

  test('removes and adds one client again in one commit', async () => {
    const group = await trio()
    const again = await keyPackageOf(group.charlie)
    const proposals: Proposal[] = [
      { proposalType: 'add', keyPackage: again.keyPackage },
      { proposalType: 'remove', removed: 2 },
    ]
    const created = await createCommit(group.a, { signer: group.alice.signer, proposals }, group.alice.services)
    const b = await follow(group.bob, group.b, created.message)
    const c = await join(group.charlie, created.welcome, again)
    expect(c.secrets.epochAuthenticator).toEqual(b.secrets.epochAuthenticator)
  })

  test('sends no application data before it has committed the proposals that it saw', async () => {
    const group = await heard(await trio(), 'b', { proposalType: 'remove', removed: 2 })
    const { a, alice } = group
    const send = (pendingProposals: 'refuse' | 'ignore') =>
      protectApplication(a, utf8('hi'), { signer: alice.signer, pendingProposals }, alice.services)
    expect(await codeOf(send('refuse'))).toBe('proposals_pending')
    expect(await codeOf(send('ignore'))).toBe('accepted')
  })
})

/** Bob proposes something that an honest client would not, and the others hear it. */
async function heardForged(group: Trio, proposal: Proposal): Promise<Trio> {
  const message = await forgeProposal(group.b, proposal, { signer: group.bob.signer })
  return { ...group, a: await hear(group.alice, group.a, message), c: await hear(group.charlie, group.c, message) }
}

test('the application refuses a commit by its own rules, on both sides', async () => {
  const { alice, bob, a, b } = await trio()
  const strict: Services = {
    ...alice.services,
    policy: {
      reviewCommit: ({ committer, changes }) => {
        if (changes.removed.length > 0 && committer !== 1) throw new Error('only bob removes people')
      },
    },
  }
  const options = { signer: alice.signer, proposals: [{ proposalType: 'remove', removed: 2 } as const] }
  expect(await codeOf(createCommit(a, options, strict))).toBe('refused_by_application')
  const created = await createCommit(a, options, alice.services)
  expect(await codeOf(processMessage(b, created.message, { ...bob.services, ...strict }))).toBe(
    'refused_by_application',
  )
})
