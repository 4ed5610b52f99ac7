/**
 * Proposal types that an application registers (RFC 9420 §13.2) and its components (MLS extensions draft, "The Safe
 * Application Interface"): how the state machine treats them. Every function here must decide from its arguments
 * alone, so that all members decide alike.
 */
import type { Sender } from '../../wire/framing.ts'
import type { GroupContext } from '../../wire/group-context.ts'

export interface CustomProposalRule {
  /** Whether a commit that carries one needs an update path (registry column "Path Required"). */
  readonly pathRequired: boolean
  /** Whether an `external` sender may propose one (registry column "External"). */
  readonly externalSenders: boolean
  /** Whether an external commit may carry one. Default: no. */
  readonly externalCommits?: boolean
  /** Refuses a body, by throwing. */
  readonly validate?: (body: Uint8Array, sender: Sender, context: GroupContext) => void
}

/** A component of the application. */
export interface AppComponent {
  /**
   * The component's new data, from its data in the GroupContext (if any) and the updates of one commit in their order.
   * Throws to refuse them. Without it the component takes no updates.
   */
  readonly update?: (current: Uint8Array | undefined, updates: readonly Uint8Array[]) => Uint8Array
  /** Refuses data that come with a commit, by throwing. Without it the component takes none. */
  readonly checkEphemeral?: (data: Uint8Array) => void
}
