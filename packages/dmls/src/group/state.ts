/**
 * One group as one of its members sees it: the public history, the secrets of the epochs that can still be used, and
 * the epoch that is chosen. Immutable; every step returns a new one and leaves the old as it was.
 */
import type { CipherSuite, RandomSource, Signer } from '@dmls/crypto'
import type { Authenticate, Credential, GroupState, KeyPackage, Profile, Psk, Watch } from '@dmls/mls'
import type { Dag } from '../dag/dag.ts'
import type { EpochFacts, Witness } from '../dag/epoch-facts.ts'
import type { DmlsEpoch, InstanceId } from '../dag/identifiers.ts'
import type { RejoinReason } from '../message/rejoin-codec.ts'
import type { AdminRule } from '../reconcile/admin.ts'

/**
 * How much of an epoch is held. `open`: it can process late commits (head and retained epochs). `readable`: late
 * application messages only. An epoch in neither stage is a skeleton: facts in the DAG, no secret.
 */
export type EpochStage = 'open' | 'readable'

export interface HeldEpoch {
  readonly stage: EpochStage
  readonly group: GroupState
  /**
   * When its first child was processed, or it was resolved or left behind, milliseconds since the Unix epoch; what
   * retention by age counts from.
   */
  readonly supersededAtMs: number | undefined
  /**
   * The commit that began it, an encoded SignedCommit: evidence, should its author turn out to have made another with
   * the same counter. No secret. None for commits of our own and of newcomers, and for an epoch that can only be read.
   */
  readonly commit?: Uint8Array | undefined
}

/** Somebody in a losing head's epoch says which epoch resolves it (protocol §7.6). */
export interface Handover {
  readonly resolvedBy: DmlsEpoch
  /** The losing epoch in which it was said. */
  readonly saidIn: DmlsEpoch
  /** Who said it. */
  readonly by: InstanceId
  /** Where it parted from the branch that goes on: who was a member there can judge, and needs nobody's word. */
  readonly forkPoint: DmlsEpoch
  readonly heads: readonly DmlsEpoch[]
  /** Ancestors of `resolvedBy` into which members of the losing heads were welcomed. */
  readonly entrances: readonly DmlsEpoch[]
}

/** A commit, by somebody else, removed this member: it stops there. */
export interface Removal {
  /** The epoch whose commit removed us. */
  readonly parent: DmlsEpoch
  readonly by: InstanceId | undefined
  /** Whom the commits that removed us removed, ourselves included: their children we never see. */
  readonly removes: readonly InstanceId[]
  /** Whether the same commit lets in another instance of our identity: then nobody meant that we should go. */
  readonly exchanged: boolean
}

export interface OvercomeRemoval extends Removal {
  /** The root that we entered by after it, or where we were when it was taken back. */
  readonly entered: DmlsEpoch
  /** Whether a merge took it back, so that it counts no more wherever we come round. */
  readonly takenBack: boolean
}

export interface DmlsGroupState {
  readonly profile: Profile
  readonly suite: CipherSuite
  readonly groupId: Uint8Array
  /** Who we are in this group. */
  readonly self: InstanceId
  readonly dag: Dag
  /** Epochs whose secrets are held, by name. */
  readonly epochs: ReadonlyMap<DmlsEpoch, HeldEpoch>
  /**
   * The root that we last entered the group by. Heads that do not follow from it were left behind: they can still be
   * read, and commits in them processed, but they are neither chosen nor merged here.
   */
  readonly home: DmlsEpoch
  /** The epoch that the fork choice names. */
  readonly head: DmlsEpoch
  /** Counter of the last authenticated message that we made. */
  readonly counter: bigint
  /** Key packages of instances that commits added, as long as a merge may have to add them again. */
  readonly keyPackages: ReadonlyMap<InstanceId, KeyPackage>
  /** By who said it, where it was said and the epoch that resolves. */
  readonly handovers: ReadonlyMap<string, Handover>
  /** Members that asked to be removed. */
  readonly leaving: ReadonlySet<InstanceId>
  readonly removal: Removal | undefined
  /** Removals after which we entered again, by a branch that may not have known of them. */
  readonly overcome: readonly OvercomeRemoval[]
  /** Key packages of members that ask to be replaced, by the instance that each is now. */
  readonly returning: ReadonlyMap<InstanceId, KeyPackage>
  /** Why we asked to be replaced by a new instance (protocol §8), once or more often, unless we took that back. */
  readonly asked: RejoinReason | undefined
  /**
   * Whether this state is a copy of one that went on elsewhere, or an old one that was restored: its generations may be
   * used already, so it sends nothing until it has come back as a new instance (scenario 16).
   */
  readonly isLost: boolean
}

/** What a step changed, so that the caller writes that and nothing else. */
export interface Changes {
  /** Held epochs that are new or different. */
  readonly epochs: readonly DmlsEpoch[]
  /** Epochs whose secrets are not held any more. */
  readonly dropped: readonly DmlsEpoch[]
  readonly facts: readonly EpochFacts[]
  readonly witnesses: readonly Witness[]
  /** Instances whose key packages came, or are not kept any more. */
  readonly keyPackages: readonly InstanceId[]
  /** Whether anything changed that is stored with the group itself. */
  readonly meta: boolean
}

export const NO_CHANGES: Changes = {
  epochs: [],
  dropped: [],
  facts: [],
  witnesses: [],
  keyPackages: [],
  meta: false,
}

export interface Step {
  readonly state: DmlsGroupState
  readonly changes: Changes
  /** Secret buffers that only the old state holds: wipe them once the new state is stored and in use. */
  readonly superseded: readonly Uint8Array[]
}

/**
 * What the steps are given: nothing is read from the surroundings. `signal` and `progress` are about what takes long in a
 * large group: verifying a tree that we join, or those whom one commit adds.
 */
export interface DmlsServices extends Watch {
  readonly random: RandomSource
  /** Milliseconds since the Unix epoch. */
  readonly nowMs: number
  readonly authenticate: Authenticate
  /** What the Authentication Service says a leaf's credential speaks for. */
  readonly identityOf: (leaf: { readonly credential: Credential }) => Uint8Array
  /** The signer that belongs to a signature public key of ours. */
  readonly signerFor: (signatureKey: Uint8Array) => Signer
  /** Pre-shared keys of the application (RFC 9420 §8.4); those of the group's own epochs are found without it. */
  readonly findPsk?: (psk: Psk) => Promise<Uint8Array | undefined>
  /** For groups whose policy leaves the rights to the application; the same for all members. */
  readonly adminRule?: AdminRule | undefined
}
