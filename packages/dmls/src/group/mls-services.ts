/** The rules and surroundings of plain MLS under which every step of the profile runs. */
import type { Services } from '@dmls/mls'
import type { DmlsServices } from './state.ts'

export function mlsServices(services: Pick<DmlsServices, 'random' | 'nowMs' | 'authenticate'>): Services {
  return {
    random: services.random,
    now: BigInt(Math.floor(services.nowMs / 1000)),
    authenticate: services.authenticate,
    // whether a commit is good must not depend on when it arrives, or two members would keep different histories
    policy: { receivedLifetimes: 'ignore' },
  }
}
