/** What the demonstration ended with, as plain data: what is checked, and what `--json` prints. */
import type { EpochHistory } from '../history/history.ts'

/** What one process said of itself at the end. */
export interface MemberOutcome {
  readonly name: string
  readonly isMember: boolean
  readonly dmlsEpoch: string
  readonly epoch: number
  readonly epochAuthenticator?: string
  /** Names, sorted. */
  readonly members: readonly string[]
  readonly openHeads: readonly string[]
  /** How often its process was started. */
  readonly starts: number
}

export interface MessageOutcome {
  readonly from: string
  readonly text: string
  readonly phase: 'before the cut' | 'during the cut' | 'after the merge'
  readonly dmlsEpoch: string
  /** Who could decrypt it, without its author, sorted. */
  readonly readBy: readonly string[]
  /** Whom it reached, readable or not, without its author, sorted. */
  readonly reached: readonly string[]
}

export interface Outcome {
  /** The names that the group should have in the end, sorted. */
  readonly expectedMembers: readonly string[]
  readonly added: string
  readonly removed: string
  readonly killed: string
  readonly members: readonly MemberOutcome[]
  readonly messages: readonly MessageOutcome[]
  readonly cut: {
    readonly sides: readonly (readonly string[])[]
    /** Connections that were tried across the cut, and how many of them were refused. */
    readonly attempts: number
    readonly refused: number
    /** Where each side had come to when the cut ended. */
    readonly heads: readonly string[]
  }
  /** What the removed member's own client said when it wanted to speak. */
  readonly refusalOfRemoved: string | undefined
  /** What was sent from a copy of the removed member's store after the merge, once it had reached everybody. */
  readonly copyMessage: {
    readonly text: string
    readonly reached: readonly string[]
    readonly readBy: readonly string[]
  }
  readonly history: EpochHistory
}
