/**
 * A state as bytes, for storage; not a format of RFC 9420. The ratchet tree is not in it: it is stored by content
 * (`tree/tree-records.ts`), so that saving an epoch does not cost the whole group. Whoever saves after each message stores
 * the parts that messages change apart from the core, which they do not. The bytes are secret.
 */
import { type CipherSuite, equalBytes, toHex } from '@dmls/crypto'
import { decodeWhole, Reader } from '../codec/reader.ts'
import { encodeWhole, type Writer } from '../codec/writer.ts'
import { malformed, usage } from '../errors.ts'
import { PuncturableTree } from '../schedule/puncturable-tree.ts'
import { SecretTree } from '../schedule/secret-tree.ts'
import type { PathKeys } from '../tree/path-keys.ts'
import type { RatchetTree } from '../tree/ratchet-tree.ts'
import { decodeExtensions, encodeExtensions } from '../wire/extension.ts'
import { decodeSender, encodeSender, wireFormatValue } from '../wire/framing.ts'
import { decodeGroupContext, type GroupContext, groupContextBytes } from '../wire/group-context.ts'
import { decodeLeafNode, encodeLeafNode } from '../wire/leaf-node.ts'
import { decodeProposal, encodeProposal } from '../wire/proposal.ts'
import type { Profile } from './profile.ts'
import type { CachedProposal, GroupState, PendingUpdate, ReinitParameters, RetainedSecrets } from './state.ts'

const FORMAT = 1
const PROFILES: readonly Profile['name'][] = ['mls', 'dmls']

/** Everything but the ratchet tree, in one copy that the caller owns. */
export function encodeGroupState(state: GroupState): Uint8Array {
  return encodeWhole(state, encodeState, 16_384)
}

/** The parts of a state that messages and commits change, each of which can be stored by itself. */
export type GroupStateParts = Pick<GroupState, 'secretTree' | 'initKey' | 'proposals'>

/** Everything but the ratchet tree and the {@link GroupStateParts}, in one copy that the caller owns. */
export function encodeGroupStateCore(state: GroupState): Uint8Array {
  return encodeWhole(state, encodeCore, 4096)
}

/** Whether two states of one epoch have the same {@link encodeGroupStateCore}, by identity of what it is made of. */
export function sameGroupStateCore(a: GroupState, b: GroupState): boolean {
  return CORE.every((field) => a[field] === b[field])
}

const CORE = [
  'profile',
  'contextBytes',
  'epochId',
  'ownLeaf',
  'keys',
  'secrets',
  'exporterTree',
  'interimTranscriptHash',
  'confirmationTag',
  'pendingUpdates',
  'ownCommits',
  'reinit',
] as const satisfies readonly (keyof GroupState)[]

export interface StateSurroundings {
  readonly suite: CipherSuite
  readonly profile: Profile
  /** The ratchet tree of the state's epoch. */
  readonly tree: RatchetTree
}

/**
 * The state that {@link encodeGroupState} wrote, with buffers of its own.
 * @throws MlsError `bad_state` if the bytes are not such a state, `wrong_tree`, `wrong_profile`, `wrong_cipher_suite`
 */
export function decodeGroupState(bytes: Uint8Array, surroundings: StateSurroundings): GroupState {
  return decodeWhole(bytes, (reader) => decodeState(reader, surroundings))
}

/** The state of a core and its parts. @throws MlsError as {@link decodeGroupState} */
export function decodeGroupStateCore(
  bytes: Uint8Array,
  surroundings: StateSurroundings,
  parts: GroupStateParts,
): GroupState {
  return { ...decodeWhole(bytes, (reader) => decodeCore(reader, surroundings)), ...parts }
}

/** A proposal of the cache, in one copy that the caller owns. */
export function encodeCachedProposal(cached: CachedProposal): Uint8Array {
  return encodeWhole(cached, encodeCached, 512)
}

/** @throws MlsError malformed */
export function decodeCachedProposal(bytes: Uint8Array): CachedProposal {
  return decodeWhole(bytes, decodeCached)
}

/**
 * The tree hash of an encoded state, KDF.Nh bytes: under which its tree is stored. Nothing else is read.
 * @throws MlsError `bad_state`
 */
export function treeHashOfState(bytes: Uint8Array): Uint8Array {
  return decodeHead(new Reader(bytes)).context.treeHash
}

interface Head {
  readonly profile: Profile['name'] | undefined
  readonly context: GroupContext
}

function decodeHead(reader: Reader): Head {
  if (reader.uint8() !== FORMAT) throw malformed('bad_state', 'the bytes are no group state of this version')
  const profile = PROFILES[reader.uint8()]
  return { profile, context: decodeGroupContext(reader) }
}

function encodeState(writer: Writer, state: GroupState): void {
  encodeCore(writer, state)
  state.secretTree.encode(writer)
  state.initKey.encode(writer)
  writer.vector([...state.proposals.values()], encodeCached)
}

