/** Beginning a group of one (RFC 9420 §11). */
import { confirmationTag, interimTranscriptHash } from '../schedule/transcript-hash.ts'
import { checkGroupRequirements } from '../tree/group-requirements.ts'
import { RatchetTree } from '../tree/ratchet-tree.ts'
import { leafToNode } from '../tree/tree-math.ts'
import { type GroupContext, groupContextBytes } from '../wire/group-context.ts'
import { MLS10 } from '../wire/registry.ts'
import { authenticateExternalSenders } from './credentials.ts'
import { freshState, openEpoch } from './epoch.ts'
import { createKeyPackageLeaf } from './key-package.ts'
import type { CreateGroupOptions } from './options.ts'
import type { Services } from './services.ts'
import type { GroupState } from './state.ts'

/**
 * Epoch 0 of a new group, whose only member we are. Others join by a commit that adds them.
 * @throws MlsError `capability_missing` where our leaf does not support what the group's extensions demand
 */
export async function createGroup(
  options: CreateGroupOptions,
  services: Pick<Services, 'random' | 'now' | 'authenticate'>,
): Promise<GroupState> {
  const { profile, suite, signer, lifetime } = options
  const extensions = options.extensions ?? []
  const groupId = options.groupId.slice()
  const grease = options.grease === undefined ? {} : { grease: options.grease }
  const leaf = { ...options.leaf, ...grease, suite, signer, lifetime }
  const { leafNode, encryptionPrivateKey } = await createKeyPackageLeaf(leaf, extensions, services.random)
  const { tree, leafIndex: ownLeaf } = RatchetTree.empty(suite).addLeaf(leafNode)
  checkGroupRequirements(tree, extensions)
  await authenticateExternalSenders(services, groupId, extensions, [])
  const context: GroupContext = {
    version: MLS10,
    cipherSuite: suite.id,
    groupId,
    epoch: 0n,
    treeHash: tree.treeHash(),
    confirmedTranscriptHash: new Uint8Array(0),
    extensions,
  }
  const epochSecret = services.random(suite.hashSize)
  const opened = openEpoch(profile, suite, epochSecret, context, tree.leafCount)
  // RFC 9420 §11: the first epoch's tag and interim hash are computed as if a commit had led to it
  const tag = confirmationTag(suite, opened.secrets.confirmationKey, context.confirmedTranscriptHash)
  const parts = {
    profile,
    suite,
    context,
    contextBytes: groupContextBytes(context),
    tree,
    ownLeaf,
    keys: new Map([[leafToNode(ownLeaf), encryptionPrivateKey]]),
    interimTranscriptHash: interimTranscriptHash(suite, context.confirmedTranscriptHash, tag),
    confirmationTag: tag,
    reinit: undefined,
  }
  return freshState(parts, opened)
}
