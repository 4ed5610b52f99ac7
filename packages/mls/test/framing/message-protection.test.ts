import { type CipherSuite, type Signer, signerFromPrivateKey, systemRandom, toHex } from '@dmls/crypto'
import { expect } from 'vitest'
import { decodeWhole } from '../../src/codec/reader.ts'
import { encodeWhole } from '../../src/codec/writer.ts'
import { signContent, verifyContentSignature } from '../../src/framing/authenticated-content.ts'
import { protectPrivate, unprotectPrivate } from '../../src/framing/private-message.ts'
import { protectPublic, unprotectPublic } from '../../src/framing/public-message.ts'
import { createSecretTree, SECRET_TREE_LIMITS } from '../../src/schedule/secret-tree.ts'
import { decodeCommit, encodeCommit } from '../../src/wire/commit.ts'
import type {
  AuthenticatedContent,
  Content,
  PrivateMessage,
  PublicMessage,
  WireFormat,
} from '../../src/wire/framing.ts'
import { groupContextBytes } from '../../src/wire/group-context.ts'
import { decodeMlsMessage } from '../../src/wire/mls-message.ts'
import { decodeProposal, encodeProposal } from '../../src/wire/proposal.ts'
import { providers } from '../suites.ts'
import { claimedBy, hex, signaturePrivateKey, vectorTest } from '../vectors.ts'

type Vector = Readonly<
  Record<
    | 'group_id'
    | 'tree_hash'
    | 'confirmed_transcript_hash'
    | 'signature_priv'
    | 'signature_pub'
    | 'encryption_secret'
    | 'sender_data_secret'
    | 'membership_key'
    | 'proposal'
    | 'proposal_pub'
    | 'proposal_priv'
    | 'commit'
    | 'commit_pub'
    | 'commit_priv'
    | 'application'
    | 'application_priv',
    string
  >
> & { readonly cipher_suite: number; readonly epoch: number }

const SENDER = { senderType: 'member', leafIndex: 1 } as const

function rawContent(content: Content): string {
  switch (content.contentType) {
    case 'application':
      return toHex(content.applicationData)
    case 'proposal':
      return toHex(encodeWhole(content.proposal, encodeProposal))
    case 'commit':
      return toHex(encodeWhole(content.commit, encodeCommit))
  }
}

function publicMessage(bytes: string): PublicMessage {
  const message = decodeMlsMessage(hex(bytes))
  if (message.wireFormat !== 'mls_public_message') throw new Error('not a public message')
  return message.publicMessage
}

function privateMessage(bytes: string): PrivateMessage {
  const message = decodeMlsMessage(hex(bytes))
  if (message.wireFormat !== 'mls_private_message') throw new Error('not a private message')
  return message.privateMessage
}

/** What one vector's epoch gives: both directions of both kinds of message. */
function epochOf(suite: CipherSuite, vector: Vector, signer: Signer) {
  const context = groupContextBytes({
    version: 1,
    cipherSuite: suite.id,
    groupId: hex(vector.group_id),
    epoch: BigInt(vector.epoch),
    treeHash: hex(vector.tree_hash),
    confirmedTranscriptHash: hex(vector.confirmed_transcript_hash),
    extensions: [],
  })
  const membershipKey = hex(vector.membership_key)
  const senderDataSecret = hex(vector.sender_data_secret)
  const secretTree = () => createSecretTree(suite, hex(vector.encryption_secret), 2)
  const verified = async (authenticated: AuthenticatedContent): Promise<string> => {
    await verifyContentSignature(suite, hex(vector.signature_pub), authenticated, context)
    expect(authenticated.content.sender).toEqual(SENDER)
    return rawContent(authenticated.content.content)
  }
  return {
    openPublic: (message: PublicMessage) => verified(unprotectPublic(suite, membershipKey, message, context)),
    openPrivate: (message: PrivateMessage) =>
      verified(
        unprotectPrivate(suite, {
          senderDataSecret,
          secretTree: secretTree(),
          message,
          limits: SECRET_TREE_LIMITS,
          leafExists: (leafIndex) => leafIndex < 2,
        }).authenticatedContent,
      ),
    sign: async (content: Content, wireFormat: WireFormat): Promise<AuthenticatedContent> => {
      const framed = {
        groupId: hex(vector.group_id),
        epoch: BigInt(vector.epoch),
        sender: SENDER,
        authenticatedData: new Uint8Array([1]),
        content,
      }
      const signature = await signContent(signer, framed, wireFormat, context)
      const tag = content.contentType === 'commit' ? new Uint8Array(suite.hashSize) : undefined
      return { wireFormat, content: framed, auth: { signature, confirmationTag: tag } }
    },
    protectPublic: (authenticated: AuthenticatedContent) => protectPublic(suite, membershipKey, authenticated, context),
    protectPrivate: (authenticatedContent: AuthenticatedContent) =>
      protectPrivate(suite, { senderDataSecret, secretTree: secretTree(), authenticatedContent, random: systemRandom })
        .message,
  }
}

for (const provider of providers) {
  vectorTest<Vector>(
    'mls',
    'message-protection',
    `${provider.name}: published messages open, and ours open like them`,
    async (vectors) => {
      expect(vectors.map((v) => v.cipher_suite)).toEqual([1, 2, 3, 4, 5, 6, 7])
      for (const { suite, vector } of claimedBy(provider, vectors)) {
        const signer = await signerFromPrivateKey(suite, signaturePrivateKey(suite.id, vector.signature_priv))
        const epoch = epochOf(suite, vector, signer)
        expect(await epoch.openPublic(publicMessage(vector.proposal_pub))).toBe(vector.proposal)
        expect(await epoch.openPublic(publicMessage(vector.commit_pub))).toBe(vector.commit)
        expect(await epoch.openPrivate(privateMessage(vector.proposal_priv))).toBe(vector.proposal)
        expect(await epoch.openPrivate(privateMessage(vector.commit_priv))).toBe(vector.commit)
        expect(await epoch.openPrivate(privateMessage(vector.application_priv))).toBe(vector.application)

        const proposal: Content = {
          contentType: 'proposal',
          proposal: decodeWhole(hex(vector.proposal), decodeProposal),
        }
        const commit: Content = { contentType: 'commit', commit: decodeWhole(hex(vector.commit), decodeCommit) }
        const application: Content = { contentType: 'application', applicationData: hex(vector.application) }
        for (const content of [proposal, commit]) {
          const message = epoch.protectPublic(await epoch.sign(content, 'mls_public_message'))
          expect(await epoch.openPublic(message)).toBe(rawContent(content))
        }
        for (const content of [proposal, commit, application]) {
          const message = epoch.protectPrivate(await epoch.sign(content, 'mls_private_message'))
          expect(await epoch.openPrivate(message)).toBe(rawContent(content))
        }
        const privately = await epoch.sign(application, 'mls_private_message')
        expect(() => epoch.protectPublic({ ...privately, wireFormat: 'mls_public_message' })).toThrow(
          expect.objectContaining({ code: 'public_application_data' }),
        )
      }
    },
  )
}
