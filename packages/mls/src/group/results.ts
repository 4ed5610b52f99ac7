/**
 * What the steps return. `superseded` always lists secret buffers that the input state holds and the returned states
 * do not: the caller wipes them once it has stored the returned states and dropped the input. Until then the input state
 * works as before. `created` lists those that the returned state of the same epoch holds and the input does not: whoever
 * goes on with the input wipes them instead, and a child with them (`wipeOutcome`).
 */
import type { Commit } from '../wire/commit.ts'
import type { Extension } from '../wire/extension.ts'
import type { AuthenticatedContent, ContentType, Sender } from '../wire/framing.ts'
import type { GroupInfo } from '../wire/group-info.ts'
import type { KeyPackage } from '../wire/key-package.ts'
import type { LeafNode } from '../wire/leaf-node.ts'
import type { MlsMessage } from '../wire/mls-message.ts'
import type { Proposal } from '../wire/proposal.ts'
import type { PreSharedKeyId } from '../wire/psk.ts'
import type { CommitChanges } from './changes.ts'
import type { CachedProposal, GroupState } from './state.ts'

/** A message made in an epoch; the epoch stays. */
export interface Sent {
  readonly state: GroupState
  readonly message: MlsMessage
  readonly superseded: readonly Uint8Array[]
  readonly created: readonly Uint8Array[]
}

export interface SentProposal extends Sent {
  /** ProposalRef, KDF.Nh bytes. */
  readonly reference: Uint8Array
}

/** Why a cached proposal was left out of a commit. */
export type DropReason =
  | 'own_update'
  | 'removes_committer'
  | 'leaf_removed'
  | 'leaf_updated_later'
  | 'leaf_blank'
  | 'duplicate_client'
  | 'client_already_member'
  | 'duplicate_psk'
  | 'psk_not_found'
  | 'duplicate_group_context_extensions'
  | 'reinit_with_others'
  | 'unsupported_proposal_type'
  | 'not_committable'
  | 'invalid'

export interface DroppedProposal {
  readonly proposal: CachedProposal
  readonly reason: DropReason
  /** The code of the error, where `reason` is `invalid`. */
  readonly code?: string
}

export interface CommitCreated {
  /** The epoch that the commit was made in, able to process a rival commit. */
  readonly parent: GroupState
  /** The epoch that the commit begins. */
  readonly child: GroupState
  readonly message: MlsMessage
  /** One Welcome for everyone whom the commit adds; undefined when it adds nobody. */
  readonly welcome: MlsMessage | undefined
  /** A GroupInfo of the child, when it was asked for. */
  readonly groupInfo: MlsMessage | undefined
  readonly commit: Commit
  readonly changes: CommitChanges
  /** Cached proposals that were asked for and left out. */
  readonly dropped: readonly DroppedProposal[]
  readonly superseded: readonly Uint8Array[]
  readonly created: readonly Uint8Array[]
}

export interface ProcessedApplication {
  readonly kind: 'application'
  readonly state: GroupState
  readonly sender: number
  readonly applicationData: Uint8Array
  readonly authenticatedData: Uint8Array
  readonly generation: number
  readonly superseded: readonly Uint8Array[]
  readonly created: readonly Uint8Array[]
}

export interface ProcessedProposal {
  readonly kind: 'proposal'
  readonly state: GroupState
  /** ProposalRef, KDF.Nh bytes. */
  readonly reference: Uint8Array
  readonly proposal: Proposal
  readonly sender: Sender
  readonly authenticatedData: Uint8Array
  readonly superseded: readonly Uint8Array[]
  readonly created: readonly Uint8Array[]
}

export interface ProcessedCommit {
  readonly kind: 'commit'
  /** The epoch that the commit was made in, as it is after the commit started its child. */
  readonly parent: GroupState
  /** Undefined when the commit removes us. */
  readonly child: GroupState | undefined
  /** What the committer signed: its signature has been verified. */
  readonly authenticated: AuthenticatedContent
  readonly sender: Sender
  /** Leaf index of the committer; for an external commit the leaf that it takes. */
  readonly committer: number
  readonly authenticatedData: Uint8Array
  readonly confirmationTag: Uint8Array
  readonly commit: Commit
  readonly changes: CommitChanges
  readonly superseded: readonly Uint8Array[]
  readonly created: readonly Uint8Array[]
}

/** A message of our own leaf came back. For a commit: the child is the one that `createCommit` returned. Nothing changes. */
export interface ProcessedOwn {
  readonly kind: 'own'
  readonly contentType: ContentType
  readonly authenticatedData: Uint8Array
  /**
   * Whether this state remembers making exactly this message: it does for its commits, and for proposals that it sent as
   * PublicMessages. If not, a commit's signature has been verified (it was made from an earlier copy of this state);
   * the sender of other private messages rests on the group's keys alone.
   */
  readonly remembered: boolean
}

export type Processed = ProcessedApplication | ProcessedProposal | ProcessedCommit | ProcessedOwn

export interface Joined {
  readonly state: GroupState
  /** Which of our KeyPackages the Welcome was for; KDF.Nh bytes. */
  readonly keyPackageRef: Uint8Array
  readonly keyPackage: KeyPackage
  /** Who signed the GroupInfo. */
  readonly signer: { readonly leafIndex: number; readonly leafNode: LeafNode }
  readonly groupInfo: GroupInfo
  /** Extensions of the GroupInfo other than the tree. */
  readonly groupInfoExtensions: readonly Extension[]
  readonly psks: readonly PreSharedKeyId[]
}

export interface JoinedExternally {
  readonly state: GroupState
  /** The external commit: a PublicMessage. */
  readonly message: MlsMessage
  readonly commit: Commit
  readonly changes: CommitChanges
  readonly signer: { readonly leafIndex: number; readonly leafNode: LeafNode }
  /** A GroupInfo of the new epoch, when it was asked for. */
  readonly groupInfo: MlsMessage | undefined
}
