/**
 * Joining by a Welcome: the epoch that it leads into is a root of our history. Somebody who is in the group already
 * and cannot judge the fork follows a Welcome only with a handover (protocol §7.6).
 */
import { toHex } from '@dmls/crypto'
import { findExtension, invalid, type Joined, missing, type Profile, usage } from '@dmls/mls'
import { Dag } from '../dag/dag.ts'
import type { EpochFacts, RosterMember } from '../dag/epoch-facts.ts'
import { type InstanceId, instanceId } from '../dag/identifiers.ts'
import { DMLS_ROSTER_EXTENSION, decodeRosterExtension } from '../message/group-policy.ts'
import { chooseHead } from './choose-head.ts'
import { handoversInto, wasAt } from './handovers.ts'
import { epochOf } from './lookup.ts'
import { checkAnswer } from './rejoin.ts'
import { type RetentionStep, Retirement } from './retention-step.ts'
import type { DmlsGroupState, DmlsServices, Step } from './state.ts'
import { StepBuilder } from './step.ts'

/** The roster that the GroupInfo names, checked against the tree. @throws MlsError `invalid` `bad_roster` */
function rosterOf(joined: Joined, services: DmlsServices): RosterMember[] {
  const data = findExtension(joined.groupInfoExtensions, DMLS_ROSTER_EXTENSION)
  if (data === undefined) throw invalid('bad_roster', 'the Welcome does not name the members')
  const { tree } = joined.state
  const entries = decodeRosterExtension(data)
  const roster = entries.map(({ leafIndex, instance }): RosterMember => {
    const leaf = tree.leaf(leafIndex)
    if (leaf === undefined) throw invalid('bad_roster', 'the Welcome names a member at a blank leaf', { leafIndex })
    return { instance: instanceId(instance), identity: toHex(services.identityOf(leaf)), leafIndex }
  })
  const distinct = new Set(roster.map((member) => member.instance)).size
  if (roster.length !== tree.memberCount || distinct !== roster.length) {
    throw invalid('bad_roster', 'the Welcome does not name every member once')
  }
  const self = roster.find((member) => member.leafIndex === joined.state.ownLeaf)
  if (self?.instance !== instanceId(joined.keyPackageRef)) throw invalid('bad_roster', 'the Welcome misnames us')
  return roster
}

function rootFacts(joined: Joined, services: DmlsServices): EpochFacts {
  return {
    id: epochOf(joined.state),
    parent: undefined,
    epoch: joined.state.context.epoch,
    committer: undefined,
    committerLeaf: undefined,
    counter: 0n,
    resolves: [],
    adds: [],
    removes: [],
    updates: [],
    settings: undefined,
    confirmationTag: toHex(joined.state.confirmationTag),
    roster: rosterOf(joined, services),
  }
}

/** The first we see of a group: a history with one root. */
export function joinDmlsGroup(joined: Joined, profile: Profile, services: DmlsServices): Step {
  const root = rootFacts(joined, services)
  const self: InstanceId = instanceId(joined.keyPackageRef)
  const state: DmlsGroupState = {
    profile,
    suite: joined.state.suite,
    groupId: joined.state.context.groupId,
    self,
    dag: Dag.empty().insert(root),
    epochs: new Map([[root.id, { stage: 'open', group: joined.state, supersededAtMs: undefined }]]),
    home: root.id,
    head: root.id,
    counter: 0n,
    keyPackages: new Map(),
    handovers: new Map(),
    leaving: new Set(),
    removal: undefined,
    returning: new Map(),
    asked: undefined,
    isLost: false,
  }
  return {
    state,
    changes: { epochs: [root.id], dropped: [], facts: [root], witnesses: [], keyPackages: [], meta: true },
    superseded: [],
  }
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
  const builder = new StepBuilder(state)
    .insert(rootFacts(joined, services))
    .hold(epoch, { stage: 'open', group: joined.state, supersededAtMs: undefined })
    .set({ self: instanceId(joined.keyPackageRef), home: epoch })
  chooseHead(builder)
  return builder.finish()
}

/**
 * Follows the Welcome that answers our request to be replaced (protocol §8), as a new instance. What we hold from before
 * stays, unless it was a copy or an old state: then its epochs can be read, and start nothing any more (scenario 16).
 * @throws MlsError `invalid` `already_member` when we know the epoch, and what an answer is refused with
 */
export function comeBack(state: DmlsGroupState, joined: Joined, services: DmlsServices): RetentionStep {
  const epoch = epochOf(joined.state)
  if (state.dag.has(epoch)) throw invalid('already_member', 'the epoch is known already')
  checkAnswer(state, joined, services)
  const builder = new StepBuilder(state)
    .insert(rootFacts(joined, services))
    .hold(epoch, { stage: 'open', group: joined.state, supersededAtMs: undefined })
    .set({ self: instanceId(joined.keyPackageRef), home: epoch, removal: undefined, asked: undefined, isLost: false })
    // others asked in view of the side that we leave
    .set({ returning: new Map() })
  chooseHead(builder)
  const retirement = new Retirement(builder)
  if (state.isLost) for (const id of state.epochs.keys()) retirement.makeReadable(id)
  return retirement.finish()
}

/**
 * Follows a Welcome back into a group that removed us, as a new instance. What we hold of the time before stays: late
 * messages of it can be read, and an old Welcome leads nowhere.
 * @throws MlsError `invalid` `already_member` when we know the epoch, `already_resolved` when we were beyond it before;
 * `usage` `not_removed`
 */
export function rejoinDmlsGroup(state: DmlsGroupState, joined: Joined, services: DmlsServices): Step {
  if (state.removal === undefined) throw usage('not_removed', 'a member follows a Welcome on the word of a handover')
  const epoch = epochOf(joined.state)
  if (state.dag.has(epoch)) throw invalid('already_member', 'the epoch is known already')
  // scenario 6: nobody goes back to a branch that was given up before the removal
  if (state.dag.resolvedBy(epoch).length > 0) throw invalid('already_resolved', 'the epoch lies behind us')
  const builder = new StepBuilder(state)
    .insert(rootFacts(joined, services))
    .hold(epoch, { stage: 'open', group: joined.state, supersededAtMs: undefined })
    .set({ self: instanceId(joined.keyPackageRef), home: epoch, removal: undefined })
  chooseHead(builder)
  return builder.finish()
}
