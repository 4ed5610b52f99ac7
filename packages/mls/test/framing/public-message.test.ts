import { describe, expect, test } from 'vitest'
import { encodeWhole } from '../../src/codec/writer.ts'
import {
  checkSender,
  framedContentTbs,
  signContent,
  verifyContentSignature,
} from '../../src/framing/authenticated-content.ts'
import { protectPublic, unprotectPublic } from '../../src/framing/public-message.ts'
import { signWithLabel } from '../../src/schedule/labeled.ts'
import { type Content, encodePublicMessage, type FramedContent, type Sender } from '../../src/wire/framing.ts'
import type { Proposal } from '../../src/wire/proposal.ts'
import { suite, suites } from '../suites.ts'
import { APPLICATION, COMMIT, EPOCH, type Epoch, flipped, GROUP_ID, openEpoch, PROPOSAL, signed } from './messages.ts'

const epoch: Epoch = await openEpoch(suite)

const EXTERNAL: Sender = { senderType: 'external', senderIndex: 0 }
const NEW_PROPOSER: Sender = { senderType: 'new_member_proposal' }
const NEW_COMMITTER: Sender = { senderType: 'new_member_commit' }

const LEAF = {
  encryptionKey: new Uint8Array(32),
  signatureKey: new Uint8Array(32),
  credential: { credentialType: 'basic', identity: new Uint8Array(1) },
  capabilities: { versions: [], cipherSuites: [], extensions: [], proposals: [], credentials: [] },
  source: { leafNodeSource: 'update' },
  extensions: [],
  signature: new Uint8Array(64),
} as const
const ADD: Proposal = {
  proposalType: 'add',
  keyPackage: {
    version: 1,
    cipherSuite: 1,
    initKey: new Uint8Array(32),
    leafNode: LEAF,
    extensions: [],
    signature: new Uint8Array(64),
  },
}
const PATH_COMMIT: Content = { contentType: 'commit', commit: { proposals: [], path: { leafNode: LEAF, nodes: [] } } }

function refusal(blame: string, code: string): unknown {
  return expect.objectContaining({ name: 'MlsError', blame, code })
}

function framed(sender: Sender, content: Content): FramedContent {
  return { groupId: GROUP_ID, epoch: EPOCH, sender, authenticatedData: new Uint8Array(0), content }
}

describe('a public message', () => {
  test('of every suite opens to what alice signed', async () => {
    for (const suite of suites) {
      const epoch = await openEpoch(suite)
      for (const content of [PROPOSAL, COMMIT]) {
        const authenticated = await signed(epoch, 'mls_public_message', content)
        const message = protectPublic(suite, epoch.membershipKey, authenticated, epoch.groupContext)
        const opened = unprotectPublic(suite, epoch.membershipKey, message, epoch.groupContext)
        expect(opened).toEqual(authenticated)
        await verifyContentSignature(suite, epoch.signer.publicKey, opened, epoch.groupContext)
      }
    }
  })

  test('of a member is refused without its membership tag, with another, and with anything under the tag changed', async () => {
    const authenticated = await signed(epoch, 'mls_public_message', COMMIT)
    const message = protectPublic(suite, epoch.membershipKey, authenticated, epoch.groupContext)
    const { content, auth } = message
    const tag = message.membershipTag as Uint8Array
    const changed = [
      { ...message, membershipTag: undefined },
      { ...message, membershipTag: new Uint8Array(0) },
      { ...message, membershipTag: tag.slice(1) },
      { ...message, membershipTag: flipped(tag, 31) },
      { ...message, content: { ...content, epoch: content.epoch + 1n } },
      { ...message, content: { ...content, groupId: flipped(content.groupId, 0) } },
      { ...message, content: { ...content, authenticatedData: flipped(content.authenticatedData, 0) } },
      { ...message, content: { ...content, sender: { senderType: 'member', leafIndex: 1 } as const } },
      { ...message, auth: { ...auth, signature: flipped(auth.signature, 3) } },
      { ...message, auth: { ...auth, confirmationTag: flipped(auth.confirmationTag as Uint8Array, 3) } },
    ]
    for (const wrong of changed) {
      expect(() => unprotectPublic(suite, epoch.membershipKey, wrong, epoch.groupContext)).toThrow(
        refusal('invalid', 'bad_membership_tag'),
      )
    }
    const [otherKey, otherContext] = [flipped(epoch.membershipKey, 0), flipped(epoch.groupContext, 9)]
    expect(() => unprotectPublic(suite, otherKey, message, epoch.groupContext)).toThrow(
      refusal('invalid', 'bad_membership_tag'),
    )
    expect(() => unprotectPublic(suite, epoch.membershipKey, message, otherContext)).toThrow(
      refusal('invalid', 'bad_membership_tag'),
    )
  })

  test('never carries application data', async () => {
    await expect(signed(epoch, 'mls_public_message', APPLICATION)).rejects.toThrow(
      refusal('invalid', 'public_application_data'),
    )
    const content = framed({ senderType: 'member', leafIndex: 0 }, APPLICATION)
    const message = {
      content,
      auth: { signature: new Uint8Array(64), confirmationTag: undefined },
      membershipTag: new Uint8Array(32),
    }
    expect(() => unprotectPublic(suite, epoch.membershipKey, message, epoch.groupContext)).toThrow(
      refusal('invalid', 'public_application_data'),
    )
    // it can be read from the wire all the same: what it says is refused, not its encoding
    expect(encodeWhole(message, encodePublicMessage).length).toBeGreaterThan(0)
  })

  test('of one who is no member has no tag and does not bind the group context, except when it commits', async () => {
    const cases: readonly (readonly [Sender, Content, boolean])[] = [
      [EXTERNAL, PROPOSAL, false],
      [NEW_PROPOSER, { contentType: 'proposal', proposal: ADD }, false],
      [NEW_COMMITTER, PATH_COMMIT, true],
    ]
    for (const [sender, content, bound] of cases) {
      const authenticated = await signed(epoch, 'mls_public_message', content, sender)
      const message = protectPublic(suite, undefined, authenticated, epoch.groupContext)
      expect(message.membershipTag).toBeUndefined()
      const opened = unprotectPublic(suite, epoch.membershipKey, message, epoch.groupContext)
      await verifyContentSignature(suite, epoch.signer.publicKey, opened, epoch.groupContext)
      const elsewhere = verifyContentSignature(suite, epoch.signer.publicKey, opened, flipped(epoch.groupContext, 9))
      if (bound) await expect(elsewhere).rejects.toThrow(refusal('invalid', 'bad_signature'))
      else await elsewhere
    }
  })

  test("is the sender's fault when made wrongly", async () => {
    const authenticated = await signed(epoch, 'mls_public_message', COMMIT)
    expect(() => protectPublic(suite, undefined, authenticated, epoch.groupContext)).toThrow(
      refusal('usage', 'membership_key_needed'),
    )
    const privately = { ...authenticated, wireFormat: 'mls_private_message' } as const
    expect(() => protectPublic(suite, epoch.membershipKey, privately, epoch.groupContext)).toThrow(
      refusal('usage', 'bad_wire_format'),
    )
    const untagged = { ...authenticated, auth: { ...authenticated.auth, confirmationTag: undefined } }
    expect(() => protectPublic(suite, epoch.membershipKey, untagged, epoch.groupContext)).toThrow(
      refusal('usage', 'bad_confirmation_tag'),
    )
    const content = framed({ senderType: 'member', leafIndex: 0 }, PROPOSAL)
    expect(() => framedContentTbs(content, 'mls_public_message', undefined)).toThrow(
      refusal('usage', 'group_context_needed'),
    )
  })
})

