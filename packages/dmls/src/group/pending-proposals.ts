/**
 * How many proposals one sender may leave in an epoch. They stay for as long as the epoch does, and the head stays
 * however large it is: without a limit, one member could fill everybody's disk with them. The members of this library
 * send none, and their commits refer to none. A commit of others that refers to one that was refused here waits for it,
 * as if it had never come.
 */
import { type CachedProposal, encodeCachedProposal, type GroupState, invalid } from '@dmls/mls'

export const PROPOSALS_MAX = 64
/** Bytes of all the proposals of one sender in an epoch. */
export const PROPOSALS_SIZE_MAX: number = 256 * 1024

/** Refuses the latest proposal of an epoch when its sender has left too much there. @throws MlsError `invalid` `too_many_proposals` */
export function checkRoomForProposal({ proposals }: Pick<GroupState, 'proposals'>): void {
  const all = [...proposals.values()]
  const latest = all.at(-1)
  if (latest === undefined) return
  const sender = senderKey(latest)
  const same = all.filter((each) => senderKey(each) === sender)
  const sizeBytes = same.reduce((sum, each) => sum + encodeCachedProposal(each).length, 0)
  if (same.length > PROPOSALS_MAX || sizeBytes > PROPOSALS_SIZE_MAX) {
    throw invalid('too_many_proposals', 'the sender has left too many proposals in the epoch', { sender })
  }
}

function senderKey({ sender }: CachedProposal): string {
  switch (sender.senderType) {
    case 'member':
      return `member ${sender.leafIndex}`
    case 'external':
      return `external ${sender.senderIndex}`
    default:
      return sender.senderType
  }
}
