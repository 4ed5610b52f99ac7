/**
 * The public face of the client as types: what an application can do with a client and a group, and what it is told.
 */
import type { CipherSuiteId, CryptoProvider, RandomSource } from '@dmls/crypto'
import type { AdminRule, Dag, DmlsEpoch, GroupPolicy, InstanceId } from '@dmls/dmls'
import type { Extension } from '@dmls/mls'
import type { Identity } from './identity.ts'
import type { Authenticator, Clock, Delivery, Store } from './ports.ts'

export interface DmlsClientOptions {
  readonly provider: CryptoProvider
  readonly store: Store
  readonly delivery: Delivery
  /** Who this client is. Kept by the caller, or in the store by {@link loadOrCreateIdentity}. */
  readonly identity: Identity
  /** Default: self-certifying identities. */
  readonly authenticator?: Authenticator
  /** Default: suite 1. */
  readonly cipherSuite?: CipherSuiteId
  /** Default: the system's clock and timers. */
  readonly clock?: Clock
  /** Default: the system's randomness. */
  readonly random?: RandomSource
  readonly timing?: Partial<Timing>
  /**
   * Told, while a large group is joined, how many of its members are verified: a Welcome and a join info both bring a tree
   * in which every signature is checked. A promise is waited for, so a page can draw itself.
   */
  readonly onJoinProgress?: (progress: Progress) => void | Promise<void>
  /**
   * The same while somebody's commit is processed that adds many: how many of the newcomers are verified. Closing the
   * client ends this too; the others bring the commit again when it is open.
   */
  readonly onCommitProgress?: (progress: CommitProgress) => void | Promise<void>
  /**
   * Ends joins that are under way, as {@link DmlsClient.close} does, and lets none begin. A Welcome stays in the inbox and
   * is tried when the client is opened again; `joinGroup` rejects with the signal's reason. Everything else goes on.
   */
  readonly signal?: AbortSignal
  /**
   * Who may do what in groups whose policy says `admin: { kind: 'application' }`; without it the client is in no such
   * group. All members must bring the same rule, a pure function of its arguments: see `AdminRule` of `@dmls/dmls`.
   */
  readonly adminRule?: AdminRule
}

/** Members that are verified, of all in the tree or all whom a commit adds. */
export interface Progress {
  readonly done: number
  readonly total: number
}

export interface CommitProgress extends Progress {
  readonly groupId: Uint8Array
}

/** How a call is followed and ended that may take long in a large group. */
export interface CallOptions {
  /**
   * Told after some members each that they are verified. A promise is waited for, and with it the group: it must not wait
   * for another call of the same group, or for the client to be closed.
   */
  readonly onProgress?: ((progress: Progress) => void | Promise<void>) | undefined
  /**
   * Ends the call if it waits for its turn or still verifies: it rejects with the signal's reason, and everything is as it
   * was. After that it is too late, and the call ends as if there were no signal.
   */
  readonly signal?: AbortSignal | undefined
}

/** Delays, in milliseconds. */
export interface Timing {
  /** Δ of protocol §7: how much later each further ranked member merges. Default 400. */
  readonly mergeRankDelayMs: number
  /** Quiet time after a fork was noticed before the first-ranked member merges it. Default 300. */
  readonly mergeQuiescenceMs: number
  /** After how long an open fork is reported. Default 60 000. */
  readonly forkOpenTooLongMs: number
  /** How often expired epochs are deleted. Default 5000. */
  readonly retentionIntervalMs: number
  /** How long a message waits for an epoch before peers are asked for it. Default 500; each further question twice that. */
  readonly askPeersDelayMs: number
  /** After how long an epoch that nobody could lead us to is given up, and we ask to be brought back. Default 30 000. */
  readonly cannotFollowAfterMs: number
  /** How long a client that was opened again listens for what it may have said before it speaks. Default 2000. */
  readonly resumeSyncMs: number
  /** It speaks earlier when peers have answered and nothing came for this long. Default 300. */
  readonly resumeQuietMs: number
}

export interface Member {
  readonly instance: InstanceId
  /** What the Authentication Service says the credential speaks for. */
  readonly identity: Uint8Array
  readonly leafIndex: number
  readonly isSelf: boolean
}

export interface ReceivedMessage {
  /** SHA-256 of the inner MLSMessage, 32 bytes: the same for every receiver. */
  readonly id: Uint8Array
  readonly groupId: Uint8Array
  readonly sender: Member
  readonly data: Uint8Array
  /** The epoch it was protected under. */
  readonly dmlsEpoch: DmlsEpoch
  /** Whether that epoch is on the branch that is chosen now, was merged into it, or still stands apart. */
  readonly branch: 'chosen' | 'merged' | 'losing'
}

