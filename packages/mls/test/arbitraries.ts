/**
 * Arbitrary values of every wire type of RFC 9420, syntactically valid and otherwise anything: for round trips, and as
 * seeds for fuzzing. `wireTypes` lists them with their codecs.
 */
import type { HpkeCiphertext } from '@dmls/crypto'
import fc, { type Arbitrary } from 'fast-check'
import type { Reader } from '../src/codec/reader.ts'
import { encodeWhole, type Writer } from '../src/codec/writer.ts'
import {
  APP_DATA_DICTIONARY,
  type AppDataDictionary,
  appDataDictionaryExtension,
  appDataDictionaryOf,
  componentsListBytes,
  decodeComponentsList,
} from '../src/group/app-data.ts'
import {
  type ExternalSender,
  externalPubExtension,
  externalPubOf,
  externalSendersExtension,
  externalSendersOf,
} from '../src/group/extensions.ts'
import { decodeParentNode, encodeParentNode, type ParentNode } from '../src/tree/parent-node.ts'
import { decodeRatchetTree, ratchetTreeBytes } from '../src/tree/ratchet-tree-extension.ts'
import {
  decodeRequiredCapabilities,
  encodeRequiredCapabilities,
  type RequiredCapabilities,
} from '../src/tree/required-capabilities.ts'
import {
  type Commit,
  decodeCommit,
  decodeHpkeCiphertext,
  decodeUpdatePath,
  encodeCommit,
  encodeHpkeCiphertext,
  encodeUpdatePath,
  type UpdatePath,
} from '../src/wire/commit.ts'
import { type Credential, decodeCredential, encodeCredential } from '../src/wire/credential.ts'
import {
  decodeExtension,
  decodeExtensions,
  type Extension,
  encodeExtension,
  encodeExtensions,
} from '../src/wire/extension.ts'
import {
  type AuthenticatedContent,
  type Content,
  decodeAuthenticatedContent,
  decodeFramedContent,
  decodePrivateMessage,
  decodePublicMessage,
  decodeSender,
  encodeAuthenticatedContent,
  encodeFramedContent,
  encodePrivateMessage,
  encodePublicMessage,
  encodeSender,
  type FramedContent,
  type FramedContentAuthData,
  type PrivateMessage,
  type PublicMessage,
  type Sender,
} from '../src/wire/framing.ts'
import { decodeGroupContext, encodeGroupContext, type GroupContext } from '../src/wire/group-context.ts'
import { decodeGroupInfo, encodeGroupInfo, type GroupInfo } from '../src/wire/group-info.ts'
import { decodeKeyPackage, encodeKeyPackage, type KeyPackage } from '../src/wire/key-package.ts'
import {
  type Capabilities,
  decodeCapabilities,
  decodeLeafNode,
  encodeCapabilities,
  encodeLeafNode,
  type LeafNode,
  type LeafNodeSource,
} from '../src/wire/leaf-node.ts'
import { encodeMlsMessage, type MlsMessage, readMlsMessage } from '../src/wire/mls-message.ts'
import {
  decodeProposal,
  decodeProposalOrRef,
  encodeProposal,
  encodeProposalOrRef,
  type Proposal,
  type ProposalOrRef,
} from '../src/wire/proposal.ts'
import { decodePreSharedKeyId, encodePreSharedKeyId, type PreSharedKeyId } from '../src/wire/psk.ts'
import { ExtensionType } from '../src/wire/registry.ts'
import {
  decodeGroupSecrets,
  decodeWelcome,
  encodeGroupSecrets,
  encodeWelcome,
  type GroupSecrets,
  type Welcome,
} from '../src/wire/welcome.ts'
import { suite } from './suites.ts'

const uint16: Arbitrary<number> = fc.integer({ min: 0, max: 0xffff })
const uint32: Arbitrary<number> = fc.oneof(fc.nat(8), fc.integer({ min: 0, max: 0xffffffff }))
const uint64: Arbitrary<bigint> = fc.oneof(fc.bigInt({ min: 0n, max: 8n }), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }))
/** Mostly short; around 63 bytes the length header changes its size. */
export const bytes: Arbitrary<Uint8Array> = fc.oneof(
  { weight: 6, arbitrary: fc.uint8Array({ maxLength: 8 }) },
  { weight: 1, arbitrary: fc.uint8Array({ minLength: 62, maxLength: 66 }) },
)
const list = <T>(element: Arbitrary<T>): Arbitrary<T[]> => fc.array(element, { maxLength: 3 })
const sorted = <T>(element: Arbitrary<T>, order: (value: T) => number): Arbitrary<T[]> =>
  fc.uniqueArray(element, { maxLength: 3, selector: order }).map((values) => values.sort((a, b) => order(a) - order(b)))
const maybe = <T>(value: Arbitrary<T>): Arbitrary<T | undefined> => fc.option(value, { nil: undefined })

