/** The rules and surroundings of plain MLS under which every step of the profile runs. */
import { equalBytes } from '@dmls/crypto'
import type { Services } from '@dmls/mls'
import type { DmlsEpoch } from '../dag/identifiers.ts'
import type { DmlsGroupState, DmlsServices } from './state.ts'

/** Where a step takes place: names of RFC 9420 that are ambiguous across forks are resolved along this branch. */
export interface Branch {
  readonly state: DmlsGroupState
  /** The epoch that the message is of. */
  readonly epoch: DmlsEpoch
}

export function mlsServices(
  services: Pick<DmlsServices, 'random' | 'nowMs' | 'authenticate' | 'findPsk' | 'signal' | 'progress'>,
  branch?: Branch,
): Services {
  return {
    random: services.random,
    now: BigInt(Math.floor(services.nowMs / 1000)),
    authenticate: services.authenticate,
    findPsk: async ({ psk }) => {
      if (branch !== undefined && psk.pskType === 'resumption' && equalBytes(psk.pskGroupId, branch.state.groupId)) {
        return resumptionPsk(branch, psk.pskEpoch)
      }
      return services.findPsk?.(psk)
    },
    signal: services.signal,
    progress: services.progress,
    // whether a commit is good must not depend on when it arrives, or two members would keep different histories; nor
    // must a merge, which adds again whom somebody checked before
    // whoever lets itself in removes nobody
    policy: { receivedLifetimes: 'ignore', sentLifetimes: 'ignore', externalCommits: 'join_only' },
  }
}

/** Protocol §4: a resumption PSK's epoch number means the ancestor of the committing epoch that has it. */
function resumptionPsk({ state, epoch }: Branch, number: bigint): Uint8Array | undefined {
  for (let id: DmlsEpoch | undefined = epoch; id !== undefined; id = state.dag.parent(id)) {
    if (state.dag.get(id)?.epoch !== number) continue
    const held = state.epochs.get(id)
    return held?.stage === 'open' ? held.group.secrets.resumptionPsk : undefined
  }
  return undefined
}