/** What a commit of another branch had set, as far as the merged group has it differently. */
export interface OverriddenSettings {
  /** The epoch that the commit began. */
  readonly dmlsEpoch: DmlsEpoch
  readonly by: Member | undefined
  /** The fields of the policy as that commit had set them. */
  readonly policy: Partial<GroupPolicy>
  /** Other GroupContext extensions as that commit had set them. */
  readonly extensions: readonly Extension[]
}

/** Everything a group tells its application, discriminated by `type`. */
export type GroupEvent =
  | { readonly type: 'message'; readonly message: ReceivedMessage }
  | { readonly type: 'headChanged'; readonly from: DmlsEpoch; readonly to: DmlsEpoch; readonly epoch: bigint }
  | {
      readonly type: 'epochAdded'
      readonly dmlsEpoch: DmlsEpoch
      readonly parent: DmlsEpoch
      readonly committer: Member | undefined
    }
  | {
      readonly type: 'merged'
      readonly dmlsEpoch: DmlsEpoch
      readonly resolved: readonly DmlsEpoch[]
      readonly came: readonly InstanceId[]
      readonly went: readonly InstanceId[]
      /** Settings that commits of the other branches had made and that the group does not take over. */
      readonly overridden: readonly OverriddenSettings[]
    }
  | { readonly type: 'membersChanged'; readonly added: readonly Member[]; readonly removed: readonly Member[] }
  | { readonly type: 'forkOpened'; readonly heads: readonly DmlsEpoch[] }
  | { readonly type: 'forkOpenTooLong'; readonly heads: readonly DmlsEpoch[]; readonly openMs: number }
  | {
      readonly type: 'equivocation'
      readonly instance: InstanceId
      /** The counter that the member used twice, and two epochs on two branches for which it spoke with it. */
      readonly counter: bigint
      readonly epochs: readonly [DmlsEpoch, DmlsEpoch]
      /**
       * For commits that are both retained: bytes that convince a third party, see `verifyEquivocation`. Undefined when
       * the two are other messages, whose text nobody keeps for this.
       */
      readonly evidence: Uint8Array | undefined
    }
  | { readonly type: 'beyondHorizon'; readonly dmlsEpoch: string }
  | { readonly type: 'unknownEpoch'; readonly dmlsEpoch: string; readonly waiting: number }
  | { readonly type: 'removed'; readonly by: Member | undefined }
  /** Members are where nobody could lead us: messages of epochs that we do not know go on arriving. */
  | { readonly type: 'cannotFollow'; readonly epochs: readonly string[]; readonly missingMs: number }
  /** Nobody is left: members of all branches were removed on others. */
  | { readonly type: 'orphaned' }
  /** This client's state is a copy, or an old one that was restored: it sends nothing until it has come back. */
  | { readonly type: 'stateLost'; readonly dmlsEpoch: DmlsEpoch }
  /** We came back as a new instance, into this epoch; or a merge took back that we were exchanged for another one. */
  | { readonly type: 'rejoined'; readonly dmlsEpoch: DmlsEpoch }
  | { readonly type: 'refused'; readonly code: string; readonly reason: string; readonly sender: Member | undefined }

/**
 * One group. Once the client was closed or has forgotten the group, every call that needs its secrets, asks for a step or
 * listens fails with MlsError `usage` `group_closed`; what is public of the last state can still be read.
 */
