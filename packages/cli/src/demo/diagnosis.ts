/** How every member is doing, as lines: what somebody needs who has to find out why a wait was in vain. */
import { shortId } from '../history/history.ts'
import type { Actor } from './actor.ts'

export function diagnose(actors: readonly Actor[]): readonly string[] {
  const nameOfPeer = new Map(actors.map(({ name, state }) => [state?.peer, name]))
  const width = Math.max(...actors.map(({ name }) => name.length))
  return actors.flatMap(({ name, state, notices }) => {
    const label = `  ${name.padEnd(width)} `
    if (state === undefined) return [`${label} is down`]
    const { group, peers } = state
    const connected = peers.map((peer) => nameOfPeer.get(peer) ?? peer.slice(-6)).join(' ') || 'nobody'
    const where =
      group === undefined
        ? 'in no group'
        : `epoch ${group.epoch} ${shortId(group.dmlsEpoch)}, ${group.isMember ? `${group.members.length} members` : 'removed'}` +
          `, open heads ${group.openHeads.map(shortId).join(' ') || 'none'}`
    return [
      `${label} ${where}; connected to ${connected}`,
      ...notices.map((notice) => `${' '.repeat(label.length)}   ${notice}`),
    ]
  })
}
