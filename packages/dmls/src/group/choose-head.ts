/** The head is what the group's fork choice names, among the open heads whose secrets are held. */
import type { DmlsEpoch } from '../dag/identifiers.ts'
import { overcomeByEntering, takeBack } from './exchanges.ts'
import { selfIn } from './lookup.ts'
import { forkChoiceOf } from './policy.ts'
import type { DmlsGroupState, Removal } from './state.ts'
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
  const forkChoice = forkChoiceOf(builder.state)
  const hash = (bytes: Uint8Array): Uint8Array => suite.hash(bytes)
  let chosen: DmlsEpoch | undefined = forkChoice.chooseHead(dag, hash, among)
  if (!epochs.has(chosen)) {
    // the caps took its secrets: it cannot be used, and the next one is
    const held = openHeads(builder.state).filter((head) => epochs.has(head))
    chosen = held.length === 0 ? undefined : forkChoice.chooseHead(dag, hash, held)
  }
  if (chosen === undefined) return
  builder.setHead(chosen)
  // on another branch we may be another instance
  const self = selfIn(builder.state, chosen)
  if (self !== builder.state.self) builder.set({ self })
  const removal = removalInForce(builder.state)
  if (removal !== undefined) builder.set({ removal, overcome: builder.state.overcome.filter((r) => r !== removal) })
  takeBack(builder)
}

/** A removal that was made after the epoch by which we entered: it knew of our entry, whichever way round we came. */
function removalInForce(state: DmlsGroupState): Removal | undefined {
  const { dag, home, self } = state
  // never made in the very epoch that we entered by, for that was new to us, and the removal is older
  return overcomeByEntering(state).find(
    ({ parent, removes }) => removes.includes(self) && dag.has(parent) && dag.precedes(home, parent),
  )
}
