/** Joining by a Welcome (RFC 9420 §12.4.3.1). */
import { type CipherSuite, equalBytes } from '@dmls/crypto'
import { invalid, missing } from '../errors.ts'
import { deriveEpochSecret, deriveWelcomeSecret } from '../schedule/key-schedule.ts'
import { interimTranscriptHash, verifyConfirmationTag } from '../schedule/transcript-hash.ts'
import { decryptGroupInfo, decryptGroupSecrets, verifyGroupInfoSignature } from '../schedule/welcome-secrets.ts'
import { pathKeysFromWelcome } from '../tree/path-keys.ts'
import type { RatchetTree } from '../tree/ratchet-tree.ts'
import { groupContextBytes } from '../wire/group-context.ts'
import type { GroupInfo } from '../wire/group-info.ts'
import { type LeafNode, leafNodeBytes } from '../wire/leaf-node.ts'
import type { PreSharedKeyId } from '../wire/psk.ts'
import type { EncryptedGroupSecrets, GroupSecrets, Welcome } from '../wire/welcome.ts'
import { faultOfSender } from './blame.ts'
import { freshState, openEpoch, wipeOpenedEpoch } from './epoch.ts'
import { checkSupportsExtensions, type ExaminedGroupInfo, examineGroupInfo } from './group-info.ts'
import { validateGroupTree } from './group-tree.ts'
import type { JoinOptions, KeyPackageBundle } from './options.ts'
import { pskSecretOf } from './psk.ts'
import type { Joined } from './results.ts'
import type { Services } from './services.ts'
import type { GroupState } from './state.ts'
import { checkJoinedSuccessor, successorPsk } from './succession.ts'

/**
 * The state of the epoch that a Welcome invites to. The KeyPackage's private keys stay the caller's: delete them once
 * the state is stored, unless the KeyPackage is one of last resort.
 * @throws MlsError `no_key_package` (missing), `psk_not_found` (missing), `ratchet_tree_needed` (missing), and one code
 * for each check of §12.4.3.1
 */
export async function joinGroup(options: JoinOptions, services: Services): Promise<Joined> {
  const { suite, welcome } = options
  const { bundle, entry } = findKeyPackage(suite, welcome, options.keyPackages)
  const { encryptedGroupInfo } = welcome
  const secrets = await decryptGroupSecrets(
    suite,
    bundle.initPrivateKey,
    encryptedGroupInfo,
    entry.encryptedGroupSecrets,
  )
  try {
    return await joinWithSecrets(options, services, bundle, secrets)
  } catch (error) {
    throw faultOfSender(error)
  } finally {
    secrets.joinerSecret.fill(0)
    secrets.pathSecret?.fill(0)
  }
}

async function joinWithSecrets(
  options: JoinOptions,
  services: Services,
  bundle: KeyPackageBundle,
  secrets: GroupSecrets,
): Promise<Joined> {
  const { suite, previous } = options
  checkOneSuccessorPsk(secrets.psks)
  const held = previous === undefined ? [] : [previous]
  const pskSecret = await pskSecretOf(suite, secrets.psks, { held, context: undefined, services })
  try {
    const groupInfo = openGroupInfo(suite, options.welcome, secrets, pskSecret)
    const examined = examineGroupInfo(suite, groupInfo, options.ratchetTree, options.isMemberOf)
    const { tree, signer } = examined
    checkSupportsExtensions(bundle.keyPackage.leafNode, groupInfo.groupContext.extensions)
    await Promise.all([
      // first, so that other threads have the leaves' signatures soon
      validateGroupTree(tree, groupInfo.groupContext, services),
      verifyGroupInfoSignature(suite, signer.leafNode.signatureKey, groupInfo),
    ])
    const ownLeaf = findOwnLeaf(tree, bundle.keyPackage.leafNode)
    checkJoinedSuccessor(secrets.psks, groupInfo.groupContext, tree, previous, services)
    const state = await openJoined(options, bundle, secrets, pskSecret, groupInfo, examined, ownLeaf)
    return {
      state,
      keyPackageRef: bundle.reference,
      keyPackage: bundle.keyPackage,
      signer,
      groupInfo,
      groupInfoExtensions: examined.extensions,
      psks: secrets.psks,
    }
  } finally {
    pskSecret.fill(0)
  }
}

