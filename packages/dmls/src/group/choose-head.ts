/** The head is what the group's fork choice names, among the open heads whose secrets are held. */
import type { DmlsEpoch } from '../dag/identifiers.ts'
import { selfIn } from './lookup.ts'
import { forkChoiceOf } from './policy.ts'
import type { DmlsGroupState } from './state.ts'
import type { StepBuilder } from './step.ts'

/** Heads that nobody resolved and that follow from where we entered the group, ascending. Never empty. */
export function openHeads({ dag, home }: DmlsGroupState): readonly DmlsEpoch[] {
  const heads = dag.unresolvedHeads()
  return dag.roots().length === 1 ? heads : heads.filter((head) => head === home || dag.precedes(home, head))
}

/** Lets the fork choice name the head again, after the DAG changed. */
export function chooseHead(builder: StepBuilder): void {
  const { dag, suite, epochs } = builder.state
  // without the list the choice is remembered with the DAG
  const among = dag.roots().length === 1 ? undefined : openHeads(builder.state)
  const chosen = forkChoiceOf(builder.state).chooseHead(dag, (bytes) => suite.hash(bytes), among)
  // a head whose secrets are gone cannot be used; retention never deletes an unresolved one
  if (!epochs.has(chosen)) return
  builder.setHead(chosen)
  // on another branch we may be another instance
  const self = selfIn(builder.state, chosen)
  if (self !== builder.state.self) builder.set({ self })
}