export const extension: Arbitrary<Extension> = fc.record({ extensionType: uint16, extensionData: bytes })
const extensions: Arbitrary<Extension[]> = list(extension)

export const credential: Arbitrary<Credential> = fc.oneof(
  fc.record({ credentialType: fc.constant('basic' as const), identity: bytes }),
  fc.record({ credentialType: fc.constant('x509' as const), certificates: list(bytes) }),
  fc.record({
    credentialType: fc.constant('other' as const),
    type: uint16.filter((type) => type !== 1 && type !== 2),
    content: bytes,
  }),
)

export const capabilities: Arbitrary<Capabilities> = fc.record({
  versions: list(uint16),
  cipherSuites: list(uint16),
  extensions: list(uint16),
  proposals: list(uint16),
  credentials: list(uint16),
})

const leafNodeSource: Arbitrary<LeafNodeSource> = fc.oneof(
  fc.record({
    leafNodeSource: fc.constant('key_package' as const),
    lifetime: fc.record({ notBefore: uint64, notAfter: uint64 }),
  }),
  fc.record({ leafNodeSource: fc.constant('update' as const) }),
  fc.record({ leafNodeSource: fc.constant('commit' as const), parentHash: bytes }),
)

export const leafNode: Arbitrary<LeafNode> = fc.record({
  encryptionKey: bytes,
  signatureKey: bytes,
  credential,
  capabilities,
  source: leafNodeSource,
  extensions,
  signature: bytes,
})

export const keyPackage: Arbitrary<KeyPackage> = fc.record({
  version: uint16,
  cipherSuite: uint16,
  initKey: bytes,
  leafNode,
  extensions,
  signature: bytes,
})

export const preSharedKeyId: Arbitrary<PreSharedKeyId> = fc.record({
  psk: fc.oneof(
    fc.record({ pskType: fc.constant('external' as const), pskId: bytes }),
    fc.record({
      pskType: fc.constant('resumption' as const),
      usage: fc.constantFrom('application' as const, 'reinit' as const, 'branch' as const),
      pskGroupId: bytes,
      pskEpoch: uint64,
    }),
    fc.record({ pskType: fc.constant('application' as const), componentId: uint16, pskId: bytes }),
  ),
  pskNonce: bytes,
})

export const proposal: Arbitrary<Proposal> = fc.oneof(
  fc.record({ proposalType: fc.constant('add' as const), keyPackage }),
  fc.record({ proposalType: fc.constant('update' as const), leafNode }),
  fc.record({ proposalType: fc.constant('remove' as const), removed: uint32 }),
  fc.record({ proposalType: fc.constant('psk' as const), psk: preSharedKeyId }),
  fc.record({
    proposalType: fc.constant('reinit' as const),
    groupId: bytes,
    version: uint16,
    cipherSuite: uint16,
    extensions,
  }),
  fc.record({ proposalType: fc.constant('external_init' as const), kemOutput: bytes }),
  fc.record({ proposalType: fc.constant('group_context_extensions' as const), extensions }),
  fc.record({ proposalType: fc.constant('self_remove' as const) }),
  fc.record({ proposalType: fc.constant('app_data_update' as const), componentId: uint16, update: maybe(bytes) }),
  fc.record({ proposalType: fc.constant('app_ephemeral' as const), componentId: uint16, data: bytes }),
  fc.record({
    proposalType: fc.constant('custom' as const),
    // the private range of RFC 9420 §17.4
    type: fc.integer({ min: 0xf000, max: 0xffff }),
    body: bytes,
  }),
)

export const proposalOrRef: Arbitrary<ProposalOrRef> = fc.oneof(
  fc.record({ type: fc.constant('proposal' as const), proposal }),
  fc.record({ type: fc.constant('reference' as const), reference: bytes }),
)

export const hpkeCiphertext: Arbitrary<HpkeCiphertext> = fc.record({ kemOutput: bytes, ciphertext: bytes })

export const updatePath: Arbitrary<UpdatePath> = fc.record({
  leafNode,
  nodes: list(fc.record({ encryptionKey: bytes, encryptedPathSecret: list(hpkeCiphertext) })),
})

export const commit: Arbitrary<Commit> = fc.record({ proposals: list(proposalOrRef), path: maybe(updatePath) })

export const sender: Arbitrary<Sender> = fc.oneof(
  fc.record({ senderType: fc.constant('member' as const), leafIndex: uint32 }),
  fc.record({ senderType: fc.constant('external' as const), senderIndex: uint32 }),
  fc.record({ senderType: fc.constant('new_member_proposal' as const) }),
  fc.record({ senderType: fc.constant('new_member_commit' as const) }),
)