export interface DmlsGroup {
  readonly id: Uint8Array
  /** Name of the epoch that is chosen now. */
  readonly head: DmlsEpoch
  /** Number of that epoch. */
  readonly epoch: bigint
  /** False once this client has been removed. */
  readonly isMember: boolean
  /** RFC 9420 §8.7, KDF.Nh bytes; equal for all members of the epoch. */
  epochAuthenticator(): Uint8Array
  members(): readonly Member[]
  /** What the group agrees on, in the chosen epoch. */
  policy(): GroupPolicy
  /** The epoch DAG: public facts only. */
  dag(): Dag
  /** Heads that no commit has resolved yet; more than one while a fork is open. */
  openHeads(): readonly DmlsEpoch[]
  /** Encrypts for the chosen epoch, stores, then publishes. Returns the message's id (32 bytes). */
  send(data: Uint8Array): Promise<Uint8Array>
  /** Commits the addition of the owners of these key packages (encoded MLSMessages) and sends them their Welcome. */
  add(keyPackages: readonly Uint8Array[], options?: CallOptions): Promise<void>
  /** Commits the removal of members, named by instance or by identity (every device of it). */
  remove(who: readonly (InstanceId | Uint8Array)[], options?: CallOptions): Promise<void>
  /** Commits a fresh leaf key: post-compromise security. */
  update(options?: CallOptions): Promise<void>
  /**
   * Commits other settings; what is not named stays as it is. The fork choice stays for ever.
   * @throws MlsError `invalid` `not_allowed`, `fork_choice_changed`, `unsupported_policy`, and what RFC 9420 §12.1.7
   * refuses; `usage` `policy_by_extension`
   */
  changeSettings(change: SettingsChange, options?: CallOptions): Promise<void>
  /**
   * What somebody needs to let itself in with {@link DmlsClient.joinGroup}, an encoded MLSMessage of the size of the
   * ratchet tree. It shows who is in the group. Good for as long as the others retain this epoch.
   * @throws MlsError `usage` `external_commits_refused` unless the policy says `externalCommits: 'allowed'`
   */
  createJoinInfo(): Promise<Uint8Array>
  /** Asks the others to remove this member. */
  leave(): Promise<void>
  /** RFC 9420 §8.5 */
  exportSecret(label: string, context: Uint8Array, length: number): Uint8Array
  /** Calls back for every event; returns a function that stops. A message's handler may be async: it counts as delivered once the promise resolves. */
  on(listener: (event: GroupEvent) => void | Promise<void>): () => void
}

export interface CreateGroupOptions {
  /** Default: 32 random bytes. */
  readonly groupId?: Uint8Array
  /** What the group agrees on; what is absent is as in `DEFAULT_GROUP_POLICY`. */
  readonly policy?: Partial<GroupPolicy>
}

export interface SettingsChange {
  /** Fields of the policy. */
  readonly policy?: Partial<GroupPolicy>
  /** GroupContext extensions of other types, each instead of the one of its type, if there is one. */
  readonly extensions?: readonly Extension[]
}

/**
 * One client. Once it was closed, every call that begins or ends a group, or makes or fetches a key package, fails with
 * MlsError `usage` `client_closed`.
 */
export interface DmlsClient {
  readonly identity: Uint8Array
  createGroup(options?: CreateGroupOptions): Promise<DmlsGroup>
  /**
   * Becomes a member by an external commit, with what {@link DmlsGroup.createJoinInfo} gave, and publishes it. It costs
   * forward secrecy: whoever steals an epoch that others retain can compute the epochs that were entered from it.
   * @throws MlsError `usage` `group_exists` (also for a group that removed this client), `not_join_info`,
   * `external_commits_refused`; `malformed`, `invalid` when the bytes are no good; `missing` `no_admin_rule`
   */
  joinGroup(joinInfo: Uint8Array, options?: CallOptions): Promise<DmlsGroup>
  /**
   * Ends a group on this client for good: takes part in it no more, deletes all that the store holds of it in one batch,
   * its signature keys and the key packages that led into it too, overwrites its secrets in memory, and resolves once the
   * store has forgotten what was deleted. A Welcome into a group of that id is a first invitation from then on; one that
   * came before leads nowhere.
   *
   * The others are not told: they take this client for a member until somebody removes it, so {@link DmlsGroup.leave}
   * first. Welcomes to people whom this client invited are still served. It waits for joins and steps under way, and for no
   * handler: one may wait for it.
   *
   * When the store refuses the batch, nothing is deleted, and the group, which is closed from then on, is listed until a
   * second attempt or until the client is opened again. If it is listed no more when this rejects, it is deleted, and what is
   * left in the files of the store goes when the store forgets the next time.
   * @throws MlsError `usage` `no_such_group`, `client_closed`; StoreError
   */
  forgetGroup(groupId: Uint8Array): Promise<void>
  groups(): readonly DmlsGroup[]
  group(groupId: Uint8Array): DmlsGroup | undefined
  /** A fresh single-use key package as an encoded MLSMessage; its private keys are stored before it is returned. */
  createKeyPackage(): Promise<Uint8Array>
  /** Fetches a key package of somebody over the network. @throws MlsError `missing` after `timeoutMs` */
  fetchKeyPackage(identity: Uint8Array, timeoutMs?: number): Promise<Uint8Array>
  /** Called when a Welcome made this client a member of a group. */
  onGroup(listener: (group: DmlsGroup) => void): () => void
  /**
   * Ends joins that are under way, finishes running steps and groups that begin, stops timers, and leaves the topics. Store
   * and delivery are closed by their owner.
   */
  close(): Promise<void>
}
