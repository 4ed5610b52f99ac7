/**
 * What the group state machine asks of its caller: randomness, the time, the Authentication Service, pre-shared keys
 * and the application's policy. All are passed with each step, none is kept.
 */
import type { RandomSource } from '@dmls/crypto'
import type { Watch } from '../bulk-verification.ts'
import type { SecretTreeLimits } from '../schedule/secret-tree.ts'
import type { Credential } from '../wire/credential.ts'
import type { Sender } from '../wire/framing.ts'
import type { GroupContext } from '../wire/group-context.ts'
import type { Psk } from '../wire/psk.ts'
import type { CommitChanges } from './changes.ts'
import type { AppComponent, CustomProposalRule } from './proposals/custom.ts'

/** Where a credential comes from (RFC 9420 §5.3.1 lists the events at which one is validated). */
export type CredentialOccasion = 'key_package' | 'tree' | 'add' | 'update' | 'commit' | 'external_sender'

/** A credential that is new to a group. */
export interface CredentialClaim {
  readonly occasion: CredentialOccasion
  readonly credential: Credential
  readonly signatureKey: Uint8Array
  /** The time of the step, seconds since the Unix epoch. */
  readonly now: bigint
  /** Undefined for a KeyPackage that is validated outside a group. */
  readonly groupId: Uint8Array | undefined
  /** The credential that it replaces: it must be a valid successor of this one. */
  readonly previous: { readonly credential: Credential; readonly signatureKey: Uint8Array } | undefined
}

/** The Authentication Service. Resolves if the claim is accepted; throws or rejects to refuse it. */
export type Authenticate = (claim: CredentialClaim) => Promise<void>

/** A pre-shared key that is needed: an external one by its id, or the resumption_psk of a group and epoch. */
export interface PskRequest {
  readonly psk: Psk
  /** The epoch that the key is injected into is a child of this one; undefined for one who joins. */
  readonly context: GroupContext | undefined
}

/** What a commit is about to do, for the rules of the application (RFC 9420 §12.2, last paragraphs). */
export interface CommitReview {
  /** The epoch that the commit is made in. */
  readonly context: GroupContext
  readonly epochId: Uint8Array
  readonly sender: Sender
  readonly committer: number
  readonly authenticatedData: Uint8Array
  readonly changes: CommitChanges
}

/** What the application decides; every field has a default (`policy.ts`). */
export interface GroupPolicy {
  /** How far a message may run ahead of its ratchet and how many skipped keys are kept. */
  readonly secretTreeLimits: SecretTreeLimits
  /** Longest total lifetime of a leaf node, in seconds (RFC 9420 §7.2). Default: 400 days. */
  readonly lifetimeMaxSeconds: bigint
  /**
   * Whether the lifetime of leaves that others send is compared with `now` (RFC 9420 §7.3: recommended): of all, of new
   * members but not of a tree that we join (where one idle member's old leaf would keep us out), or of none.
   * Default: `check`.
   */
  readonly receivedLifetimes: 'check' | 'check_added' | 'ignore'
  /**
   * Whether the lifetime of those whom we add is compared with `now`. `ignore` is for a layer that repeats additions
   * which were checked when they were first made. Default: `check`.
   */
  readonly sentLifetimes: 'check' | 'ignore'
  /** External commits: all, only those that remove nobody (no resync), or none. Default: `all`. */
  readonly externalCommits: 'all' | 'join_only' | 'none'
  /** Proposals that a new member makes for itself. Default: `none`. */
  readonly newMemberProposals: 'all' | 'none'
  /** Most proposals that one epoch caches. Default: 4096. */
  readonly cachedProposalsMax: number
  /** Whether two credentials name the same client for the application (reinit, branch). Default: equal bytes. */
  readonly sameIdentity: (a: Credential, b: Credential) => boolean
  /** Proposal types that the application registers, by their value. Default: none. */
  readonly customProposals: ReadonlyMap<number, CustomProposalRule>
  /** Components of the application (MLS extensions draft), by ComponentID. Default: none. */
  readonly appComponents: ReadonlyMap<number, AppComponent>
  /** Refuses, by throwing, a commit that the application does not allow. Called when a commit is made and processed. */
  readonly reviewCommit: (review: CommitReview) => void
}

/**
 * Its `signal` and `progress` are about what takes long in a large group: verifying the leaves of a tree that we join, and
 * the key packages that one commit adds. An aborted step rejects with the signal's reason and has changed nothing.
 */
export interface Services extends Watch {
  readonly random: RandomSource
  /** The time of this step, seconds since the Unix epoch. */
  readonly now: bigint
  readonly authenticate: Authenticate
  /** The key, or undefined if it is not here. The library copies nothing out of it and never wipes it. */
  readonly findPsk?: (request: PskRequest) => Promise<Uint8Array | undefined>
  readonly policy?: Partial<GroupPolicy>
}
