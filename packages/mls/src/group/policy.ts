/** The defaults of what an application may decide. */
import { SECRET_TREE_LIMITS } from '../schedule/secret-tree.ts'
import { sameCredential } from './credentials.ts'
import type { GroupPolicy, Services } from './services.ts'

const DAY_SECONDS = 86_400n

/** What holds where the application says nothing. */
export const defaultPolicy: GroupPolicy = Object.freeze({
  secretTreeLimits: SECRET_TREE_LIMITS,
  lifetimeMaxSeconds: 400n * DAY_SECONDS,
  receivedLifetimes: 'check',
  sentLifetimes: 'check',
  externalCommits: 'all',
  newMemberProposals: 'none',
  cachedProposalsMax: 4096,
  sameIdentity: sameCredential,
  customProposals: new Map(),
  appComponents: new Map(),
  reviewCommit: () => undefined,
})

/** The policy of a step: the application's word where it has one, else the default. */
export function policyOf(services: Pick<Services, 'policy'>): GroupPolicy {
  return services.policy === undefined ? defaultPolicy : { ...defaultPolicy, ...services.policy }
}
