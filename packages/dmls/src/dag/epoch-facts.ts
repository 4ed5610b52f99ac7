/** What the epoch DAG records of one epoch and of one message: public facts only, never a secret (protocol §5, §8). */
import type { DmlsEpoch, InstanceId } from './identifiers.ts'

/** A head that a commit's author had processed, and where it leaves the branch of the commit (protocol §7). */
export interface ResolvedHead {
  readonly head: DmlsEpoch
  readonly forkPoint: DmlsEpoch
}

export interface RosterMember {
  readonly instance: InstanceId
  /** Lower-case hex of the identity that the Authenticator names: equal for two devices of one person. */
  readonly identity: string
  readonly leafIndex: number
}

/** Somebody whom a commit added. */
export interface AddedMember extends RosterMember {
  /**
   * The instance that this one continues, which the same commit removes: a member that came back (protocol §8). It
   * counts as added by that instance, so that whoever removes the one beside it keeps the other out too.
   */
  readonly continues?: InstanceId
}

/** One epoch of the DAG: what the commit that started it did. */
export interface EpochFacts {
  readonly id: DmlsEpoch
  /** undefined for a root: the creation of the group, or the epoch that a Welcome let us into. */
  readonly parent: DmlsEpoch | undefined
  /** The integer epoch of RFC 9420. */
  readonly epoch: bigint
  /** undefined for a root. An external joiner commits as the instance that its commit adds. */
  readonly committer: InstanceId | undefined
  readonly committerLeaf: number | undefined
  /** The committer's message counter, from the authenticated data; 0 for a root. */
  readonly counter: bigint
  /**
   * The heads that the commit resolves. They need not be known to this DAG. A root that a handover led to carries the
   * edge of that handover.
   */
  readonly resolves: readonly ResolvedHead[]
  readonly adds: readonly AddedMember[]
  readonly removes: readonly InstanceId[]
  /** Instances with a fresh leaf key in this epoch, the committer among them. */
  readonly updates: readonly InstanceId[]
  /** The GroupContext extensions as text that is equal when they are, when the commit replaced them. */
  readonly settings: string | undefined
  /** Lower-case hex. */
  readonly confirmationTag: string
  /** For a root, and only there: everybody in it. */
  readonly roster?: readonly RosterMember[]
  /** Of those, whom the commit that began the root added: they were in no earlier epoch of its branch. */
  readonly newcomers?: readonly InstanceId[]
}

/** An authenticated message of a member. A commit speaks for its child epoch, any other message for its own epoch. */
export interface Witness {
  readonly sender: InstanceId
  /** Orders the messages of one sender. */
  readonly counter: bigint
  readonly epoch: DmlsEpoch
}

/** One counter of one sender on two branches: proof that it speaks with two tongues. */
export interface Equivocation {
  readonly sender: InstanceId
  readonly counter: bigint
  /** Two epochs, neither an ancestor of the other, in ascending order. */
  readonly epochs: readonly [DmlsEpoch, DmlsEpoch]
}
