/** Questions about one epoch of a group: who sits where, and what is still held of it. */
import { fromHex, toHex } from '@dmls/crypto'
import { type Extension, type GroupState, invalid, MlsError, missing } from '@dmls/mls'
import type { RosterMember } from '../dag/epoch-facts.ts'
import { type DmlsEpoch, dmlsEpoch, type InstanceId } from '../dag/identifiers.ts'
import type { DmlsGroupState, HeldEpoch } from './state.ts'

/** The name of the epoch that a group state is in. */
export function epochOf(group: GroupState): DmlsEpoch {
  return dmlsEpoch(group.epochId)
}

/** @throws MlsError `missing` `unknown_epoch`, or `invalid` `beyond_horizon` when its secrets are deleted already. */
export function heldEpoch(state: DmlsGroupState, id: DmlsEpoch): HeldEpoch {
  const held = state.epochs.get(id)
  if (held !== undefined) return held
  // protocol §8: a fork that starts before the deletion horizon is refused
  if (state.dag.has(id))
    throw invalid('beyond_horizon', 'the epoch is known, but its secrets are deleted', { epoch: id })
  throw missing('unknown_epoch', 'the epoch is not known here', { epoch: id })
}

/**
 * Whether an epoch where we are at home is known, its secrets are gone, and our head has not taken its branch in: others
 * may go on there.
 */
export function isLostBranch({ dag, epochs, home, head }: DmlsGroupState, id: DmlsEpoch): boolean {
  return dag.has(id) && !epochs.has(id) && dag.precedes(home, id) && !dag.precedes(id, head)
}

/** The group state of the chosen epoch. */
export function headGroup(state: DmlsGroupState): GroupState {
  const held = state.epochs.get(state.head)
  if (held === undefined) throw new MlsError('internal', 'head_not_held', 'the chosen epoch has no secrets')
  return held.group
}

/** Who sits at a leaf in an epoch. @throws MlsError `invalid` `leaf_unknown` */
export function instanceAt(state: DmlsGroupState, epoch: DmlsEpoch, leafIndex: number): InstanceId {
  const instance = memberAt(state, epoch, leafIndex)?.instance
  if (instance === undefined) throw invalid('leaf_unknown', 'no member sits at this leaf', { leafIndex })
  return instance
}

/** The member at a leaf in an epoch, or undefined. */
export function memberAt(state: DmlsGroupState, epoch: DmlsEpoch, leafIndex: number): RosterMember | undefined {
  return state.dag.memberAt(epoch, leafIndex)
}

/** Who we are in an epoch whose secrets we hold. */
export function selfIn(state: DmlsGroupState, epoch: DmlsEpoch): InstanceId {
  return memberAt(state, epoch, heldEpoch(state, epoch).group.ownLeaf)?.instance ?? state.self
}

/** Where somebody sits in an epoch, or undefined. */
export function leafOf(state: DmlsGroupState, epoch: DmlsEpoch, instance: InstanceId): number | undefined {
  return state.dag.roster(epoch).get(instance)?.leafIndex
}

/** Hexadecimal of GroupContext extensions: how settings are compared and reported. */
export function extensionsKey(extensions: GroupState['context']['extensions']): string {
  return extensions.map((e) => `${e.extensionType.toString(16).padStart(4, '0')}:${toHex(e.extensionData)}`).join(',')
}

/** The extensions that {@link extensionsKey} wrote. */
export function parseExtensionsKey(key: string): readonly Extension[] {
  if (key === '') return []
  return key.split(',').map((entry) => {
    const [type = '', data = ''] = entry.split(':')
    return { extensionType: Number.parseInt(type, 16), extensionData: fromHex(data) }
  })
}
