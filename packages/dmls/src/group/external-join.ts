/**
 * Joining by an external commit, where the group's policy allows it (protocol §2): a GroupInfo for whoever may join, the
 * newcomer's commit, and what members make of it. The commit carries a KeyPackage of the newcomer, so that a merge can
 * add it again to a branch that does not have it; the KeyPackageRef names the instance.
 *
 * It costs forward secrecy: whoever later steals a retained epoch can recompute the epochs that were entered like this.
 */
import { type CipherSuite, equalBytes, type Signer } from '@dmls/crypto'
import {
  type CommitChanges,
  createGroupInfo,
  decodeKeyPackage,
  decodeWhole,
  type Extension,
  findExtension,
  type GroupInfo,
  type GroupState,
  invalid,
  joinExternally,
  type KeyPackage,
  keyPackageBytes,
  type LeafOptions,
  MlsError,
  type MlsMessage,
  type ProcessedCommit,
  type Profile,
  referenceOf,
  usage,
  validateKeyPackage,
  wipeGroupState,
} from '@dmls/mls'
import type { EpochFacts } from '../dag/epoch-facts.ts'
import { type DmlsEpoch, dmlsEpoch, type InstanceId, identifierBytes, instanceId } from '../dag/identifiers.ts'
import { encodeAuthenticatedData } from '../message/authenticated-data.ts'
import { DMLS_EPOCH_EXTENSION, DMLS_ROSTER_EXTENSION, decodeRosterExtension } from '../message/group-policy.ts'
import { beginHistory, rootFacts } from './first-epoch.ts'
import { headGroup, heldEpoch } from './lookup.ts'
import { mlsServices } from './mls-services.ts'
import { dmlsMessageBytes, ownSignatureKey } from './outgoing.ts'
import { checkRuleGiven, policyAt } from './policy.ts'
import { rosterExtension } from './roster-extension.ts'
import type { DmlsGroupState, DmlsServices, Step } from './state.ts'

/**
 * A GroupInfo of the chosen epoch with which others may join, as an MLSMessage.
 * @throws MlsError `usage`/`external_commits_refused` unless the group's policy allows it
 */
export async function createJoinInfo(state: DmlsGroupState, services: DmlsServices): Promise<MlsMessage> {
  if (policyAt(state, state.head).externalCommits !== 'allowed') {
    throw usage('external_commits_refused', 'the policy of the group lets nobody join by itself')
  }
  const signer = services.signerFor(ownSignatureKey(heldEpoch(state, state.head)))
  const roster = rosterExtension(state, state.head, { added: [], removed: [] })
  const name: Extension = { extensionType: DMLS_EPOCH_EXTENSION, extensionData: identifierBytes(state.head) }
  return createGroupInfo(headGroup(state), { signer, externalPub: 'included', extensions: [roster, name] }, services)
}

export interface ExternalJoin extends LeafOptions {
  readonly profile: Profile
  readonly suite: CipherSuite
  readonly groupInfo: GroupInfo
  /** Of the leaf and of the key package. */
  readonly signer: Signer
  /** A key package of ours with that signer: its reference names our instance. */
  readonly keyPackage: KeyPackage
}

/**
 * The group as a newcomer sees it that let itself in, and the commit to publish.
 * @throws MlsError `invalid` `bad_roster`, `missing` `no_admin_rule`
 */
export async function joinDmlsGroupExternally(
  options: ExternalJoin,
  services: DmlsServices,
): Promise<Step & { readonly wire: Uint8Array; readonly epoch: DmlsEpoch }> {
  const { suite, groupInfo, keyPackage } = options
  checkRuleGiven(groupInfo.groupContext.extensions, services)
  const parent = findExtension(groupInfo.extensions, DMLS_EPOCH_EXTENSION)
  const roster = findExtension(groupInfo.extensions, DMLS_ROSTER_EXTENSION)
  if (parent === undefined || roster === undefined) {
    throw invalid('bad_roster', 'the GroupInfo does not say where it belongs and who is in it')
  }
  const counter = 1n
  const application = keyPackageBytes(keyPackage)
  const joined = await joinExternally(
    { ...options, authenticatedData: encodeAuthenticatedData({ counter, resolves: [], application }) },
    mlsServices(services),
  )
  const { state: group } = joined
  const self = instanceId(referenceOf(suite, keyPackage))
  const root = rootOf(group, roster, self, services)
  return {
    ...beginHistory({ profile: options.profile, group, root, self, counter, keyPackage }),
    wire: dmlsMessageBytes(joined.message, dmlsEpoch(parent)),
    epoch: root.id,
  }
}

function rootOf(group: GroupState, roster: Uint8Array, self: InstanceId, services: DmlsServices): EpochFacts {
  try {
    const others = decodeRosterExtension(roster).map(({ leafIndex, instance }) => ({ leafIndex, instance }))
    return rootFacts(group, [...others, { leafIndex: group.ownLeaf, instance: self, isNew: true }], services)
  } catch (error) {
    wipeGroupState(group)
    throw error
  }
}

/** Who let itself in by a commit, as an addition; undefined for a commit of a member. */
export interface Newcomer {
  readonly instance: InstanceId
  readonly changes: CommitChanges
}

/**
 * @throws MlsError `invalid`: `no_key_package` without a readable one, `key_package_mismatch` when it is not the
 * committer's, and what a bad KeyPackage is refused with
 */
export async function newcomerOf(
  state: DmlsGroupState,
  processed: ProcessedCommit,
  application: Uint8Array,
  services: DmlsServices,
): Promise<Newcomer | undefined> {
  if (processed.sender.senderType !== 'new_member_commit') return undefined
  const { changes } = processed
  const keyPackage = readKeyPackage(application)
  const own = changes.committerLeaf?.leafNode
  if (own === undefined || !equalBytes(own.signatureKey, keyPackage.leafNode.signatureKey)) {
    throw invalid('key_package_mismatch', 'the key package of an external commit has another signature key')
  }
  await validateKeyPackage(state.suite, keyPackage, mlsServices(services), { occasion: 'add', lifetime: 'ignore' })
  const keyPackageRef = referenceOf(state.suite, keyPackage)
  const added = { leafIndex: processed.committer, keyPackageRef, keyPackage, proposedBy: processed.sender }
  return { instance: instanceId(keyPackageRef), changes: { ...changes, added: [...changes.added, added] } }
}

function readKeyPackage(bytes: Uint8Array): KeyPackage {
  try {
    return decodeWhole(bytes, decodeKeyPackage)
  } catch (error) {
    if (!(error instanceof MlsError)) throw error
    throw invalid('no_key_package', 'an external commit carries no key package of its author')
  }
}
