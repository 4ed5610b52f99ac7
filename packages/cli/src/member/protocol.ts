/**
 * What `dmls member` understands on its standard input and says on its standard output: one JSON object per line.
 * Requests carry a number that their reply repeats. Every request may be made again after a crash: what has been done
 * already is not done twice. Identities, epochs and messages are named by lower-case hex.
 */

export type MemberRequest =
  /** Creates the group unless this member is in one. */
  | { readonly do: 'create' }
  /** Adds those who are not members yet. Their key packages are fetched over the network. */
  | { readonly do: 'add'; readonly identities: readonly string[] }
  /** Removes those who are still members. */
  | { readonly do: 'remove'; readonly identities: readonly string[] }
  /** Commits fresh keys, unless this member has done so in a descendant of the epoch. */
  | { readonly do: 'update'; readonly after: string }
  /** Says something to the group, once. */
  | { readonly do: 'send'; readonly text: string }
  /** Lets only these peers in and drops the others; with null, everybody is welcome. */
  | { readonly do: 'admit'; readonly peers: readonly string[] | null }
  /** Tries to connect; the reply tells which addresses could be reached. */
  | { readonly do: 'dial'; readonly addresses: readonly string[] }
  | { readonly do: 'state' }
  /** The epoch DAG, as text-free facts. */
  | { readonly do: 'history' }
  | { readonly do: 'close' }

export type NumberedRequest = MemberRequest & { readonly id: number }

export interface MemberState {
  readonly identity: string
  /** Name of the process among its peers. */
  readonly peer: string
  readonly addresses: readonly string[]
  readonly peers: readonly string[]
  readonly group?: GroupState
}

export interface GroupState {
  readonly groupId: string
  readonly dmlsEpoch: string
  readonly epoch: number
  readonly isMember: boolean
  /** RFC 9420 §8.7; absent once this member is out. */
  readonly epochAuthenticator?: string
  readonly members: readonly { readonly identity: string; readonly instance: string; readonly leafIndex: number }[]
  readonly openHeads: readonly string[]
}

export interface ReceivedText {
  /** The same for every receiver. */
  readonly messageId: string
  readonly sender: string
  readonly text: string
  readonly dmlsEpoch: string
  readonly branch: 'chosen' | 'merged' | 'losing'
}

export interface SentText {
  readonly text: string
  readonly messageId: string
  /** SHA-256 of what went to the network for it. */
  readonly wireIds: readonly string[]
}

/** One epoch of the DAG with identities instead of instances. */
export interface EpochReport {
  readonly id: string
  readonly parent?: string
  readonly epoch: number
  readonly committer?: string
  readonly resolves: readonly string[]
  readonly added: readonly string[]
  readonly removed: readonly string[]
  readonly settingsChanged: boolean
}

export interface HistoryReport {
  readonly epochs: readonly EpochReport[]
  readonly head: string
  readonly openHeads: readonly string[]
}

export interface Failure {
  readonly code: string
  readonly message: string
}

export type MemberReply =
  | { readonly type: 'reply'; readonly id: number; readonly ok: true; readonly value?: unknown }
  | { readonly type: 'reply'; readonly id: number | null; readonly ok: false; readonly error: Failure }

export type MemberReport =
  /** The member is up. What it had received before is repeated first. */
  | { readonly type: 'ready'; readonly state: MemberState }
  | { readonly type: 'state'; readonly state: MemberState }
  | { readonly type: 'received'; readonly message: ReceivedText }
  /** A message of the network has been dealt with; whether it could be read is another matter. */
  | { readonly type: 'arrived'; readonly wireId: string; readonly verdict: string }
  | { readonly type: 'epochAdded'; readonly epoch: EpochReport }
  /** Something worth knowing that changes nothing: a refused message, an unknown epoch, a fork that stays open. */
  | { readonly type: 'notice'; readonly text: string }
  | MemberReply
