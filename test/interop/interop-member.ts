/**
 * One member of a group as an application sees it, whichever implementation runs inside: everything that crosses this
 * interface is encoded as RFC 9420 has it on the wire, so that what agrees here agrees between machines.
 *
 * Two implementations: `our-member.ts` (`@dmls/mls`) and `ts-mls/peer-member.ts`.
 */
import type { Extension } from '@dmls/mls'

export type Implementation = 'ours' | 'ts-mls'

/** An external PSK by its id, or the resumption_psk of a group's epoch (RFC 9420 §8.4, usage `application`). */
export type PskName =
  | { readonly pskType: 'external'; readonly pskId: Uint8Array }
  | { readonly pskType: 'resumption'; readonly groupId: Uint8Array; readonly epoch: bigint }

/** What a proposal says; the implementation makes keys and nonces. */
export type ProposalRequest =
  /** `keyPackage`: an MLSMessage. */
  | { readonly type: 'add'; readonly keyPackage: Uint8Array }
  | { readonly type: 'remove'; readonly leafIndex: number }
  | { readonly type: 'psk'; readonly psk: PskName }
  | { readonly type: 'group_context_extensions'; readonly extensions: readonly Extension[] }
  | {
      readonly type: 'reinit'
      readonly groupId: Uint8Array
      readonly cipherSuite: number
      readonly extensions: readonly Extension[]
    }

/** `public`: PublicMessage, `private`: PrivateMessage. */
export type Framing = 'public' | 'private'

/** Whether a GroupInfo carries the `ratchet_tree` extension. */
export type TreeDelivery = 'included' | 'separate'

export interface CommitRequest {
  /** By value. Every proposal that the committer has seen in this epoch is besides committed by reference. */
  readonly proposals?: readonly ProposalRequest[]
  readonly framing?: Framing
  /** Of the Welcome's GroupInfo. Default: `included`. */
  readonly tree?: TreeDelivery
}

/** A commit that counts once `take` is called; until then, and after `drop`, its maker stays in the old epoch. */
export interface CommitMade {
  /** MLSMessage. */
  readonly commit: Uint8Array
  /** MLSMessage; undefined if the commit adds nobody. */
  readonly welcome: Uint8Array | undefined
  /** How those who are added get the tree. */
  readonly tree: TreeDelivery
  /** Of the new epoch, as in the `ratchet_tree` extension. */
  readonly ratchetTree: Uint8Array
  take(): void
  drop(): void
}

export interface GroupInfoRequest {
  readonly tree: TreeDelivery
}

export interface ExternalJoin {
  /** MLSMessage with an `external_pub`. */
  readonly groupInfo: Uint8Array
  readonly ratchetTree?: Uint8Array | undefined
}

/** A new group that continues the one before (RFC 9420 §11.2, §11.3). */
export interface SuccessorRequest {
  readonly groupId: Uint8Array
  readonly extensions: readonly Extension[]
  /** MLSMessages. */
  readonly keyPackages: readonly Uint8Array[]
  readonly tree?: TreeDelivery
}

export type Heard =
  | { readonly kind: 'application'; readonly data: Uint8Array }
  | { readonly kind: 'proposal' }
  | { readonly kind: 'commit' }
  /** A commit that removes us: there is no state any more. */
  | { readonly kind: 'removed' }

/** What all members of an epoch must have in common. */
export interface EpochView {
  readonly epoch: bigint
  /** Encoded: group id, tree hash, transcript hash and extensions are in it. */
  readonly groupContext: Uint8Array
  readonly epochAuthenticator: Uint8Array
  /** MLS-Exporter("interop", "context", 32). */
  readonly exported: Uint8Array
  readonly resumptionPsk: Uint8Array
  readonly ratchetTree: Uint8Array
}

export interface InteropMember {
  readonly implementation: Implementation
  readonly name: string
  /** In the current epoch. */
  readonly leafIndex: number

  /** A fresh KeyPackage in an MLSMessage; its private keys wait here for the Welcome. */
  keyPackage(): Promise<Uint8Array>
  create(groupId: Uint8Array, extensions: readonly Extension[]): Promise<void>
  join(welcome: Uint8Array, ratchetTree: Uint8Array | undefined): Promise<void>
  /** Joins by an external commit and returns it, a PublicMessage. Who is a member already removes its old leaf ("resync"). */
  joinExternally(request: ExternalJoin): Promise<Uint8Array>
  /** An Add of itself by one who is no member yet (§12.1.8), for the group of a GroupInfo. */
  proposeItself(groupInfo: Uint8Array): Promise<Uint8Array>
  /** With the key for external commits. */
  groupInfo(request: GroupInfoRequest): Promise<Uint8Array>

  propose(proposal: ProposalRequest, framing: Framing): Promise<Uint8Array>
  /** An Update with a new encryption key. */
  proposeUpdate(framing: Framing): Promise<Uint8Array>
  commit(request: CommitRequest): Promise<CommitMade>
  send(data: Uint8Array): Promise<Uint8Array>
  receive(message: Uint8Array): Promise<Heard>

  view(): Promise<EpochView>
  /** Gives the member a pre-shared key of this or another group. */
  learnPsk(psk: PskName, secret: Uint8Array): void

  /** The same person with fresh keys, perhaps of another suite, for a group that continues this one. */
  successor(cipherSuite: number): Promise<InteropMember>
  /** The first commit of the group that a ReInit announced; called on a {@link successor}. */
  recreate(request: SuccessorRequest): Promise<CommitMade>
  /** The first commit of a group of some of the old members; called on a {@link successor}. */
  branch(request: SuccessorRequest): Promise<CommitMade>
}
