/** The step by which we follow a Welcome of a group that we know (protocol §7.6, §8). */
import {
  adoptWelcome,
  answersRequest,
  comeBack,
  type DmlsGroupState,
  type DmlsServices,
  isWayBack,
  rejoinDmlsGroup,
  type Step,
} from '@dmls/dmls'
import type { Joined } from '@dmls/mls'

/**
 * As the answer to our request, back after a removal, or on the word of a handover.
 * @throws MlsError `missing` `no_handover` when it must wait for one; `invalid` when it is not to be followed
 */
export function wayInto(
  state: DmlsGroupState,
  joined: Joined,
  services: DmlsServices,
): Step & { readonly wipe?: () => void } {
  if (answersRequest(state, joined)) return comeBack(state, joined, services)
  if (!isWayBack(state, joined)) return adoptWelcome(state, joined, services)
  return rejoinDmlsGroup(state, joined, services)
}