const content: Arbitrary<Content> = fc.oneof(
  fc.record({ contentType: fc.constant('application' as const), applicationData: bytes }),
  fc.record({ contentType: fc.constant('proposal' as const), proposal }),
  fc.record({ contentType: fc.constant('commit' as const), commit }),
)

export const framedContent: Arbitrary<FramedContent> = fc.record({
  groupId: bytes,
  epoch: uint64,
  sender,
  authenticatedData: bytes,
  content,
})

/** A commit has a confirmation tag, nothing else has. */
function authDataOf(framed: FramedContent): Arbitrary<FramedContentAuthData> {
  const confirmationTag = framed.content.contentType === 'commit' ? bytes : fc.constant(undefined)
  return fc.record({ signature: bytes, confirmationTag })
}

export const authenticatedContent: Arbitrary<AuthenticatedContent> = framedContent.chain((framed) =>
  fc.record({
    wireFormat: fc.constantFrom('mls_public_message' as const, 'mls_private_message' as const),
    content: fc.constant(framed),
    auth: authDataOf(framed),
  }),
)

export const publicMessage: Arbitrary<PublicMessage> = framedContent.chain((framed) =>
  fc.record({
    content: fc.constant(framed),
    auth: authDataOf(framed),
    membershipTag: framed.sender.senderType === 'member' ? bytes : fc.constant(undefined),
  }),
)

export const privateMessage: Arbitrary<PrivateMessage> = fc.record({
  groupId: bytes,
  epoch: uint64,
  contentType: fc.constantFrom('application' as const, 'proposal' as const, 'commit' as const),
  authenticatedData: bytes,
  encryptedSenderData: bytes,
  ciphertext: bytes,
})

export const groupContext: Arbitrary<GroupContext> = fc.record({
  version: uint16,
  cipherSuite: uint16,
  groupId: bytes,
  epoch: uint64,
  treeHash: bytes,
  confirmedTranscriptHash: bytes,
  extensions,
})

export const groupInfo: Arbitrary<GroupInfo> = fc.record({
  groupContext,
  extensions,
  confirmationTag: bytes,
  signer: uint32,
  signature: bytes,
})

export const welcome: Arbitrary<Welcome> = fc.record({
  cipherSuite: uint16,
  secrets: list(fc.record({ newMember: bytes, encryptedGroupSecrets: hpkeCiphertext })),
  encryptedGroupInfo: bytes,
})

export const groupSecrets: Arbitrary<GroupSecrets> = fc.record({
  joinerSecret: bytes,
  pathSecret: maybe(bytes),
  psks: list(preSharedKeyId),
})

export const requiredCapabilities: Arbitrary<RequiredCapabilities> = fc.record({
  extensionTypes: list(uint16),
  proposalTypes: list(uint16),
  credentialTypes: list(uint16),
})

export const parentNode: Arbitrary<ParentNode> = fc.record({
  encryptionKey: bytes,
  parentHash: bytes,
  unmergedLeaves: sorted(uint32, (leafIndex) => leafIndex),
})

export const externalSenders: Arbitrary<ExternalSender[]> = list(fc.record({ signatureKey: bytes, credential }))

export const appDataDictionary: Arbitrary<AppDataDictionary> = sorted(
  fc.record({ componentId: uint16, data: bytes }),
  ({ componentId }) => componentId,
)

/** The encoding of a tree whose nodes are anything: leaves at even places, parents at odd ones, a leaf at the end. */
export const ratchetTree: Arbitrary<Uint8Array> = fc
  .tuple(list(fc.tuple(maybe(leafNode), maybe(parentNode))), leafNode)
  .map(([pairs, last]) =>
    encodeWhole(pairs, (writer) => {
      const nodes = encodeWhole(pairs, (inner) => {
        for (const [leaf, parent] of pairs) {
          if (leaf === undefined) inner.uint8(0)
          else encodeLeafNode(inner.uint8(1).uint8(1), leaf)
          if (parent === undefined) inner.uint8(0)
          else encodeParentNode(inner.uint8(1).uint8(2), parent)
        }
        encodeLeafNode(inner.uint8(1).uint8(1), last)
      })
      writer.opaque(nodes)
    }),
  )

export const mlsMessage: Arbitrary<MlsMessage> = fc.oneof(
  publicMessage.map((message) => ({ wireFormat: 'mls_public_message' as const, publicMessage: message })),
  privateMessage.map((message) => ({ wireFormat: 'mls_private_message' as const, privateMessage: message })),
  welcome.map((message) => ({ wireFormat: 'mls_welcome' as const, welcome: message })),
  groupInfo.map((message) => ({ wireFormat: 'mls_group_info' as const, groupInfo: message })),
  // a KeyPackage has the version of the message that it travels in (RFC 9420 §10)
  keyPackage.map((message) => ({ wireFormat: 'mls_key_package' as const, keyPackage: { ...message, version: 1 } })),
)