function findKeyPackage(
  suite: CipherSuite,
  welcome: Welcome,
  keyPackages: readonly KeyPackageBundle[],
): { readonly bundle: KeyPackageBundle; readonly entry: EncryptedGroupSecrets } {
  for (const entry of welcome.secrets) {
    const bundle = keyPackages.find(({ reference }) => equalBytes(reference, entry.newMember))
    if (bundle === undefined) continue
    // RFC 9420 §12.4.3.1: the cipher suites of the KeyPackage and the Welcome must match
    if (bundle.keyPackage.cipherSuite !== welcome.cipherSuite || welcome.cipherSuite !== suite.id) {
      throw invalid('cipher_suite_mismatch', 'the Welcome is for another cipher suite than our key package')
    }
    return { bundle, entry }
  }
  // RFC 9420 §12.4.3.1: if no such entry exists, return an error
  throw missing('no_key_package', 'the Welcome is for none of our key packages')
}

/** RFC 9420 §12.4.3.1: a PSK of a reinitialisation or a branch is the only one of its kind. */
function checkOneSuccessorPsk(psks: readonly PreSharedKeyId[]): void {
  if (psks.filter((id) => successorPsk([id]) !== undefined).length > 1) {
    throw invalid('bad_psk_usage', 'a Welcome names two keys of a reinitialisation or a branch') // RFC 9420 §12.4.3.1
  }
}

function openGroupInfo(suite: CipherSuite, welcome: Welcome, secrets: GroupSecrets, pskSecret: Uint8Array): GroupInfo {
  const welcomeSecret = deriveWelcomeSecret(suite, secrets.joinerSecret, pskSecret)
  try {
    return decryptGroupInfo(suite, welcomeSecret, welcome.encryptedGroupInfo)
  } finally {
    welcomeSecret.fill(0)
  }
}

function findOwnLeaf(tree: RatchetTree, leafNode: LeafNode): number {
  const leafIndex = tree.findLeafByEncryptionKey(leafNode.encryptionKey)
  const found = leafIndex === undefined ? undefined : tree.leaf(leafIndex)
  if (leafIndex === undefined || found === undefined || !equalBytes(leafNodeBytes(found), leafNodeBytes(leafNode))) {
    throw invalid('not_in_tree', 'no leaf of the tree is the one of our key package') // RFC 9420 §12.4.3.1
  }
  return leafIndex
}

async function openJoined(
  options: JoinOptions,
  bundle: KeyPackageBundle,
  secrets: GroupSecrets,
  pskSecret: Uint8Array,
  groupInfo: GroupInfo,
  { tree, signer }: ExaminedGroupInfo,
  ownLeaf: number,
): Promise<GroupState> {
  const { suite, profile } = options
  const { groupContext: context, confirmationTag } = groupInfo
  const contextBytes = groupContextBytes(context)
  const { encryptionPrivateKey } = bundle
  const keys = await pathKeysFromWelcome(
    suite,
    tree,
    signer.leafIndex,
    ownLeaf,
    encryptionPrivateKey,
    secrets.pathSecret,
  )
  const epochSecret = deriveEpochSecret(suite, secrets.joinerSecret, pskSecret, contextBytes)
  const opened = openEpoch(profile, suite, epochSecret, context, tree.leafCount)
  const confirmed = context.confirmedTranscriptHash
  try {
    // RFC 9420 §12.4.3.1: verify the confirmation tag in the GroupInfo
    verifyConfirmationTag(suite, opened.secrets.confirmationKey, confirmed, confirmationTag)
  } catch (error) {
    wipeOpenedEpoch(opened)
    for (const key of keys.values()) key.fill(0)
    throw error
  }
  const interim = interimTranscriptHash(suite, confirmed, confirmationTag)
  const parts = { profile, suite, context, contextBytes, tree, ownLeaf, keys, confirmationTag, reinit: undefined }
  return freshState({ ...parts, interimTranscriptHash: interim }, opened)
}
