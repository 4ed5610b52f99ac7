/** What the group of a scenario agrees on, in words that a generator draws, and as a policy. */
import type { ForkChoicePolicy, GroupPolicy, InstanceId, RetentionPolicy } from '@dmls/dmls'
import type { SimNode } from './sim-node.ts'

export interface ScenarioPolicy {
  readonly forkChoice: ForkChoicePolicy['kind']
  /** `named`: the creator is the admin, and invites alone. `inviting`: it is, and everybody invites. */
  readonly admin: 'anyone' | 'named' | 'inviting'
  /** `brief` forgets by age, within the time that a scenario takes; `small` has caps that short histories reach. */
  readonly retention: 'default' | 'brief' | 'small'
}

const AGE_MS = 30_000

const RETENTIONS: Readonly<Record<Exclude<ScenarioPolicy['retention'], 'default'>, RetentionPolicy>> = {
  brief: {
    retained: { kind: 'any', rules: [{ kind: 'all-members' }, { kind: 'age', ageMs: AGE_MS }] },
    readable: { kind: 'age', ageMs: AGE_MS },
    epochsMax: 1024,
    sizeMaxBytes: 64 * 1024 * 1024,
  },
  small: {
    retained: { kind: 'all-members' },
    readable: { kind: 'age', ageMs: 24 * 3_600_000 },
    epochsMax: 8,
    sizeMaxBytes: 96 * 1024,
  },
}

/** For a group of this creator, who invites these instances. */
export function policyOf(
  { forkChoice, admin, retention }: ScenarioPolicy,
  creator: SimNode,
  invited: readonly InstanceId[],
): Partial<GroupPolicy> {
  const invitations = admin === 'named' ? 'named' : 'anyone'
  return {
    forkChoice: forkChoiceOf(forkChoice, invited),
    ...(retention === 'default' ? {} : { retention: RETENTIONS[retention] }),
    ...(admin === 'anyone'
      ? {}
      : { admin: { kind: 'named', instances: [], identities: [creator.identity], invitations } }),
  }
}

function forkChoiceOf(kind: ForkChoicePolicy['kind'], invited: readonly InstanceId[]): ForkChoicePolicy {
  switch (kind) {
    case 'depth-witness':
      return { kind, boost: 2, quorum: { numerator: 1, denominator: 2 }, rewindMax: 5 }
    case 'designated':
      return { kind, instances: invited.slice(0, 2) }
    default:
      return { kind }
  }
}
