/**
 * Who may do what (protocol §10). Evaluated for the epoch in which an operation was made, with the policy and the
 * roster of that epoch, so that everyone comes to the same answer whenever they hear of it.
 */
import { MlsError, usage } from '@dmls/mls'
import type { DmlsEpoch, InstanceId } from '../dag/identifiers.ts'

export type AdminPolicy =
  /** Every member may add, remove and change settings. */
  | { readonly kind: 'anyone' }
  /** Named members may; others may update their keys, merge, and invite if `invitations` says so. */
  | {
      readonly kind: 'named'
      readonly instances: readonly InstanceId[]
      /** Lower-case hex, as in {@link Actor}: all instances of these identities. */
      readonly identities: readonly string[]
      readonly invitations: 'named' | 'anyone'
    }
  /** The application decides, by a pure function that all its copies share. */
  | { readonly kind: 'application' }

export interface Actor {
  readonly instance: InstanceId
  /** Lower-case hex. */
  readonly identity: string
}

/**
 * What somebody decided to do, apart from what everyone may: fresh keys of its own, leaving, and what the plan of the
 * heads that its commit resolves demands (protocol §7.2).
 */
export interface Operation {
  readonly actor: Actor
  /** Identities that it invites, lower-case hex. */
  readonly adds: readonly string[]
  readonly removes: readonly InstanceId[]
  /** Whether it changes the GroupContext extensions. */
  readonly settings: boolean
  /** Whether the commit resolves heads. */
  readonly merges: boolean
}

/** The epoch in which an operation was made: what all its members know alike. */
export interface AdminScene {
  readonly groupId: Uint8Array
  readonly dmlsEpoch: DmlsEpoch
  /** The integer epoch of RFC 9420. */
  readonly epoch: bigint
  /** Everybody in it, ascending by instance. */
  readonly members: readonly Actor[]
}

/**
 * The application's own rule. Every member asks it about every commit that adds, removes or sets, the committer first, some of them days later and
 * in another order: it must answer from its arguments alone, and alike in all versions of the application that share a
 * group. Members whose rules differ part for good. One that throws refuses the commit.
 */
export type AdminRule = (operation: Operation, scene: AdminScene) => boolean

/**
 * Whether a policy allows an operation.
 * @throws MlsError `usage`/`no_admin_rule` when the policy leaves it to the application and no rule is given,
 * `internal`/`admin_rule_failed` when the rule throws
 */
export function mayCommit(
  policy: AdminPolicy,
  operation: Operation,
  rule?: (operation: Operation) => boolean,
): boolean {
  const { actor, adds, removes, settings } = operation
  // fresh keys and merges are everybody's: a group in which some could not heal would be no safer
  if (adds.length === 0 && removes.length === 0 && !settings) return true
  switch (policy.kind) {
    case 'anyone':
      return true
    case 'named': {
      if (policy.instances.includes(actor.instance) || policy.identities.includes(actor.identity)) return true
      return removes.length === 0 && !settings && (adds.length === 0 || policy.invitations === 'anyone')
    }
    case 'application':
      if (rule === undefined) throw usage('no_admin_rule', 'the group leaves this to a rule of the application')
      return ask(rule, operation)
  }
}

function ask(rule: (operation: Operation) => boolean, operation: Operation): boolean {
  try {
    return rule(operation)
  } catch (error) {
    throw new MlsError('internal', 'admin_rule_failed', 'the rule of the application failed', {}, { cause: error })
  }
}
