/**
 * RFC 9420 §12.3: what a valid list of proposals does to the tree and to the GroupContext's extensions. PSKs, the
 * ExternalInit and the ReInit are only noted. The order in which proposals stand in the commit matters for additions
 * and PSKs alone.
 */
import type { CipherSuite } from '@dmls/crypto'
import type { RatchetTree } from '../../tree/ratchet-tree.ts'
import type { Extension } from '../../wire/extension.ts'
import type { GroupContext } from '../../wire/group-context.ts'
import type { LeafNode } from '../../wire/leaf-node.ts'
import type { Proposal } from '../../wire/proposal.ts'
import type { PreSharedKeyId } from '../../wire/psk.ts'
import { appDataDictionaryOf, withComponentData, withDictionary } from '../app-data.ts'
import { askApplication } from '../ask-application.ts'
import type { AddedMember, CommittedProposal, RemovedMember, UpdatedMember } from '../changes.ts'
import { referenceOf } from '../key-package.ts'
import type { GroupPolicy } from '../services.ts'
import type { ReinitParameters } from '../state.ts'
import { senderLeaf } from './list-rules.ts'

export interface Applied {
  /** With updates, removals and additions; an external joiner is not in it yet. */
  readonly tree: RatchetTree
  /** With updates and removals only: those who were there before and stay. */
  readonly survivors: RatchetTree
  readonly extensions: readonly Extension[]
  readonly extensionsChanged: boolean
  readonly added: readonly AddedMember[]
  readonly removed: readonly RemovedMember[]
  readonly updated: readonly UpdatedMember[]
  readonly psks: readonly PreSharedKeyId[]
  readonly externalInit: Uint8Array | undefined
  readonly reinit: ReinitParameters | undefined
  readonly proposals: readonly CommittedProposal[]
}

type ProposalOf<T extends Proposal['proposalType']> = Extract<Proposal, { proposalType: T }>
interface Entry<T extends Proposal['proposalType']> extends CommittedProposal {
  readonly proposal: ProposalOf<T>
}

/** The proposals of one type, in the commit's order. */
function ofType<T extends Proposal['proposalType']>(proposals: readonly CommittedProposal[], type: T): Entry<T>[] {
  return proposals.filter((entry): entry is Entry<T> => entry.proposal.proposalType === type)
}

/** @throws MlsError if an application component refuses its updates. The list has passed §12.2. */
export function applyProposals(
  scene: {
    readonly suite: CipherSuite
    readonly context: GroupContext
    readonly tree: RatchetTree
    readonly policy: GroupPolicy
  },
  proposals: readonly CommittedProposal[],
  cause: 'commit' | 'external_commit',
): Applied {
  if (proposals.length === 0) return nothingApplied(scene)
  const updated = ofType(proposals, 'update').map((entry): UpdatedMember => {
    const leafIndex = senderLeaf(entry)
    return { leafIndex, previous: leafOf(scene.tree, leafIndex), leafNode: entry.proposal.leafNode }
  })
  const removed = removals(scene.tree, proposals, cause)
  // RFC 9420 §12.3: updates, then removals, then additions
  const survivors = scene.tree.updateLeaves(updated).removeLeaves(removed.map((member) => member.leafIndex))
  const adds = ofType(proposals, 'add')
  const { tree, leafIndices } = survivors.addLeaves(adds.map((entry) => entry.proposal.keyPackage.leafNode))
  const added = adds.map(({ proposal: { keyPackage }, sender }, i): AddedMember => {
    const reference = referenceOf(scene.suite, keyPackage)
    return { leafIndex: leafIndices[i] as number, keyPackageRef: reference, keyPackage, proposedBy: sender }
  })
  const extensions = nextExtensions(scene.context.extensions, proposals, scene.policy)
  const [reinit] = ofType(proposals, 'reinit')
  return {
    tree,
    survivors,
    extensions,
    extensionsChanged: extensions !== scene.context.extensions,
    added,
    removed,
    updated,
    psks: ofType(proposals, 'psk').map((entry) => entry.proposal.psk),
    externalInit: ofType(proposals, 'external_init')[0]?.proposal.kemOutput,
    reinit: reinit === undefined ? undefined : reinitParameters(reinit.proposal),
    proposals,
  }
}

function nothingApplied({ tree, context }: { readonly tree: RatchetTree; readonly context: GroupContext }): Applied {
  return {
    tree,
    survivors: tree,
    extensions: context.extensions,
    extensionsChanged: false,
    added: [],
    removed: [],
    updated: [],
    psks: [],
    externalInit: undefined,
    reinit: undefined,
    proposals: [],
  }
}

/** The leaf that a proposal is about: §12.2 has made sure that it is there. */
function leafOf(tree: RatchetTree, leafIndex: number): LeafNode {
  return tree.leaf(leafIndex) as LeafNode
}

function removals(
  tree: RatchetTree,
  proposals: readonly CommittedProposal[],
  cause: 'commit' | 'external_commit',
): RemovedMember[] {
  const removed: RemovedMember[] = []
  for (const entry of proposals) {
    const { proposal, sender } = entry
    if (proposal.proposalType === 'remove') {
      const leafNode = leafOf(tree, proposal.removed)
      const how = cause === 'external_commit' ? 'resync' : 'remove'
      removed.push({ leafIndex: proposal.removed, leafNode, cause: how, proposedBy: sender })
    } else if (proposal.proposalType === 'self_remove') {
      const leafIndex = senderLeaf(entry)
      removed.push({ leafIndex, leafNode: leafOf(tree, leafIndex), cause: 'self_remove', proposedBy: sender })
    }
  }
  return removed
}

function reinitParameters(proposal: ProposalOf<'reinit'>): ReinitParameters {
  const { groupId, version, cipherSuite, extensions } = proposal
  return { groupId, version, cipherSuite, extensions }
}

/** The child's GroupContext extensions: replaced as a whole, then the components' updates (MLS extensions draft). */
function nextExtensions(
  current: readonly Extension[],
  proposals: readonly CommittedProposal[],
  policy: GroupPolicy,
): readonly Extension[] {
  const [replacement] = ofType(proposals, 'group_context_extensions')
  const replaced = replacement?.proposal.extensions ?? current
  const changes = ofType(proposals, 'app_data_update').map((entry) => entry.proposal)
  return changes.length === 0 ? replaced : withAppData(replaced, changes, policy)
}

function withAppData(
  extensions: readonly Extension[],
  changes: readonly ProposalOf<'app_data_update'>[],
  policy: GroupPolicy,
): readonly Extension[] {
  let dictionary = appDataDictionaryOf(extensions)
  for (const componentId of new Set(changes.map((change) => change.componentId))) {
    const current = dictionary.find((entry) => entry.componentId === componentId)?.data
    const updates = changes.flatMap((change) =>
      change.componentId === componentId && change.update !== undefined ? [change.update] : [],
    )
    const component = policy.appComponents.get(componentId)
    const data = updates.length === 0 ? undefined : askApplication(() => component?.update?.(current, updates))
    dictionary = withComponentData(dictionary, componentId, data)
  }
  return withDictionary(extensions, dictionary)
}
