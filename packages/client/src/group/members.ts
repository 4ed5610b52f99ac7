/** Members of a group as an application sees them. */
import { fromHex } from '@dmls/crypto'
import { type DmlsEpoch, type DmlsGroupState, heldEpoch, type InstanceId, type RosterMember } from '@dmls/dmls'
import type { Member } from '../api.ts'

function toMember(state: DmlsGroupState, epoch: DmlsEpoch, member: RosterMember): Member {
  return {
    instance: member.instance,
    identity: fromHex(member.identity),
    leafIndex: member.leafIndex,
    isSelf: member.leafIndex === heldEpoch(state, epoch).group.ownLeaf,
  }
}

/** Everybody in the chosen epoch, by leaf. */
export function membersOf(state: DmlsGroupState): readonly Member[] {
  return [...state.dag.roster(state.head).values()]
    .map((member) => toMember(state, state.head, member))
    .sort((a, b) => a.leafIndex - b.leafIndex)
}

/** Somebody as of an epoch, by default the chosen one; undefined if it was no member there. */
export function memberOf(
  state: DmlsGroupState,
  instance: InstanceId,
  epoch: DmlsEpoch = state.head,
): Member | undefined {
  const member = state.dag.roster(epoch).get(instance)
  if (member === undefined) return undefined
  const own = state.epochs.get(epoch)?.group.ownLeaf
  const { leafIndex } = member
  return { instance, identity: fromHex(member.identity), leafIndex, isSelf: leafIndex === own }
}
