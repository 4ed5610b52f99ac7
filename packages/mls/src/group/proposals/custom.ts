/** Proposal types that an application registers (RFC 9420 §13.2): how the state machine treats them. */
import type { Sender } from '../../wire/framing.ts'
import type { GroupContext } from '../../wire/group-context.ts'

export interface CustomProposalRule {
  /** Whether a commit that carries one needs an update path (registry column "Path Required"). */
  readonly pathRequired: boolean
  /** Whether an `external` sender may propose one (registry column "External"). */
  readonly externalSenders: boolean
  /** Whether an external commit may carry one. Default: no. */
  readonly externalCommits?: boolean
  /** Refuses a body, by throwing. It must decide from its arguments alone, so that every member decides alike. */
  readonly validate?: (body: Uint8Array, sender: Sender, context: GroupContext) => void
}
