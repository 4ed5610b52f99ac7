/**
 * RFC 9420 §7.3 leaf node validation: what one leaf shows by itself. What it shows together with the others (unique
 * keys, credential types) is a property of the whole tree and is checked there: `group-requirements.ts`.
 */
import { type CipherSuite, CryptoError, equalBytes } from '@dmls/crypto'
import type { Writer } from '../codec/writer.ts'
import { invalid, MlsError, usage } from '../errors.ts'
import { verifyWithLabel } from '../schedule/labeled.ts'
import { credentialTypeOf } from '../wire/credential.ts'
import type { Extension } from '../wire/extension.ts'
import {
  encodeLeafNodeTbs,
  LEAF_NODE_SIZE_HINT,
  type LeafNode,
  type LeafNodePosition,
  type LeafNodeSource,
} from '../wire/leaf-node.ts'
import { MLS10 } from '../wire/registry.ts'
import {
  checkExtensionsDistinct,
  isDefaultExtension,
  type MemberDemands,
  memberDemands,
} from './required-capabilities.ts'

/**
 * Asks the Authentication Service whether a leaf's credential stands for a member with its signature key, and, where it
 * replaces another leaf, whether it may (RFC 9420 §5.3.1). Resolves or throws.
 */
export type AuthenticateLeaf = (leaf: LeafNode, replaced: LeafNode | undefined) => Promise<void>

/** Seconds since the Unix epoch, and the longest lifetime that the application accepts. */
export interface LifetimePolicy {
  /** Checks that the lifetime covers this moment; left out, that check is left out (RFC 9420 §7.3 recommends it). */
  readonly now?: bigint | undefined
  /** Refuses leaves whose total lifetime is longer (RFC 9420 §7.2). */
  readonly lifetimeMaxSeconds?: bigint | undefined
}

export interface LeafNodeContext extends LifetimePolicy {
  /** Where the leaf comes from; `tree` accepts every source, as in a ratchet tree that somebody else maintained. */
  readonly source: LeafNodeSource['leafNodeSource'] | 'tree'
  /** Where the leaf sits; needed for the signature unless the leaf comes from a key package. */
  readonly position?: LeafNodePosition | undefined
  /** `GroupContext.extensions` of the group that the leaf is in or meant for. */
  readonly groupExtensions: readonly Extension[]
  /** The leaf that this one takes the place of. */
  readonly replaced?: LeafNode | undefined
  readonly authenticate?: AuthenticateLeaf | undefined
  /** The encoded leaf, where the caller has it already. */
  readonly bytes?: Uint8Array | undefined
}

/**
 * Validates one leaf node.
 * @throws MlsError `bad_leaf_node_source`, `bad_encryption_key`, `key_reused`, `unsupported_version`,
 * `unsupported_cipher_suite`, `credential_not_listed`, `extension_not_listed`, `duplicate_extension`,
 * `capability_missing`, `bad_lifetime`, `lifetime_too_long`, `not_yet_valid`, `expired`, `same_encryption_key`,
 * `bad_leaf_signature`; and what `authenticate` throws
 */
export async function validateLeafNode(suite: CipherSuite, leaf: LeafNode, context: LeafNodeContext): Promise<void> {
  checkLeafNode(suite, leaf, memberDemands(context.groupExtensions), context)
  const { replaced } = context
  checkSource(leaf, context)
  if (replaced !== undefined && equalBytes(replaced.encryptionKey, leaf.encryptionKey)) {
    throw invalid('same_encryption_key', 'a leaf keeps the encryption key of the one that it replaces') // RFC 9420 §7.3
  }
  await verifyLeafNode(suite, leaf, context.position, context.authenticate, replaced, context.bytes)
}

/** The synchronous checks of a leaf that need nothing but the group's demands. @throws as {@link validateLeafNode} */
export function checkLeafNode(
  suite: CipherSuite,
  leaf: LeafNode,
  demands: MemberDemands,
  policy: LifetimePolicy,
): void {
  checkKeys(suite, leaf)
  checkCapabilities(suite, leaf, demands)
  checkLifetime(leaf, policy)
}

/**
 * The signature, then the credential (RFC 9420 §7.3, §5.3.1). `bytes`: the encoded leaf, where the caller has it already.
 * @throws as {@link validateLeafNode}
 */
