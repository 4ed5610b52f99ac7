/** Judges what the demonstration ended with. Pure: the same outcome gives the same verdicts. */
import { shortId } from '../history/history.ts'
import type { MemberOutcome, MessageOutcome, Outcome } from './outcome.ts'

export interface Check {
  readonly claim: string
  readonly holds: boolean
  /** What was found. */
  readonly finding: string
}

/** Every claim with its verdict, in the order in which they are printed. */
export function check(outcome: Outcome): readonly Check[] {
  const remaining = outcome.members.filter(({ name }) => outcome.expectedMembers.includes(name))
  return [
    checkCut(outcome),
    checkRestart(outcome),
    checkPresence(outcome, remaining),
    checkSame('the same dmls_epoch', remaining, ({ dmlsEpoch }) => dmlsEpoch, 'epoch '),
    checkMembers(outcome, remaining),
    checkSame('the same epoch authenticator', remaining, ({ epochAuthenticator }) => epochAuthenticator, ''),
    checkResolved(remaining),
    checkAfterMerge(outcome),
    checkRemoved(outcome),
    checkUnreadable(outcome),
    checkCopy(outcome),
  ]
}

function checkCut({ cut }: Outcome): Check {
  const isForked = cut.heads.length > 1 && new Set(cut.heads).size === cut.heads.length
  return {
    claim: 'the network was really cut, and the sides went different ways',
    holds: isForked && cut.attempts > 0 && cut.refused === cut.attempts,
    finding: `${cut.refused} of ${cut.attempts} connections across it were refused; heads ${cut.heads.map(shortId).join(' and ')}`,
  }
}

function checkRestart({ killed, members }: Outcome): Check {
  const starts = members.find(({ name }) => name === killed)?.starts ?? 0
  return {
    claim: `${killed} was killed and went on from the store`,
    holds: starts > 1,
    finding: `its process was started ${starts} times`,
  }
}

function checkPresence({ expectedMembers }: Outcome, remaining: readonly MemberOutcome[]): Check {
  const present = remaining.filter(({ isMember }) => isMember).map(({ name }) => name)
  return {
    claim: 'everybody who should be a member reports to be one',
    holds: expectedMembers.every((name) => present.includes(name)),
    finding: `${present.length} of ${expectedMembers.length}: ${present.join(', ')}`,
  }
}

function checkSame(
  what: string,
  members: readonly MemberOutcome[],
  value: (member: MemberOutcome) => string | undefined,
  prefix: string,
): Check {
  const values = new Set(members.map(value))
  const isSame = members.length > 0 && values.size === 1 && !values.has(undefined)
  const shown = [...values].map((each) => (each === undefined ? 'none' : shortId(each))).join(', ')
  return { claim: `every process reports ${what}`, holds: isSame, finding: `${prefix}${shown}` }
}

function checkMembers({ expectedMembers, added, removed }: Outcome, remaining: readonly MemberOutcome[]): Check {
  const expected = expectedMembers.join(' ')
  const differing = remaining.filter(({ members }) => members.join(' ') !== expected)
  const [odd] = differing
  return {
    claim: `every process reports the same members: ${added} is in, ${removed} is out`,
    holds:
      remaining.length > 0 &&
      differing.length === 0 &&
      expectedMembers.includes(added) &&
      !expectedMembers.includes(removed),
    finding: odd === undefined ? expectedMembers.join(', ') : `${odd.name} reports ${odd.members.join(', ')}`,
  }
}

function checkResolved(remaining: readonly MemberOutcome[]): Check {
  const open = Math.max(0, ...remaining.map(({ openHeads }) => openHeads.length))
  return {
    claim: 'the fork is closed: one head is left',
    holds: remaining.length > 0 && remaining.every(({ openHeads, dmlsEpoch }) => openHeads.join() === dmlsEpoch),
    finding: `${open} open ${open === 1 ? 'head' : 'heads'}`,
  }
}

function checkAfterMerge({ messages, expectedMembers }: Outcome): Check {
  const after = messages.filter(({ phase }) => phase === 'after the merge')
  const complete = after.filter(({ from, readBy }) =>
    expectedMembers.every((name) => name === from || readBy.includes(name)),
  )
  return {
    claim: 'messages sent after the merge were decrypted by all',
    holds: after.length > 0 && complete.length === after.length,
    finding: `${complete.length} of ${after.length} messages by all ${expectedMembers.length}`,
  }
}

function checkRemoved({ removed, members, refusalOfRemoved }: Outcome): Check {
  const isOut = members.find(({ name }) => name === removed)?.isMember === false
  return {
    claim: `${removed} knows of the removal, and the client refuses to speak`,
    holds: isOut && refusalOfRemoved !== undefined,
    finding: refusalOfRemoved ?? 'it spoke',
  }
}

function checkUnreadable({ removed, messages }: Outcome): Check {
  const later = messages.filter(({ phase }) => phase === 'after the merge')
  const reached = later.filter((message) => message.reached.includes(removed))
  const read = later.filter((message: MessageOutcome) => message.readBy.includes(removed))
  return {
    claim: `${removed} could not read what was said after the merge, although it got there`,
    holds: reached.length > 0 && read.length === 0,
    finding: `${reached.length} messages reached ${removed}, ${read.length} were read`,
  }
}

function checkCopy({ removed, expectedMembers, copyMessage: { reached, readBy } }: Outcome): Check {
  return {
    claim: `what was sent with ${removed}’s old keys, after the removal, was decrypted by nobody`,
    holds: expectedMembers.every((name) => reached.includes(name)) && readBy.length === 0,
    finding: `reached ${reached.length} members, read by ${readBy.length}`,
  }
}
