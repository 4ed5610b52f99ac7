/** What a library must do to be measured: one interface, with encoded messages between, so that any library can stand behind it. */

/** A commit that was made and not yet taken. */
export interface MadeCommit {
  /** An encoded MLSMessage, a PrivateMessage. */
  readonly commit: Uint8Array
  /** An encoded MLSMessage, if somebody was added. */
  readonly welcome: Uint8Array | undefined
  /** Makes its epoch the member's current one. */
  take(): void
}

/** A state that was computed and not yet taken. */
export interface Computed {
  take(): void
}

/** One member, in at most one group. Suite 1, RFC 9420 without extensions. */
export interface BenchMember {
  /** An encoded MLSMessage with a fresh key package. */
  keyPackage(): Promise<Uint8Array>
  create(groupId: Uint8Array): Promise<void>
  /** A path, and an Add by value for each key package. The Welcome carries the tree. */
  commit(keyPackages: readonly Uint8Array[]): Promise<MadeCommit>
  join(welcome: Uint8Array): Promise<Computed>
  /** Lets go of imported keys and the like: a member that joins has seen none of the others before. */
  forgetCaches(): void
  process(commit: Uint8Array): Promise<Computed>
  /** An encoded MLSMessage; the key is used up. */
  encrypt(data: Uint8Array): Promise<Uint8Array>
  decrypt(message: Uint8Array): Promise<Uint8Array>
}

export interface BenchLibrary {
  readonly name: string
  /**
   * Exchanges that are measured in one round in a large group, and groups that are created in one: more of a quick library.
   */
  readonly repeats: number
  readonly foundings: number
  /** It cannot do larger groups, or takes longer than anybody waits: in a full tree, and in one that was just created. */
  readonly sizeMax: number
  readonly bareSizeMax: number
  /** A member with caches of its own, as in a process of its own. */
  member(name: string): Promise<BenchMember>
}
