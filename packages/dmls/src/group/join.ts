/**
 * Joining by a Welcome: the epoch that it leads into is a root of our history. Somebody who is in the group already
 * and cannot judge the fork follows a Welcome only with a handover (protocol §7.6).
 */
import { toHex } from '@dmls/crypto'
import { findExtension, invalid, type Joined, missing, type Profile } from '@dmls/mls'
import { Dag } from '../dag/dag.ts'
import type { EpochFacts, RosterMember } from '../dag/epoch-facts.ts'
import { type DmlsEpoch, type InstanceId, instanceId } from '../dag/identifiers.ts'
import { DMLS_ROSTER_EXTENSION, decodeRosterExtension } from '../message/group-policy.ts'
import { chooseHead } from './choose-head.ts'
import { epochOf } from './lookup.ts'
import type { DmlsGroupState, DmlsServices, Handover, Step } from './state.ts'
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

function rootFacts(joined: Joined, services: DmlsServices, handover: Handover | undefined): EpochFacts {
  return {
    id: epochOf(joined.state),
    parent: undefined,
    epoch: joined.state.context.epoch,
    committer: undefined,
    committerLeaf: undefined,
    counter: 0n,
    resolves: handover === undefined ? [] : [{ head: handover.saidIn, forkPoint: handover.saidIn }],
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
  const root = rootFacts(joined, services, undefined)
  const self: InstanceId = instanceId(joined.keyPackageRef)
  const state: DmlsGroupState = {
    profile,
    suite: joined.state.suite,
    groupId: joined.state.context.groupId,
    self,
    dag: Dag.empty().insert(root),
    epochs: new Map([[root.id, { stage: 'open', group: joined.state, supersededAtMs: undefined }]]),
    head: root.id,
    counter: 0n,
    keyPackages: new Map(),
    handovers: new Map(),
    leaving: new Set(),
    removal: undefined,
  }
  return {
    state,
    changes: { epochs: [root.id], dropped: [], facts: [root], witnesses: [], keyPackages: [], meta: true },
    superseded: [],
  }
}

/** The handover that lets us follow a Welcome into an epoch, if one was said. */
export function handoverInto(state: DmlsGroupState, epoch: DmlsEpoch): Handover | undefined {
  return state.handovers.get(epoch)
}

/**
 * Follows a Welcome of a group that we are in, on the word of a handover.
 * @throws MlsError `invalid` `already_member` when we hold the epoch; `missing` `no_handover` without one.
 */
export function adoptWelcome(state: DmlsGroupState, joined: Joined, services: DmlsServices): Step {
  const epoch = epochOf(joined.state)
  if (state.dag.has(epoch)) throw invalid('already_member', 'the epoch is known already')
  const handover = handoverInto(state, epoch)
  if (handover === undefined) {
    // scenarios 11 and 32: a Welcome alone moves nobody
    throw missing('no_handover', 'nobody in our branch said that this epoch resolves it', { epoch })
  }
  const builder = new StepBuilder(state)
    .insert(rootFacts(joined, services, handover))
    .hold(epoch, { stage: 'open', group: joined.state, supersededAtMs: undefined })
    .set({ self: instanceId(joined.keyPackageRef) })
  chooseHead(builder)
  return builder.finish()
}