describe('content authentication', () => {
  test('a signature covers the wire format, the content and the group context', async () => {
    const authenticated = await signed(epoch, 'mls_private_message', PROPOSAL)
    const { content, auth } = authenticated
    const { publicKey } = epoch.signer
    await verifyContentSignature(suite, publicKey, authenticated, epoch.groupContext)
    const changed = [
      { ...authenticated, wireFormat: 'mls_public_message' } as const,
      { ...authenticated, content: { ...content, epoch: 8n } },
      {
        ...authenticated,
        content: { ...content, content: { ...PROPOSAL, proposal: { proposalType: 'remove', removed: 2 } } as Content },
      },
      { ...authenticated, auth: { ...auth, signature: flipped(auth.signature, 0) } },
    ]
    for (const wrong of changed) {
      await expect(verifyContentSignature(suite, publicKey, wrong, epoch.groupContext)).rejects.toThrow(
        refusal('invalid', 'bad_signature'),
      )
    }
    await expect(
      verifyContentSignature(suite, publicKey, authenticated, flipped(epoch.groupContext, 0)),
    ).rejects.toThrow(refusal('invalid', 'bad_signature'))
  })

  test('a valid signature does not make content acceptable that its sender may not send', async () => {
    const content = framed(EXTERNAL, COMMIT)
    const tbs = framedContentTbs(content, 'mls_public_message', undefined)
    const signature = await signWithLabel(epoch.signer, 'FramedContentTBS', tbs)
    const authenticated = {
      wireFormat: 'mls_public_message',
      content,
      auth: { signature, confirmationTag: undefined },
    } as const
    await expect(verifyContentSignature(suite, epoch.signer.publicKey, authenticated, undefined)).rejects.toThrow(
      refusal('invalid', 'bad_sender'),
    )
  })

  test('each kind of sender sends what it may, and nothing else', async () => {
    const proposal = (proposal: Proposal): Content => ({ contentType: 'proposal', proposal })
    const refused: readonly (readonly [Sender, Content])[] = [
      [EXTERNAL, COMMIT],
      [EXTERNAL, PATH_COMMIT],
      [EXTERNAL, APPLICATION],
      [EXTERNAL, proposal({ proposalType: 'update', leafNode: LEAF })],
      [EXTERNAL, proposal({ proposalType: 'self_remove' })],
      [EXTERNAL, proposal({ proposalType: 'external_init', kemOutput: new Uint8Array(32) })],
      [NEW_PROPOSER, PROPOSAL],
      [NEW_PROPOSER, COMMIT],
      [NEW_PROPOSER, APPLICATION],
      [NEW_COMMITTER, COMMIT],
      [NEW_COMMITTER, PROPOSAL],
      [NEW_COMMITTER, APPLICATION],
    ]
    for (const [sender, content] of refused) {
      const wrong = framed(sender, content)
      expect(() => checkSender(wrong, 'mls_public_message')).toThrow(refusal('invalid', 'bad_sender'))
      await expect(signContent(epoch.signer, wrong, 'mls_public_message', epoch.groupContext)).rejects.toThrow(
        refusal('invalid', 'bad_sender'),
      )
    }
    for (const sender of [EXTERNAL, NEW_PROPOSER, NEW_COMMITTER]) {
      const content = sender === NEW_COMMITTER ? PATH_COMMIT : proposal(ADD)
      checkSender(framed(sender, content), 'mls_public_message')
      expect(() => checkSender(framed(sender, content), 'mls_private_message')).toThrow(
        refusal('invalid', 'bad_sender'),
      )
    }
  })
})
