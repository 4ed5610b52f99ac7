import { utf8 } from '@dmls/crypto'
import { describe, expect, test } from 'vitest'
import {
  createCommit,
  createExternalProposal,
  createNewMemberProposal,
  epochAuthenticator,
  externalSendersExtension,
  type GroupState,
  type MlsMessage,
  type Proposal,
  type Services,
} from '../../src/index.ts'
import { forge, forgeProposal } from './forge.ts'
import {
  codeOf,
  credentialOf,
  follow,
  groupOf,
  hear,
  join,
  keyPackageOf,
  type Person,
  person,
  receive,
  trio,
} from './people.ts'

/** A group that lets a moderator propose. */
async function moderated() {
  const moderator = await person('moderator')
  const sender = { signatureKey: moderator.signer.publicKey, credential: credentialOf('moderator') }
  return { moderator, ...(await trio({ extensions: [externalSendersExtension([sender])] })) }
}

const to = ({ context }: GroupState) => ({ groupId: context.groupId, epoch: context.epoch })

test('a moderator from outside proposes a removal, and bob commits it', async () => {
  const { moderator, alice, bob, a, b } = await moderated()
  const proposal = { proposalType: 'remove', removed: 2 } as const
  const { signer } = moderator
  const message = await createExternalProposal({ ...to(a), signer, senderIndex: 0, proposal })
  const [a1, b1] = [await hear(alice, a, message), await hear(bob, b, message)]
  const options = { signer: bob.signer, references: 'all' } as const
  const committed = await createCommit(b1, options, bob.services)
  expect(committed.changes.removed).toMatchObject([
    { leafIndex: 2, proposedBy: { senderType: 'external', senderIndex: 0 } },
  ])
  expect(epochAuthenticator(await follow(alice, a1, committed.message))).toEqual(epochAuthenticator(committed.child))
})

test('a proposal that a relay brings twice is one proposal', async () => {
  const { moderator, bob, b } = await moderated()
  const { groupId, epoch } = b.context
  const proposal: Proposal = { proposalType: 'remove', removed: 2 }
  const message = await createExternalProposal({ groupId, epoch, signer: moderator.signer, senderIndex: 0, proposal })
  const once = await hear(bob, b, message)
  expect(await hear(bob, once, message)).toBe(once)
  expect(once.proposals.size).toBe(1)
})

describe('members refuse a proposal from outside', () => {
  async function verdict(proposal: Proposal, senderIndex = 0, signedBy?: Person): Promise<string> {
    const { moderator, bob, b } = await moderated()
    const { signer } = signedBy ?? moderator
    const sender = { senderType: 'external', senderIndex } as const
    const message = await forge(b, { contentType: 'proposal', proposal }, { signer, sender })
    return codeOf(receive(bob, b, message))
  }
  const remove: Proposal = { proposalType: 'remove', removed: 2 }

  test('of a sender that the group does not list, or signed by another key', async () => {
    expect(await verdict(remove, 1)).toBe('unknown_external_sender')
    expect(await verdict(remove, 0, await person('mallory'))).toBe('bad_signature')
  })

  test('of a type that such a sender may not propose', async () => {
    const { b } = await trio()
    const leafNode = b.tree.leaf(0)
    if (leafNode === undefined) throw new Error('nobody')
    expect(await verdict({ proposalType: 'update', leafNode })).toBe('bad_sender')
    expect(await verdict({ proposalType: 'external_init', kemOutput: new Uint8Array(32) })).toBe('bad_sender')
    expect(await verdict({ proposalType: 'self_remove' })).toBe('bad_sender')
    expect(await verdict({ proposalType: 'custom', type: 0xf123, body: new Uint8Array(0) })).toBe('bad_proposal_sender')
  })

  test('that is no proposal', async () => {
    const { moderator, bob, b } = await moderated()
    const sender = { senderType: 'external', senderIndex: 0 } as const
    const commit = { proposals: [], path: undefined }
    const message = await forge(b, { contentType: 'commit', commit }, { signer: moderator.signer, sender })
    expect(await codeOf(receive(bob, b, message))).toBe('bad_sender')
  })

  test('of another epoch', async () => {
    const { moderator, bob, b } = await moderated()
    const { signer } = moderator
    const later = { ...to(b), epoch: 9n }
    const message = await createExternalProposal({ ...later, signer, senderIndex: 0, proposal: remove })
    expect(await codeOf(receive(bob, b, message))).toBe('future_epoch')
  })
})

