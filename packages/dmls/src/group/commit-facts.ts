/** The public facts of a commit, as the DAG keeps them. */
import { toHex } from '@dmls/crypto'
import type { CommitChanges } from '@dmls/mls'
import type { AddedMember, EpochFacts } from '../dag/epoch-facts.ts'
import { type DmlsEpoch, type InstanceId, instanceId } from '../dag/identifiers.ts'
import type { CommitUnderReview } from './commit-rules.ts'
import { epochOf, extensionsKey, instanceAt, leafOf } from './lookup.ts'
import type { ChildEpoch } from './receive.ts'
import { rejoinRequestOf } from './rejoin.ts'
import type { DmlsGroupState, DmlsServices } from './state.ts'

export function commitFacts(state: DmlsGroupState, commit: ChildEpoch, services: DmlsServices): EpochFacts {
  const { parent, committer, data, changes, child } = commit
  const adds = addedMembers(state, commit, services)
  return {
    id: epochOf(child),
    parent,
    epoch: child.context.epoch,
    committer,
    // whoever let itself in sits where its commit put it
    committerLeaf: leafOf(state, parent, committer) ?? adds.find(({ instance }) => instance === committer)?.leafIndex,
    counter: data.counter,
    resolves: data.resolves.map(({ head, forkPoint }) => ({
      head: head as DmlsEpoch,
      forkPoint: forkPoint as DmlsEpoch,
    })),
    adds,
    removes: removedInstances(state, commit),
    updates: updatedInstances(state, commit),
    settings: changes.extensionsChanged ? extensionsKey(changes.extensions ?? []) : undefined,
    confirmationTag: toHex(child.confirmationTag),
  }
}

function addedMember(
  state: DmlsGroupState,
  commit: Pick<CommitUnderReview, 'parent' | 'changes'>,
  { keyPackage, keyPackageRef, leafIndex }: CommitChanges['added'][number],
  services: DmlsServices,
): AddedMember {
  const identity = toHex(services.identityOf(keyPackage.leafNode))
  const member = { instance: instanceId(keyPackageRef), identity, leafIndex }
  const request = rejoinRequestOf(keyPackage, state.groupId)
  if (request === undefined || !removedInstances(state, commit).includes(request.instance)) return member
  const continued = state.dag.roster(commit.parent).get(request.instance)
  return continued?.identity === identity ? { ...member, continues: request.instance } : member
}

/** Whom a commit adds, and whom of its members it only exchanges for a new instance of itself (protocol §8). */
export function addedMembers(
  state: DmlsGroupState,
  commit: Pick<CommitUnderReview, 'parent' | 'changes'>,
  services: DmlsServices,
): readonly AddedMember[] {
  return commit.changes.added.map((added) => addedMember(state, commit, added, services))
}

function removedInstances(
  state: DmlsGroupState,
  { parent, changes }: Pick<CommitUnderReview, 'parent' | 'changes'>,
): InstanceId[] {
  return changes.removed.map((removed) => instanceAt(state, parent, removed.leafIndex))
}

function updatedInstances(state: DmlsGroupState, { parent, committer, changes }: ChildEpoch): InstanceId[] {
  const updated = changes.updated.map((update) => instanceAt(state, parent, update.leafIndex))
  return changes.committerLeaf === undefined ? updated : [...updated, committer]
}
