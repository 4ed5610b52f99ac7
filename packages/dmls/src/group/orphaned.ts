/** A group that nobody is left in: members of all its branches were removed on others (scenarios 8 and 33). */
import { membership } from '../reconcile/membership.ts'
import { viewOf } from '../reconcile/view.ts'
import { openHeads } from './choose-head.ts'
import type { DmlsGroupState } from './state.ts'

/**
 * Whether nobody remains a member once everything that is known here is taken together, the commits that removed us
 * included. False for whoever cannot judge.
 */
export function isOrphaned(state: DmlsGroupState): boolean {
  const heads = openHeads(state)
  const view = viewOf(state.dag, heads)
  if (view === undefined) return false
  const removed = new Set(state.removal?.removes)
  return [...membership(view, heads).keys()].every((instance) => removed.has(instance))
}