export async function verifyLeafNode(
  suite: CipherSuite,
  leaf: LeafNode,
  position: LeafNodePosition | undefined,
  authenticate: AuthenticateLeaf | undefined,
  replaced: LeafNode | undefined,
  bytes?: Uint8Array,
): Promise<void> {
  const positioned = leaf.source.leafNodeSource !== 'key_package'
  if (positioned && position === undefined) throw usage('no_position', 'a leaf signs its place, which was not given')
  const tbs = {
    sizeHint: bytes === undefined ? LEAF_NODE_SIZE_HINT : bytes.length,
    encode: (writer: Writer) => encodeLeafNodeTbs(writer, leaf, position, bytes),
  }
  if (!(await verifyWithLabel(suite, leaf.signatureKey, 'LeafNodeTBS', tbs, leaf.signature))) {
    throw invalid('bad_leaf_signature', "a leaf node's signature is not valid") // RFC 9420 §7.3
  }
  await authenticate?.(leaf, replaced) // RFC 9420 §5.3.1
}

function checkSource(leaf: LeafNode, context: LeafNodeContext): void {
  const { leafNodeSource } = leaf.source
  if (context.source !== 'tree' && leafNodeSource !== context.source) {
    const fields = { expected: context.source, found: leafNodeSource }
    throw invalid('bad_leaf_node_source', 'a leaf node has the wrong source for where it appears', fields) // RFC 9420 §7.3
  }
}

function checkKeys(suite: CipherSuite, leaf: LeafNode): void {
  checkEncryptionKey(suite, leaf.encryptionKey)
  if (equalBytes(leaf.encryptionKey, leaf.signatureKey)) {
    throw invalid('key_reused', 'a leaf has one key for encryption and for signatures') // RFC 9420 §16.7
  }
}

/** @throws MlsError `bad_encryption_key` */
export function checkEncryptionKey(suite: CipherSuite, encryptionKey: Uint8Array): void {
  try {
    suite.validateHpkePublicKey(encryptionKey)
  } catch (error) {
    if (!(error instanceof CryptoError)) throw error
    throw new MlsError('invalid', 'bad_encryption_key', 'a node has no valid encryption key', {}, { cause: error }) // RFC 9420 §5.1.1
  }
}

function checkCapabilities(suite: CipherSuite, leaf: LeafNode, demands: MemberDemands): void {
  const { versions, cipherSuites, extensions, proposals, credentials } = leaf.capabilities
  if (!versions.includes(MLS10)) throw invalid('unsupported_version', 'a leaf does not support MLS 1.0') // RFC 9420 §11.1
  if (!cipherSuites.includes(suite.id)) {
    throw invalid('unsupported_cipher_suite', "a leaf does not support the group's cipher suite") // RFC 9420 §11.1
  }
  const credentialType = credentialTypeOf(leaf.credential)
  if (!credentials.includes(credentialType)) {
    throw invalid('credential_not_listed', "a leaf's capabilities lack its own credential type", { credentialType }) // RFC 9420 §7.2
  }
  checkExtensionsDistinct(leaf.extensions) // RFC 9420 §13.4
  for (const { extensionType } of leaf.extensions) {
    if (!isDefaultExtension(extensionType) && !extensions.includes(extensionType)) {
      throw invalid('extension_not_listed', "a leaf's capabilities lack one of its own extensions", { extensionType }) // RFC 9420 §7.3
    }
  }
  requireListed('extension', demands.extensions, extensions) // RFC 9420 §7.3, §13.4
  requireListed('proposal', demands.proposals, proposals) // RFC 9420 §7.3
  requireListed('credential', demands.credentials, credentials) // RFC 9420 §7.3
}

function requireListed(kind: string, demanded: readonly number[], listed: readonly number[]): void {
  const type = demanded.find((value) => !listed.includes(value))
  if (type === undefined) return
  throw invalid('capability_missing', 'a leaf does not support what the group requires', { kind, type })
}

/**
 * The lifetime of a leaf, without the rest of its validation; leaves of updates and commits have none.
 * @throws MlsError `bad_lifetime`, `lifetime_too_long`, `not_yet_valid`, `expired`
 */
export function checkLifetime(leaf: LeafNode, policy: LifetimePolicy): void {
  if (leaf.source.leafNodeSource !== 'key_package') return
  const { notBefore, notAfter } = leaf.source.lifetime
  const { now, lifetimeMaxSeconds } = policy
  if (notAfter < notBefore) throw invalid('bad_lifetime', 'a lifetime ends before it starts') // RFC 9420 §7.2
  if (lifetimeMaxSeconds !== undefined && notAfter - notBefore > lifetimeMaxSeconds) {
    throw invalid('lifetime_too_long', 'a lifetime is longer than the application accepts') // RFC 9420 §7.2
  }
  if (now === undefined) return
  if (now < notBefore) throw invalid('not_yet_valid', "a leaf's lifetime has not begun") // RFC 9420 §7.3
  if (now > notAfter) throw invalid('expired', "a leaf's lifetime is over") // RFC 9420 §7.3
}