describe('somebody who asks to be added', () => {
  const welcoming = (who: Person): Person => ({
    ...who,
    services: { ...who.services, policy: { newMemberProposals: 'all' } } satisfies Services,
  })

  test('is added by a member who commits it, where the group allows it', async () => {
    const { alice, bob, a, b } = await trio()
    const dora = await person('dora')
    const bundle = await keyPackageOf(dora)
    const message = await createNewMemberProposal({ ...to(a), signer: dora.signer, keyPackage: bundle.keyPackage })
    expect(await codeOf(receive(bob, b, message))).toBe('new_member_proposal_refused')
    const a1 = await hear(welcoming(alice), a, message)
    const b1 = await hear(welcoming(bob), b, message)
    const options = { signer: alice.signer, references: 'all' } as const
    const committed = await createCommit(a1, options, alice.services)
    const d = await join(dora, committed.welcome, bundle)
    const b2 = await follow(bob, b1, committed.message)
    expect(epochAuthenticator(d)).toEqual(epochAuthenticator(b2))
  })

  test('signs with the key of the key package, and asks for nothing else', async () => {
    const { bob, b } = await trio()
    const dora = await person('dora')
    const { keyPackage } = await keyPackageOf(await person('emil'))
    const asked = createNewMemberProposal({ ...to(b), signer: dora.signer, keyPackage })
    expect(await codeOf(asked)).toBe('wrong_signer')
    const sender = { senderType: 'new_member_proposal' } as const
    const send = (proposal: Proposal): Promise<MlsMessage> =>
      forgeProposal(b, proposal, { signer: dora.signer, sender })
    const verdict = async (proposal: Proposal) => codeOf(receive(welcoming(bob), b, await send(proposal)))
    expect(await verdict({ proposalType: 'add', keyPackage })).toBe('bad_signature')
    expect(await verdict({ proposalType: 'remove', removed: 1 })).toBe('bad_sender')
  })
})

test('new external senders are shown to the Authentication Service, known ones are not', async () => {
  const { moderator, alice, bob, a, b } = await moderated()
  const known = { signatureKey: moderator.signer.publicKey, credential: credentialOf('moderator') }
  const fresh = { signatureKey: (await person('bot')).signer.publicKey, credential: credentialOf('bot') }
  const extensions = [externalSendersExtension([known, fresh])]
  const proposals = [{ proposalType: 'group_context_extensions', extensions } as const]
  const { message } = await createCommit(a, { signer: alice.signer, proposals }, alice.services)
  const claims: unknown[] = []
  const authenticate = async (claim: unknown) => {
    claims.push(claim)
    throw new Error('no bots')
  }
  const strict = { ...bob, services: { ...bob.services, authenticate } }
  expect(await codeOf(receive(strict, b, message))).toBe('refused_by_application')
  expect(claims).toMatchObject([{ occasion: 'external_sender', credential: credentialOf('bot') }])
  expect(utf8('bot')).toEqual(credentialOf('bot').identity)
})

test('who creates or joins a group asks about its external senders', async () => {
  const { moderator, a } = await moderated()
  const strict = async (name: string): Promise<{ who: Person; occasions: string[] }> => {
    const who = await person(name)
    const occasions: string[] = []
    const authenticate = async ({ occasion }: { readonly occasion: string }): Promise<void> => {
      occasions.push(occasion)
      if (occasion === 'external_sender') throw new Error('no moderators')
    }
    return { who: { ...who, services: { ...who.services, authenticate } }, occasions }
  }
  const sender = { signatureKey: moderator.signer.publicKey, credential: credentialOf('moderator') }
  const creator = await strict('dora')
  const creation = groupOf(creator.who, { extensions: [externalSendersExtension([sender])] })
  expect(await codeOf(creation)).toBe('refused_by_application')
  expect(creator.occasions).toEqual(['external_sender'])
  const joiner = await strict('emil')
  const bundle = await keyPackageOf(joiner.who)
  const { alice } = await moderated()
  const own = await groupOf(alice, { extensions: a.context.extensions })
  const proposals = [{ proposalType: 'add', keyPackage: bundle.keyPackage } as const]
  const { welcome } = await createCommit(own, { signer: alice.signer, proposals }, alice.services)
  expect(await codeOf(join(joiner.who, welcome, bundle))).toBe('refused_by_application')
  expect(joiner.occasions).toEqual(['tree', 'tree', 'external_sender'])
})
