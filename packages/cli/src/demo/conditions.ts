/** What the demonstration waits for, as questions about what the members report. */
import type { Actor } from './actor.ts'
import type { Progress } from './cast.ts'

/**
 * These members stand on one head with no fork open, and its members are exactly the given ones.
 * @param identities of everybody who should be in the group
 */
export function agree(actors: readonly Actor[], identities: readonly string[]): Progress {
  const expected = [...identities].sort().join()
  const groups = actors.map(({ state }) => state?.group)
  const heads = groups.map((group) => group?.dmlsEpoch)
  const isSettled = groups.map(
    (group) =>
      group?.isMember === true &&
      group.openHeads.join() === group.dmlsEpoch &&
      group.members
        .map(({ identity }) => identity)
        .sort()
        .join() === expected,
  )
  const most = Math.max(
    0,
    ...heads.map((head) => heads.filter((other, index) => other === head && isSettled[index]).length),
  )
  return progress(most, actors.length)
}

/** These members could decrypt the message. */
export function haveRead(actors: readonly Actor[], messageId: string): Progress {
  return progress(actors.filter(({ received }) => received.has(messageId)).length, actors.length)
}

/** The bytes have reached these members. */
export function haveArrived(actors: readonly Actor[], wireIds: readonly string[]): Progress {
  return progress(actors.filter(({ arrived }) => wireIds.some((id) => arrived.has(id))).length, actors.length)
}

/** These members have been removed and know it. */
export function knowTheyAreOut(actors: readonly Actor[]): Progress {
  return progress(actors.filter(({ state }) => state?.group?.isMember === false).length, actors.length)
}

/** The processes are up. */
export function areUp(actors: readonly Actor[]): Progress {
  return progress(actors.filter(({ state }) => state !== undefined).length, actors.length)
}

function progress(done: number, of: number): Progress {
  return done === of ? true : { done, of }
}
