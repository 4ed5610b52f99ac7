/**
 * Commits that are good by RFC 9420, and that a rule of the profile refuses. An honest author may know of a branch that is
 * beyond our horizon, or we of one that is beyond its own; then what each accepts the other refuses, and others go on where
 * we cannot follow.
 */
import { MlsError } from '@dmls/mls'

/** How `commit-rules.ts` refuses what depends on the history that one knows. */
const DISPUTED: ReadonlySet<string> = new Set(['bad_fork_point', 'not_allowed', 'plan_unsatisfied'])

/**
 * Whether a message was refused by what we know of the history, after its author was authenticated. A request to come back
 * names no epoch with such a commit among those in which we can process one.
 */
export function isDispute(error: unknown): boolean {
  return error instanceof MlsError && DISPUTED.has(error.code)
}
