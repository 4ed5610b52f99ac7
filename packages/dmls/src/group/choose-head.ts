/** The head is what the group's fork choice names, among the epochs whose secrets are held. */
import { forkChoiceOf } from './policy.ts'
import type { StepBuilder } from './step.ts'

/** Lets the fork choice name the head again, after the DAG changed. */
export function chooseHead(builder: StepBuilder): void {
  const { dag, suite, epochs } = builder.state
  const chosen = forkChoiceOf(builder.state).chooseHead(dag, (bytes) => suite.hash(bytes))
  // a head whose secrets are gone cannot be used; retention never deletes an unresolved one
  if (epochs.has(chosen)) builder.setHead(chosen)
}
