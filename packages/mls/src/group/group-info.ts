/**
 * GroupInfo (RFC 9420 §12.4.3): what a newcomer learns about an epoch, made by a member and checked by the newcomer. The
 * tree itself: `tree/tree-validation.ts`.
 */
import type { CipherSuite, RandomSource, Signer } from '@dmls/crypto'
import { invalid, missing, usage } from '../errors.ts'
import { deriveExternalKeyPair } from '../schedule/key-schedule.ts'
import { signGroupInfo } from '../schedule/welcome-secrets.ts'
import { RatchetTree } from '../tree/ratchet-tree.ts'
import { decodeRatchetTreeBytes, ratchetTreeBytes } from '../tree/ratchet-tree-extension.ts'
import { checkExtensionsDistinct, isDefaultExtension } from '../tree/required-capabilities.ts'
import { type Extension, findExtension } from '../wire/extension.ts'
import type { GroupInfo } from '../wire/group-info.ts'
import type { LeafNode } from '../wire/leaf-node.ts'
import type { MlsMessage } from '../wire/mls-message.ts'
import { ExtensionType, MLS10 } from '../wire/registry.ts'
import { greaseExtension } from './capabilities.ts'
import { externalPubExtension } from './extensions.ts'
import { checkMaySend, checkSigner } from './frame.ts'
import type { GroupInfoOptions } from './options.ts'
import type { GroupState } from './state.ts'

/** The parts of a state that a GroupInfo is about. */
type Described = Pick<GroupState, 'suite' | 'context' | 'tree' | 'confirmationTag' | 'ownLeaf' | 'secrets'>

/** A GroupInfo of an epoch, signed with the key of our leaf in it. */
export async function signedGroupInfo(
  state: Described,
  signer: Signer,
  options: GroupInfoOptions,
  random: RandomSource,
): Promise<GroupInfo> {
  const extensions: Extension[] = [...(options.extensions ?? [])]
  if (options.ratchetTree !== 'separate') {
    extensions.push({ extensionType: ExtensionType.ratchetTree, extensionData: ratchetTreeBytes(state.tree) })
  }
  if (options.externalPub === 'included') {
    const keys = await deriveExternalKeyPair(state.suite, state.secrets.externalSecret)
    keys.privateKey.fill(0)
    extensions.push(externalPubExtension(keys.publicKey))
  }
  checkExtensionsDistinct(extensions)
  if (options.grease !== 'omit') {
    const grease = greaseExtension(random)
    if (findExtension(extensions, grease.extensionType) === undefined) extensions.push(grease)
  }
  const { context: groupContext, confirmationTag, ownLeaf: leafIndex } = state
  return signGroupInfo(signer, { groupContext, extensions, confirmationTag, signer: leafIndex })
}

/**
 * A GroupInfo of the state's epoch, for instance for external joiners (`externalPub: 'included'`).
 * @throws MlsError `wrong_signer`, `group_reinitialized`, `duplicate_extension`
 */
export async function createGroupInfo(
  state: GroupState,
  options: GroupInfoOptions & { readonly signer: Signer },
  services: { readonly random: RandomSource },
): Promise<MlsMessage> {
  checkMaySend(state)
  checkSigner(state, options.signer)
  const groupInfo = await signedGroupInfo(state, options.signer, options, services.random)
  return { wireFormat: 'mls_group_info', groupInfo }
}

export interface ExaminedGroupInfo {
  readonly tree: RatchetTree
  readonly signer: { readonly leafIndex: number; readonly leafNode: LeafNode }
  /** Extensions of the GroupInfo other than the tree. */
  readonly extensions: readonly Extension[]
}

/**
 * Looks at a GroupInfo before anything is derived: version, suite, extensions, and the tree that belongs to it. Its
 * signature and the tree, its hash included, are checked next, by the caller.
 * @throws MlsError
 */
export function examineGroupInfo(
  suite: CipherSuite,
  groupInfo: GroupInfo,
  ratchetTree: RatchetTree | Uint8Array | undefined,
  isMemberOf: ((groupId: Uint8Array) => boolean) | undefined,
): ExaminedGroupInfo {
  const { groupContext, extensions, signer: leafIndex } = groupInfo
  if (groupContext.version !== MLS10) throw invalid('unsupported_version', 'the group is not of MLS 1.0')
  if (groupContext.cipherSuite !== suite.id) {
    throw invalid('cipher_suite_mismatch', 'the group has another cipher suite') // RFC 9420 §12.4.3.1
  }
  checkExtensionsDistinct(extensions) // RFC 9420 §13.4: no type twice
  if (isMemberOf?.(groupContext.groupId) === true) {
    throw invalid('already_member', 'we are in a group with this id') // RFC 9420 §12.4.3: group_id is unique
  }
  const tree = treeOf(suite, extensions, ratchetTree)
  const leafNode = tree.leaf(leafIndex)
  // RFC 9420 §12.4.3.1: if the signer's node is blank, return an error
  if (leafNode === undefined) throw invalid('blank_signer', 'the GroupInfo is signed by a blank leaf')
  const others = extensions.filter((extension) => extension.extensionType !== ExtensionType.ratchetTree)
  return { tree, signer: { leafIndex, leafNode }, extensions: others }
}

function treeOf(
  suite: CipherSuite,
  extensions: readonly Extension[],
  given: RatchetTree | Uint8Array | undefined,
): RatchetTree {
  const included = findExtension(extensions, ExtensionType.ratchetTree)
  if (included !== undefined) return decodeRatchetTreeBytes(suite, included)
  if (given === undefined) throw missing('ratchet_tree_needed', 'the GroupInfo carries no tree and none was given')
  if (given instanceof RatchetTree) {
    if (given.suite !== suite) throw usage('suite_mismatch', 'the tree is of another cipher suite object')
    return given
  }
  return decodeRatchetTreeBytes(suite, given)
}

/**
 * A joiner must support every extension of the group (RFC 9420 §13.4).
 * @throws MlsError `unsupported_extension`
 */
export function checkSupportsExtensions(leaf: LeafNode, extensions: readonly Extension[]): void {
  for (const { extensionType } of extensions) {
    // RFC 9420 §13.4, §12.4.3: extensions of the GroupContext MUST be supported by the joiner
    if (!isDefaultExtension(extensionType) && !leaf.capabilities.extensions.includes(extensionType)) {
      throw invalid('unsupported_extension', 'the group uses an extension that our leaf does not list', {
        extensionType,
      })
    }
  }
}
