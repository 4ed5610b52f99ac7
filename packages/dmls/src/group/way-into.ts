/** The step by which we follow a Welcome of a group that we know (protocol §7.6, §8). */
import type { Joined } from '@dmls/mls'
import { adoptWelcome, comeBack, isWayBack, rejoinDmlsGroup } from './join.ts'
import { answersRequest } from './rejoin.ts'
import type { DmlsGroupState, DmlsServices, Step } from './state.ts'

/**
 * Back after a removal, as the answer to our request, or on the word of a handover. `wipe`, if there is one, is called
 * once the step is written.
 * @throws MlsError `missing` `no_handover` when it must wait for one; `invalid` when it is not to be followed
 */
export function wayInto(
  state: DmlsGroupState,
  joined: Joined,
  services: DmlsServices,
): Step & { readonly wipe?: () => void } {
  if (isWayBack(state, joined)) return rejoinDmlsGroup(state, joined, services)
  if (answersRequest(state, joined)) return comeBack(state, joined, services)
  return adoptWelcome(state, joined, services)
}
