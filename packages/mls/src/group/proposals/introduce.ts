/**
 * What is checked once about a proposal, when it enters the group: signatures inside it and new credentials (RFC 9420
 * §12.1, §5.3.1). Nothing here depends on what else will be committed; that is checked with the commit.
 */
import type { CipherSuite } from '@dmls/crypto'
import { beginVerifying } from '../../bulk-verification.ts'
import { validateLeafNode } from '../../tree/leaf-node-validation.ts'
import type { RatchetTree } from '../../tree/ratchet-tree.ts'
import type { GroupContext } from '../../wire/group-context.ts'
import type { CommittedProposal } from '../changes.ts'
import { authenticateExternalSenders, leafAuthenticator } from '../credentials.ts'
import { validateKeyPackage } from '../key-package.ts'
import { policyOf } from '../policy.ts'
import type { Services } from '../services.ts'
import { senderLeaf } from './list-rules.ts'

interface Scene {
  readonly suite: CipherSuite
  readonly context: GroupContext
  readonly tree: RatchetTree
}

/** Of many proposals, watched as `services` says. @throws MlsError like {@link introduceProposal}; an abort's reason */
export async function introduceProposals(
  scene: Scene,
  entries: readonly CommittedProposal[],
  services: Services,
  direction: 'sent' | 'received',
): Promise<void> {
  if (entries.length === 0) return
  const introduce = (entry: CommittedProposal): Promise<void> => introduceProposal(scene, entry, services, direction)
  await beginVerifying(entries, introduce, services, scene.suite.verificationsAtOnce)()
}

/** @throws MlsError if a signature in the proposal is bad or the Authentication Service refuses a credential */
export async function introduceProposal(
  scene: Scene,
  entry: CommittedProposal,
  services: Services,
  direction: 'sent' | 'received',
): Promise<void> {
  const { suite, context, tree } = scene
  const { proposal } = entry
  switch (proposal.proposalType) {
    case 'add': {
      const { sentLifetimes, receivedLifetimes } = policyOf(services)
      const checked = (direction === 'sent' ? sentLifetimes : receivedLifetimes) !== 'ignore'
      await validateKeyPackage(suite, proposal.keyPackage, services, {
        group: { groupId: context.groupId, extensions: [] },
        occasion: 'add',
        lifetime: checked ? 'check' : 'ignore',
      }) // RFC 9420 §12.1.1: the KeyPackage must be valid
      return
    }
    case 'update': {
      const leafIndex = senderLeaf(entry)
      const replaced = tree.leaf(leafIndex)
      await validateLeafNode(suite, proposal.leafNode, {
        source: 'update', // RFC 9420 §7.3, §12.1.2: leaf_node_source is update
        position: { groupId: context.groupId, leafIndex },
        groupExtensions: [],
        replaced,
        authenticate: leafAuthenticator(services, 'update', context.groupId),
      })
      return
    }
    case 'group_context_extensions':
      await authenticateExternalSenders(services, context.groupId, proposal.extensions, context.extensions)
      return
    case 'remove':
    case 'psk':
    case 'reinit':
    case 'external_init':
    case 'self_remove':
    case 'app_data_update':
    case 'app_ephemeral':
    case 'custom':
  }
}
