/**
 * What the profile demands of a commit beyond RFC 9420: it resolves only heads that exist, it leaves no plan
 * unsatisfied, and its author may do what it does (protocol §7).
 */

import type { CommitChanges } from '@dmls/mls'
import { invalid, missing } from '@dmls/mls'
import type { AddedMember, EpochFacts, ResolvedHead } from '../dag/epoch-facts.ts'
import { compareText, type DmlsEpoch, type InstanceId } from '../dag/identifiers.ts'
import type { AuthenticatedData } from '../message/authenticated-data.ts'
import { type AdminScene, mayCommit, type Operation } from '../reconcile/admin.ts'
import { plan, unsatisfied } from '../reconcile/plan.ts'
import { isAccountedFor, plainRemovals, viewOf } from '../reconcile/view.ts'
import { addedMembers } from './commit-facts.ts'
import { wasTurnedAwayAt } from './exchanges.ts'
import { canBeTrue } from './fork-claim.ts'
import { instanceAt } from './lookup.ts'
import { checkSettings, policyAt } from './policy.ts'
import type { DmlsGroupState, DmlsServices } from './state.ts'

export interface CommitUnderReview {
  readonly parent: DmlsEpoch
  readonly committer: InstanceId
  readonly data: AuthenticatedData
  readonly changes: CommitChanges
}

/**
 * What can be checked before the child is known.
 * @throws MlsError `missing` `unknown_head` when a resolved head may still arrive; `invalid` `resolves_ancestor`,
 * `not_allowed`, `reinit_refused`, and those of {@link checkSettings}; `internal` `admin_rule_failed`.
 */
export function checkCommit(state: DmlsGroupState, commit: CommitUnderReview, services: DmlsServices): void {
  checkHeads(state, commit)
  if (commit.changes.extensions !== undefined) checkSettings(state, commit.parent, commit.changes.extensions)
  if (commit.changes.reinit !== undefined) {
    // RFC 9420 §12.4.2: nothing is sent after it, so that nobody could merge this branch with another
    throw invalid('reinit_refused', 'a group of this profile is not reinitialised')
  }
  const { admin } = policyAt(state, commit.parent)
  if (admin.kind === 'anyone') return
  const actor = state.dag.roster(commit.parent).get(commit.committer)
  const added = addedMembers(state, commit, services)
  // whether anybody may let itself in is a setting of its own
  if (added.some(({ instance }) => instance === commit.committer)) return
  const operation: Operation = {
    actor: { instance: commit.committer, identity: actor?.identity ?? '' },
    ...decisionsOf(state, commit, added),
    // no plan demands a change of settings
    settings: commit.changes.extensionsChanged,
    merges: commit.data.resolves.length > 0,
  }
  const { adminRule } = services
  const allowed = mayCommit(admin, operation, adminRule && ((asked) => adminRule(asked, sceneOf(state, commit.parent))))
  // protocol §10: admin policies are evaluated at the epoch in which the operation was made
  if (!allowed) throw invalid('not_allowed', 'the policy of the epoch does not let this member do that')
}

/**
 * Whom a commit adds and removes beside what it has to. What a merge has to do can only be told by those who can judge
 * it: the others ask for no right.
 */
function decisionsOf(
  state: DmlsGroupState,
  commit: CommitUnderReview,
  added: readonly AddedMember[],
): Pick<Operation, 'adds' | 'removes'> {
  const demanded = demandedBy(state, commit)
  if (demanded === undefined) return { adds: [], removes: [] }
  // a member that asked for it is exchanged for its new instance by whoever is there (protocol §8)
  const exchanged = new Set(added.flatMap(({ continues }) => continues ?? []))
  return {
    adds: added
      .filter(({ instance, continues }) => continues === undefined && !demanded.has(instance))
      .map(({ identity }) => identity),
    removes: commit.changes.removed
      .map((member) => instanceAt(state, commit.parent, member.leafIndex))
      .filter((instance) => !exchanged.has(instance) && !demanded.has(instance)),
  }
}

/** Whether the policy of the chosen epoch lets us remove these members. */
export function mayRemove(
  state: DmlsGroupState,
  removes: readonly InstanceId[],
  { adminRule }: Pick<DmlsServices, 'adminRule'>,
): boolean {
  const self = state.dag.roster(state.head).get(state.self)
  const actor = { instance: state.self, identity: self?.identity ?? '' }
  const operation: Operation = { actor, adds: [], removes, settings: false, merges: false }
  const { admin } = policyAt(state, state.head)
  return mayCommit(admin, operation, adminRule && ((asked) => adminRule(asked, sceneOf(state, state.head))))
}

