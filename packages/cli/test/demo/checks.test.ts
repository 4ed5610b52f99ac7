import { describe, expect, test } from 'vitest'
import { check } from '../../src/demo/checks.ts'
import type { MemberOutcome, Outcome } from '../../src/demo/outcome.ts'

const MEMBERS = ['alice', 'bob', 'charlie', 'grace']

function member(name: string, more: Partial<MemberOutcome> = {}): MemberOutcome {
  return {
    name,
    isMember: true,
    dmlsEpoch: 'e5e5',
    epoch: 5,
    epochAuthenticator: 'a5a5',
    members: MEMBERS,
    openHeads: ['e5e5'],
    starts: name === 'charlie' ? 2 : 1,
    ...more,
  }
}

const GOOD: Outcome = {
  expectedMembers: MEMBERS,
  added: 'grace',
  removed: 'frank',
  killed: 'charlie',
  members: [...MEMBERS.map((name) => member(name)), member('frank', { isMember: false, dmlsEpoch: 'e2e2' })],
  messages: [
    {
      from: 'alice',
      text: 'hello',
      phase: 'after the merge',
      dmlsEpoch: 'e5e5',
      readBy: ['bob', 'charlie', 'grace'],
      reached: ['bob', 'charlie', 'frank', 'grace'],
    },
  ],
  cut: { sides: [['alice', 'bob'], ['charlie']], attempts: 2, refused: 2, heads: ['e3e3', 'e4e4'] },
  refusalOfRemoved: 'not a member',
  copyMessage: { text: 'let me in', reached: MEMBERS, readBy: [] },
  history: { epochs: [], head: 'e5e5', openHeads: ['e5e5'] },
}

const [MESSAGE] = GOOD.messages

function withMember(name: string, more: Partial<MemberOutcome>): Outcome {
  return { ...GOOD, members: GOOD.members.map((each) => (each.name === name ? { ...each, ...more } : each)) }
}

function failed(outcome: Outcome): readonly string[] {
  return check(outcome)
    .filter(({ holds }) => !holds)
    .map(({ claim }) => claim)
}

describe('the statement at the end of the demonstration', () => {
  test('holds when everything is as it should be', () => {
    expect(failed(GOOD)).toEqual([])
  })

  const NOBODY: Outcome = { ...GOOD, members: [], messages: [] }
  test('does not hold of nothing', () => {
    expect(failed(NOBODY).length).toBeGreaterThanOrEqual(7)
  })

  test.each<readonly [string, Outcome, string]>([
    ['bob is in another epoch', withMember('bob', { dmlsEpoch: 'e6e6' }), 'the same dmls_epoch'],
    ['bob has another secret', withMember('bob', { epochAuthenticator: 'ffff' }), 'the same epoch authenticator'],
    ['bob still has frank', withMember('bob', { members: [...MEMBERS, 'frank'].sort() }), 'the same members'],
    ['bob lost grace', withMember('bob', { members: ['alice', 'bob', 'charlie'] }), 'the same members'],
    ['bob is out', withMember('bob', { isMember: false }), 'everybody who should be'],
    [
      'grace’s process never came',
      { ...GOOD, members: GOOD.members.filter(({ name }) => name !== 'grace') },
      'everybody who should be',
    ],
    ['bob sees an open fork', withMember('bob', { openHeads: ['e4e4', 'e5e5'] }), 'the fork is closed'],
    ['charlie was never killed', withMember('charlie', { starts: 1 }), 'charlie was killed'],
    ['the network was whole', { ...GOOD, cut: { ...GOOD.cut, refused: 1 } }, 'really cut'],
    ['nobody tried the cut', { ...GOOD, cut: { ...GOOD.cut, attempts: 0, refused: 0 } }, 'really cut'],
    ['there was no fork', { ...GOOD, cut: { ...GOOD.cut, heads: ['e3e3', 'e3e3'] } }, 'really cut'],
    ['nobody spoke afterwards', { ...GOOD, messages: [] }, 'decrypted by all'],
    ['bob could not read', { ...GOOD, messages: [{ ...MESSAGE!, readBy: ['charlie', 'grace'] }] }, 'decrypted by all'],
    ['frank does not know', withMember('frank', { isMember: true }), 'knows of the removal'],
    ['frank could speak', { ...GOOD, refusalOfRemoved: undefined }, 'knows of the removal'],
    [
      'frank could read',
      { ...GOOD, messages: [{ ...MESSAGE!, readBy: [...MESSAGE!.readBy, 'frank'] }] },
      'could not read',
    ],
    ['nothing reached frank', { ...GOOD, messages: [{ ...MESSAGE!, reached: ['bob'] }] }, 'could not read'],
    ['somebody read the old keys', { ...GOOD, copyMessage: { ...GOOD.copyMessage, readBy: ['bob'] } }, 'old keys'],
    ['the old keys reached not all', { ...GOOD, copyMessage: { ...GOOD.copyMessage, reached: ['bob'] } }, 'old keys'],
  ])('notices when %s', (_, outcome, claim) => {
    expect(failed(outcome).join('\n')).toContain(claim)
  })
})
