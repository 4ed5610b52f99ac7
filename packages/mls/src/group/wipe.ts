/** The end of a state: overwriting every secret that it holds. */
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
