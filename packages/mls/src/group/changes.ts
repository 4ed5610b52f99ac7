/** What one commit changes: the summary that a caller gets without looking into proposals. */
import type { Extension } from '../wire/extension.ts'
import type { Sender } from '../wire/framing.ts'
import type { KeyPackage } from '../wire/key-package.ts'
import type { LeafNode } from '../wire/leaf-node.ts'
import type { Proposal } from '../wire/proposal.ts'
import type { PreSharedKeyId } from '../wire/psk.ts'
import type { ReinitParameters } from './state.ts'

/** A proposal as a commit applies it: with its author, and its ProposalRef if it was committed by reference. */
export interface CommittedProposal {
  readonly proposal: Proposal
  readonly sender: Sender
  /** KDF.Nh bytes; undefined for a proposal by value. */
  readonly reference: Uint8Array | undefined
}

export interface AddedMember {
  /** Where the new member sits in the child epoch. */
  readonly leafIndex: number
  /** KDF.Nh bytes. */
  readonly keyPackageRef: Uint8Array
  readonly keyPackage: KeyPackage
  readonly proposedBy: Sender
}

export interface RemovedMember {
  /** Where the member sat in the parent epoch. */
  readonly leafIndex: number
  readonly leafNode: LeafNode
  /** `resync`: the leaf's owner replaces it by an external commit. */
  readonly cause: 'remove' | 'self_remove' | 'resync'
  readonly proposedBy: Sender
}

export interface UpdatedMember {
  readonly leafIndex: number
  readonly previous: LeafNode
  readonly leafNode: LeafNode
}

export interface CommitChanges {
  readonly added: readonly AddedMember[]
  readonly removed: readonly RemovedMember[]
  /** Members other than the committer whose Update was committed. */
  readonly updated: readonly UpdatedMember[]
  /**
   * The committer's leaf in the child epoch, if the commit carries a path. `previous` is undefined for one who joins by
   * an external commit.
   */
  readonly committerLeaf:
    | { readonly leafIndex: number; readonly previous: LeafNode | undefined; readonly leafNode: LeafNode }
    | undefined
  /** The child's GroupContext extensions, if a proposal replaced them. */
  readonly extensions: readonly Extension[] | undefined
  readonly extensionsChanged: boolean
  readonly psks: readonly PreSharedKeyId[]
  readonly reinit: ReinitParameters | undefined
  /** Every proposal, in the commit's order, the unknown types included. */
  readonly proposals: readonly CommittedProposal[]
}
