/**
 * Who is who for a newcomer. The ratchet tree shows leaves, not the KeyPackageRefs that name instances, so the GroupInfo
 * of a Welcome carries the names of the child epoch's members.
 */
import type { Extension } from '@dmls/mls'
import type { DmlsEpoch, InstanceId } from '../dag/identifiers.ts'
import { DMLS_ROSTER_EXTENSION, encodeRosterExtension, type RosterEntry } from '../message/group-policy.ts'
import { heldEpoch } from './lookup.ts'
import type { DmlsGroupState } from './state.ts'

export interface RosterChange {
  /** In the order of the Add proposals. */
  readonly added: readonly InstanceId[]
  /** Leaf indices. */
  readonly removed: readonly number[]
}

/**
 * The names of the members that a commit on `base` will leave. Additions take the leftmost blank leaves, after the
 * removals (RFC 9420 §12.1.1).
 */
export function rosterExtension(state: DmlsGroupState, base: DmlsEpoch, change: RosterChange): Extension {
  const { tree } = heldEpoch(state, base).group
  const removed = new Set(change.removed)
  const entries: RosterEntry[] = []
  for (const member of state.dag.roster(base).values()) {
    if (!removed.has(member.leafIndex)) entries.push({ leafIndex: member.leafIndex, instance: member.instance })
  }
  let leafIndex = 0
  for (const instance of change.added) {
    while (!removed.has(leafIndex) && tree.leaf(leafIndex) !== undefined) leafIndex++
    entries.push({ leafIndex, instance, isNew: true })
    leafIndex++
  }
  entries.sort((a, b) => a.leafIndex - b.leafIndex)
  return { extensionType: DMLS_ROSTER_EXTENSION, extensionData: encodeRosterExtension(entries) }
}
