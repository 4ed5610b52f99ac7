/** The end of a state: overwriting every secret that it holds. */
import { wipe } from '@dmls/crypto'
import type { CommitCreated, Processed, Sent } from './results.ts'
import type { GroupState } from './state.ts'

/**
 * Overwrites the secrets of a state. Other states of the same epoch may share them; a child never does. The state must
 * not be used afterwards.
 */
export function wipeGroupState(state: GroupState): void {
  for (const key of state.keys.values()) key.fill(0)
  for (const secret of Object.values(state.secrets)) secret.fill(0)
  for (const update of state.pendingUpdates) update.encryptionPrivateKey.fill(0)
  state.secretTree.wipe()
  state.exporterTree.wipe()
  state.initKey.wipe()
}

/**
 * Overwrites what a step derived and nobody takes up: the child, and what else its input state does not hold. The input
 * works as before.
 */
export function wipeOutcome(outcome: Processed | CommitCreated | Sent): void {
  if ('created' in outcome) wipe(...outcome.created)
  if ('child' in outcome && outcome.child !== undefined) wipeGroupState(outcome.child)
}
