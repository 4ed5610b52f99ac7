/** The public facts of a commit, as the DAG keeps them. */
import { toHex } from '@dmls/crypto'
import type { EpochFacts } from '../dag/epoch-facts.ts'
import { type DmlsEpoch, type InstanceId, instanceId } from '../dag/identifiers.ts'
import { epochOf, extensionsKey, instanceAt, leafOf } from './lookup.ts'
import type { ChildEpoch } from './receive.ts'
import type { DmlsGroupState, DmlsServices } from './state.ts'

export function commitFacts(state: DmlsGroupState, commit: ChildEpoch, services: DmlsServices): EpochFacts {
  const { parent, committer, data, changes, child } = commit
  return {
    id: epochOf(child),
    parent,
    epoch: child.context.epoch,
    committer,
    committerLeaf: leafOf(state, parent, committer),
    counter: data.counter,
    resolves: data.resolves.map(({ head, forkPoint }) => ({
      head: head as DmlsEpoch,
      forkPoint: forkPoint as DmlsEpoch,
    })),
    adds: changes.added.map((added) => ({
      instance: instanceId(added.keyPackageRef),
      identity: toHex(services.identityOf(added.keyPackage.leafNode)),
      leafIndex: added.leafIndex,
    })),
    removes: changes.removed.map((removed) => instanceAt(state, parent, removed.leafIndex)),
    updates: updatedInstances(state, commit),
    settings: changes.extensionsChanged ? extensionsKey(changes.extensions ?? []) : undefined,
    confirmationTag: toHex(child.confirmationTag),
  }
}

function updatedInstances(state: DmlsGroupState, { parent, committer, changes }: ChildEpoch): InstanceId[] {
  const updated = changes.updated.map((update) => instanceAt(state, parent, update.leafIndex))
  return changes.committerLeaf === undefined ? updated : [...updated, committer]
}