function encodeCore(writer: Writer, state: GroupState): void {
  writer.uint8(FORMAT).uint8(PROFILES.indexOf(state.profile.name)).fixed(state.contextBytes)
  writer.opaque(state.epochId).uint32(state.ownLeaf)
  encodeKeys(writer, state.keys)
  for (const name of SECRETS) writer.opaque(state.secrets[name])
  state.exporterTree.encode(writer)
  writer.opaque(state.interimTranscriptHash).opaque(state.confirmationTag)
  writer.vector(state.pendingUpdates, encodePending)
  writer.vector(state.ownCommits, (w, hash) => w.opaque(hash))
  writer.optional(state.reinit, encodeReinit)
}

function decodeState(reader: Reader, surroundings: StateSurroundings): GroupState {
  const { suite, profile } = surroundings
  return {
    ...decodeCore(reader, surroundings),
    secretTree: SecretTree.decode(suite, reader),
    initKey: profile.decodeInitKey(suite, reader),
    proposals: new Map(reader.vector(decodeCached).map((cached) => [toHex(cached.reference), cached])),
  }
}

function decodeCore(
  reader: Reader,
  { suite, profile, tree }: StateSurroundings,
): Omit<GroupState, keyof GroupStateParts> {
  const head = decodeHead(reader)
  const { context } = head
  if (head.profile !== profile.name) throw usage('wrong_profile', 'the state is of another profile')
  if (context.cipherSuite !== suite.id) throw usage('wrong_cipher_suite', 'the state is of another cipher suite')
  if (!equalBytes(context.treeHash, tree.treeHash())) throw usage('wrong_tree', 'the tree is not the one of the state')
  const contextBytes = groupContextBytes(context)
  const epochId = reader.opaque()
  const ownLeaf = reader.uint32()
  if (tree.leaf(ownLeaf) === undefined) throw malformed('bad_state', 'the state is of a leaf that is blank')
  const keys = decodeKeys(reader)
  const secrets = decodeSecrets(reader)
  return {
    profile,
    suite,
    context,
    contextBytes,
    epochId,
    tree,
    ownLeaf,
    keys,
    secrets,
    exporterTree: PuncturableTree.decode(suite, reader),
    interimTranscriptHash: reader.opaque(),
    confirmationTag: reader.opaque(),
    pendingUpdates: reader.vector(decodePending),
    ownCommits: reader.vector((r) => r.opaque()),
    reinit: reader.optional(decodeReinit),
  }
}

function encodeKeys(writer: Writer, keys: PathKeys): void {
  writer.vector([...keys], (w, [nodeIndex, key]) => w.uint32(nodeIndex).opaque(key))
}

function decodeKeys(reader: Reader): PathKeys {
  return new Map(reader.vector((r): [number, Uint8Array] => [r.uint32(), r.opaque()]))
}

const SECRETS: readonly (keyof RetainedSecrets)[] = [
  'senderDataSecret',
  'exporterSecret',
  'epochAuthenticator',
  'externalSecret',
  'confirmationKey',
  'membershipKey',
  'resumptionPsk',
]

function decodeSecrets(reader: Reader): RetainedSecrets {
  return {
    senderDataSecret: reader.opaque(),
    exporterSecret: reader.opaque(),
    epochAuthenticator: reader.opaque(),
    externalSecret: reader.opaque(),
    confirmationKey: reader.opaque(),
    membershipKey: reader.opaque(),
    resumptionPsk: reader.opaque(),
  }
}

function encodeCached(writer: Writer, cached: CachedProposal): void {
  writer.opaque(cached.reference).uint8(wireFormatValue(cached.wireFormat))
  encodeSender(writer, cached.sender)
  encodeProposal(writer.opaque(cached.authenticatedData), cached.proposal)
}

function decodeCached(reader: Reader): CachedProposal {
  const reference = reader.opaque()
  const wireFormat = reader.uint8() === 1 ? 'mls_public_message' : 'mls_private_message'
  const sender = decodeSender(reader)
  const authenticatedData = reader.opaque()
  return { reference, wireFormat, sender, authenticatedData, proposal: decodeProposal(reader) }
}

function encodePending(writer: Writer, pending: PendingUpdate): void {
  encodeLeafNode(writer.opaque(pending.reference), pending.leafNode)
  writer.opaque(pending.encryptionPrivateKey)
}

function decodePending(reader: Reader): PendingUpdate {
  return { reference: reader.opaque(), leafNode: decodeLeafNode(reader), encryptionPrivateKey: reader.opaque() }
}

function encodeReinit(writer: Writer, reinit: ReinitParameters): void {
  writer.opaque(reinit.groupId).uint16(reinit.version).uint16(reinit.cipherSuite)
  encodeExtensions(writer, reinit.extensions)
}

function decodeReinit(reader: Reader): ReinitParameters {
  return {
    groupId: reader.opaque(),
    version: reader.uint16(),
    cipherSuite: reader.uint16(),
    extensions: decodeExtensions(reader),
  }
}