/** A wire type: values, and its two codecs behind functions that any fuzzer can call. */
export interface WireType<T> {
  readonly name: string
  readonly values: Arbitrary<T>
  readonly encode: (writer: Writer, value: T) => void
  readonly decode: (reader: Reader) => T
}

/** Lets types of different values stand in one list: whoever uses one does not look inside the value. */
export interface AnyWireType {
  readonly name: string
  use<R>(use: <T>(type: WireType<T>) => R): R
}

function wireType<T>(
  name: string,
  values: Arbitrary<T>,
  encode: (writer: Writer, value: T) => void,
  decode: (reader: Reader) => T,
): AnyWireType {
  return { name, use: (use) => use({ name, values, encode, decode }) }
}

/** The content of an extension, of which a reader has nothing but the bytes. */
function contentType<T>(
  name: string,
  values: Arbitrary<T>,
  toBytes: (value: T) => Uint8Array,
  fromBytes: (content: Uint8Array) => T,
): AnyWireType {
  return wireType(
    name,
    values,
    (writer, value) => writer.fixed(toBytes(value)),
    (reader) => fromBytes(reader.fixed(reader.remaining)),
  )
}

/** How the content of an extension is asked for: among the extensions of the structure that has it. */
function among(extensionType: number, extensionData: Uint8Array): readonly Extension[] {
  return [{ extensionType, extensionData }]
}

export const wireTypes: readonly AnyWireType[] = [
  wireType('Extension', extension, encodeExtension, decodeExtension),
  wireType('Extensions', extensions, encodeExtensions, decodeExtensions),
  wireType('Credential', credential, encodeCredential, decodeCredential),
  wireType('Capabilities', capabilities, encodeCapabilities, decodeCapabilities),
  wireType('LeafNode', leafNode, encodeLeafNode, decodeLeafNode),
  wireType('KeyPackage', keyPackage, encodeKeyPackage, decodeKeyPackage),
  wireType('PreSharedKeyID', preSharedKeyId, encodePreSharedKeyId, decodePreSharedKeyId),
  wireType('Proposal', proposal, encodeProposal, decodeProposal),
  wireType('ProposalOrRef', proposalOrRef, encodeProposalOrRef, decodeProposalOrRef),
  wireType('HPKECiphertext', hpkeCiphertext, encodeHpkeCiphertext, decodeHpkeCiphertext),
  wireType('UpdatePath', updatePath, encodeUpdatePath, decodeUpdatePath),
  wireType('Commit', commit, encodeCommit, decodeCommit),
  wireType('Sender', sender, encodeSender, decodeSender),
  wireType('FramedContent', framedContent, encodeFramedContent, decodeFramedContent),
  wireType('AuthenticatedContent', authenticatedContent, encodeAuthenticatedContent, decodeAuthenticatedContent),
  wireType('PublicMessage', publicMessage, encodePublicMessage, decodePublicMessage),
  wireType('PrivateMessage', privateMessage, encodePrivateMessage, decodePrivateMessage),
  wireType('GroupContext', groupContext, encodeGroupContext, decodeGroupContext),
  wireType('GroupInfo', groupInfo, encodeGroupInfo, decodeGroupInfo),
  wireType('Welcome', welcome, encodeWelcome, decodeWelcome),
  wireType('GroupSecrets', groupSecrets, encodeGroupSecrets, decodeGroupSecrets),
  wireType('MLSMessage', mlsMessage, encodeMlsMessage, readMlsMessage),
]

/** Nodes of a tree, and what stands in extensions. */
export const treeAndExtensionTypes: readonly AnyWireType[] = [
  wireType('RequiredCapabilities', requiredCapabilities, encodeRequiredCapabilities, decodeRequiredCapabilities),
  wireType('ParentNode', parentNode, encodeParentNode, decodeParentNode),
  // the tree as bytes: what is read out of them is what it writes
  wireType(
    'ratchet_tree',
    ratchetTree,
    (writer, encoded) => writer.fixed(encoded),
    (reader) => ratchetTreeBytes(decodeRatchetTree(suite, reader)),
  ),
  contentType(
    'external_senders',
    externalSenders,
    (senders) => externalSendersExtension(senders).extensionData,
    (content) => [...externalSendersOf(among(ExtensionType.externalSenders, content))],
  ),
  contentType(
    'external_pub',
    bytes,
    (key) => externalPubExtension(key).extensionData,
    (content) => externalPubOf(among(ExtensionType.externalPub, content)) as Uint8Array,
  ),
  contentType(
    'AppDataDictionary',
    appDataDictionary,
    (dictionary) => appDataDictionaryExtension(dictionary).extensionData,
    (content) => appDataDictionaryOf(among(APP_DATA_DICTIONARY, content)),
  ),
  contentType('ComponentsList', list(uint16), componentsListBytes, decodeComponentsList),
]