function sceneOf(state: DmlsGroupState, parent: DmlsEpoch): AdminScene {
  const members = [...state.dag.roster(parent).values()]
    .map(({ instance, identity }) => ({ instance, identity }))
    .sort((a, b) => compareText(a.instance, b.instance))
  return { groupId: state.groupId.slice(), dmlsEpoch: parent, epoch: state.dag.node(parent).facts.epoch, members }
}

/**
 * Whom the plan of the heads that a commit lists adds or removes: that needs nobody's right (protocol §7.2). undefined
 * for whoever cannot judge.
 */
function demandedBy(state: DmlsGroupState, commit: CommitUnderReview): ReadonlySet<InstanceId> | undefined {
  const { dag } = state
  const resolves = commit.data.resolves as readonly ResolvedHead[]
  if (!areAccountedFor(state, commit.parent, resolves)) return undefined
  const heads = resolves.map(({ head }) => head).filter((head) => dag.has(head))
  if (heads.length === 0) return new Set()
  const view = viewOf(dag, [commit.parent, ...heads])
  if (view === undefined) return undefined
  const { add, remove } = plan(view, commit.parent, heads)
  return new Set([...add.map((added) => added.instance), ...remove])
}

function checkHeads(state: DmlsGroupState, { parent, committer, data }: CommitUnderReview): void {
  const { dag, epochs } = state
  for (const { head, forkPoint } of data.resolves) {
    if (dag.has(head) && (head === parent || dag.isAncestor(head, parent))) {
      throw invalid('resolves_ancestor', 'a commit resolves an epoch of its own branch')
    }
    const parted = dag.has(head) ? dag.forkPoint(head, parent) : undefined
    // protocol §7.2: who resolves a head was there when it parted, and says where that was
    if ((parted ?? forkPoint) !== forkPoint || !canBeTrue(state, { forkPoint, saidIn: parent, by: committer })) {
      throw invalid('bad_fork_point', 'a commit resolves a head that did not part there, or not before its author')
    }
    const isOpen = isAbove(state, forkPoint, parent) && epochs.get(forkPoint)?.stage === 'open'
    if (!dag.has(head) && isOpen && !wasTurnedAwayAt(state, forkPoint)) {
      // we were there when it forked, so the head can still reach us: judge it then
      throw missing('unknown_head', 'a head that the commit resolves has not arrived', { epoch: head })
    }
  }
}

/** Whether all heads that are resolved on a branch are here, or could have been. */
function areAccountedFor(state: DmlsGroupState, on: DmlsEpoch, resolves: readonly ResolvedHead[]): boolean {
  const { dag } = state
  const branch = dag.node(on)
  return resolves.every(
    (resolved) =>
      isAccountedFor(dag, branch, resolved) && (dag.has(resolved.head) || !wasTurnedAwayAt(state, resolved.forkPoint)),
  )
}

function isAbove({ dag }: DmlsGroupState, epoch: DmlsEpoch, parent: DmlsEpoch): boolean {
  return dag.has(epoch) && (epoch === parent || dag.isAncestor(epoch, parent))
}

/**
 * Whether the child does what the heads that it lists require, as far as they are known here.
 * @throws MlsError `invalid` `plan_unsatisfied`
 */
export function checkPlanDone(state: DmlsGroupState, child: DmlsEpoch): void {
  const heads = state.dag.resolvedHeads(child)
  if (heads.length === 0) return
  // protocol §7.2: everyone who can judge refuses a commit that leaves its plan unsatisfied
  if (!isDone(state, child, heads)) {
    throw invalid('plan_unsatisfied', 'the commit resolves heads without doing what they require')
  }
}

function isDone(state: DmlsGroupState, child: DmlsEpoch, heads: readonly ResolvedHead[]): boolean {
  const { dag } = state
  const facts = dag.get(child) as EpochFacts
  const causes = [facts.parent as DmlsEpoch, ...heads.map(({ head }) => head)]
  const view = areAccountedFor(state, child, facts.resolves) ? viewOf(dag, causes) : undefined
  if (view !== undefined) return unsatisfied(view.insert(facts), child).empty
  // what is not known here may add members or void additions; but whom somebody decided to remove is out whatever it is
  const removed = plainRemovals(dag, causes)
  return [...dag.roster(child).keys()].every((instance) => !removed.has(instance))
}
