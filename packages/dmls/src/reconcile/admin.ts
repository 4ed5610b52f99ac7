/**
 * Who may do what (protocol §10). Evaluated for the epoch in which an operation was made, with the policy and the
 * roster of that epoch, so that everyone comes to the same answer whenever they hear of it.
 */
import { usage } from '@dmls/mls'
import type { InstanceId } from '../dag/identifiers.ts'

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

/** The application's own rule. Must not depend on anything but its argument. */
export type AdminRule = (operation: Operation) => boolean

/**
 * Whether a policy allows an operation.
 * @throws MlsError `usage`/`no_admin_rule` when the policy leaves it to the application and no rule is given
 */
export function mayCommit(policy: AdminPolicy, operation: Operation, rule?: AdminRule): boolean {
  switch (policy.kind) {
    case 'anyone':
      return true
    case 'named': {
      const { actor, adds, removes, settings } = operation
      if (policy.instances.includes(actor.instance) || policy.identities.includes(actor.identity)) return true
      return removes.length === 0 && !settings && (adds.length === 0 || policy.invitations === 'anyone')
    }
    case 'application':
      if (rule === undefined) throw usage('no_admin_rule', 'the group leaves this to a rule of the application')
      return rule(operation)
  }
}
