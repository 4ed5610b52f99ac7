/**
 * Joining by a Welcome: the epoch that it leads into is a root of our history. Somebody who is in the group already
 * and cannot judge the fork follows a Welcome only with a handover (protocol §7.6).
 */
import { findExtension, invalid, type Joined, missing, type Profile, usage } from '@dmls/mls'
import type { EpochFacts } from '../dag/epoch-facts.ts'
import { type DmlsEpoch, instanceId } from '../dag/identifiers.ts'
import { DMLS_ROSTER_EXTENSION, decodeRosterExtension } from '../message/group-policy.ts'
import { chooseHead } from './choose-head.ts'
import { overcomeByEntering, withOvercome } from './exchanges.ts'
import { beginHistory, rootFacts } from './first-epoch.ts'
import { handoversInto, wasAt } from './handovers.ts'
import { epochOf } from './lookup.ts'
import { checkRuleGiven } from './policy.ts'
import { checkAnswer } from './rejoin.ts'
import { type RetentionStep, Retirement } from './retention-step.ts'
import type { DmlsGroupState, DmlsServices, OvercomeRemoval, Step } from './state.ts'
import { StepBuilder } from './step.ts'

/**
 * The epoch that a Welcome leads into. @throws MlsError `invalid` `bad_roster` when its GroupInfo misnames the members,
 * and what {@link checkRuleGiven} throws
 */
function joinedFacts(joined: Joined, services: DmlsServices): EpochFacts {
  const { state: group } = joined
  checkRuleGiven(group.context.extensions, services)
  const data = findExtension(joined.groupInfoExtensions, DMLS_ROSTER_EXTENSION)
  if (data === undefined) throw invalid('bad_roster', 'the Welcome does not name the members')
  const entries = decodeRosterExtension(data)
  const self = entries.find((entry) => entry.leafIndex === group.ownLeaf)
  if (self?.instance !== instanceId(joined.keyPackageRef)) throw invalid('bad_roster', 'the Welcome misnames us')
  return rootFacts(group, entries, services)
}

/** The first we see of a group: a history with one root. */
export function joinDmlsGroup(joined: Joined, profile: Profile, services: DmlsServices): Step {
  const root = joinedFacts(joined, services)
  return beginHistory({ profile, group: joined.state, root, self: instanceId(joined.keyPackageRef) })
}

/** Begins a step by which a Welcome's epoch becomes a root of our history, and we its new instance there. */
function enter(state: DmlsGroupState, joined: Joined, services: DmlsServices): StepBuilder {
  const epoch = epochOf(joined.state)
  return new StepBuilder(state)
    .insert(joinedFacts(joined, services))
    .hold(epoch, { stage: 'open', group: joined.state, supersededAtMs: undefined })
    .set({ self: instanceId(joined.keyPackageRef), home: epoch })
}

/**
 * Follows a Welcome of a group that we are in, on the word of a handover.
 * @throws MlsError `invalid` `already_member` when we hold the epoch, `can_judge` when we were where the branches parted:
 * then the fork choice moves us, and nobody's word; `missing` `no_handover` without one.
 */
export function adoptWelcome(state: DmlsGroupState, joined: Joined, services: DmlsServices): Step {
  const epoch = epochOf(joined.state)
  if (state.dag.has(epoch)) throw invalid('already_member', 'the epoch is known already')
  const said = handoversInto(state, epoch)
  // scenarios 11 and 32: a Welcome alone moves nobody
  if (said.length === 0)
    throw missing('no_handover', 'nobody in our branch said that this epoch resolves it', { epoch })
  // protocol §7.6, scenario 11: a member that can judge the fork is never moved by a Welcome
  if (said.every((handover) => wasAt(state, handover))) {
    throw invalid('can_judge', 'we were where the branches part', { epoch })
  }
  const builder = enter(state, joined, services)
  chooseHead(builder)
  return builder.finish()
}

/**
 * Follows the Welcome that answers our request to be replaced (protocol §8), as a new instance. What we hold from before
 * stays, unless it was a copy or an old state: then its epochs can be read, and start nothing any more (scenario 16).
 * @throws MlsError `invalid` `already_member` when we know the epoch, and what an answer is refused with
 */
export function comeBack(state: DmlsGroupState, joined: Joined, services: DmlsServices): RetentionStep {
  if (state.dag.has(epochOf(joined.state))) throw invalid('already_member', 'the epoch is known already')
  checkAnswer(state, joined, services)
  return enterAnew(state, joined, services)
}

/**
 * Follows a Welcome back into a group that removed us, as a new instance. What we hold of the time before stays: late
 * messages of it can be read, and an old Welcome leads nowhere.
 * @throws MlsError `invalid` `already_member` when we know the epoch, `already_resolved` when we were beyond it before;
 * `usage` `not_removed`
 */
export function rejoinDmlsGroup(state: DmlsGroupState, joined: Joined, services: DmlsServices): RetentionStep {
  if (!isWayBack(state, joined)) throw usage('not_removed', 'a member follows a Welcome on the word of a handover')
  const { dag, head } = state
  const epoch = epochOf(joined.state)
  if (dag.has(epoch)) throw invalid('already_member', 'the epoch is known already')
  // scenario 6: nobody goes back to a branch that was given up before the removal; a merge elsewhere is what it leads to
  const isBehindUs = dag.resolvedBy(epoch).some((merge) => merge === head || dag.precedes(merge, head))
  if (isBehindUs) throw invalid('already_resolved', 'the epoch lies behind us')
  return enterAnew(state, joined, services)
}

/** Enters as another instance than before: neither the removal of that one nor a loss of its state counts any more. */
function enterAnew(state: DmlsGroupState, joined: Joined, services: DmlsServices): RetentionStep {
  const builder = enter(state, joined, services)
    .set({ removal: undefined, asked: undefined, isLost: false })
    // others asked in view of the side that we leave
    .set({ returning: new Map(), overcome: overcomeBy(state, epochOf(joined.state)) })
  chooseHead(builder)
  const retirement = new Retirement(builder)
  if (state.isLost) for (const id of state.epochs.keys()) retirement.makeReadable(id)
  return retirement.finish()
}

/**
 * Entering again, also by an old Welcome and on another branch, overcomes a removal only as long as nothing leads us back
 * to where we were removed.
 */
function overcomeBy({ removal, overcome }: DmlsGroupState, entered: DmlsEpoch): readonly OvercomeRemoval[] {
  return removal === undefined ? overcome : withOvercome(overcome, { ...removal, entered, takenBack: false })
}

/**
 * Whether a Welcome may be the way back after a removal: we are out; or nobody has led us on from where we entered since,
 * we are there as an instance that was removed, and this one is for another instance.
 */
export function isWayBack(state: DmlsGroupState, joined: Joined): boolean {
  const { removal, self, home } = state
  if (removal !== undefined) return true
  const overcome = overcomeByEntering(state)
  if (overcome.at(-1)?.entered !== home) return false
  const instance = instanceId(joined.keyPackageRef)
  return overcome.some(({ removes }) => removes.includes(self) && !removes.includes(instance))
}
