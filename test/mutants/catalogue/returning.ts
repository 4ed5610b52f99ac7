/** Mistakes about members that come back as new instances, and about states that were copied (protocol §8). */
import type { Mutant } from '../mutant.ts'

const RETURNING = ['test/scenarios/returning.test.ts']
const REGRESSIONS = ['test/properties/regressions.test.ts']

export const RETURNING_MUTANTS: readonly Mutant[] = [
  {
    name: 'removal-evaded-by-asking',
    breaks: 'A member that is being removed on another branch slips back in as a new instance of itself.',
    file: 'packages/dmls/src/reconcile/evaluation.ts',
    search: 'at.facts.adds.find(({ instance }) => instance === subject)?.continues ?? at.facts.committer',
    replacement: 'subject === undefined ? undefined : at.facts.committer',
    tests: ['test/spec/reconcile.test.ts', ...RETURNING],
  },
  {
    name: 'return-in-the-name-of-another',
    breaks: 'Anybody can ask that a member be replaced by itself.',
    file: 'packages/dmls/src/group/rejoin.ts',
    search: 'member.identity !== toHex(services.identityOf(keyPackage.leafNode))',
    replacement: 'member.identity === ""',
    tests: RETURNING,
  },
  {
    name: 'answer-from-nowhere',
    breaks: 'Whoever asked to come back follows a Welcome into a group that did not come from where it was.',
    file: 'packages/dmls/src/group/rejoin.ts',
    search: 'if (descent === undefined || !isOnOurLine(state, descent.epoch)) {',
    replacement: 'if (descent === undefined) {',
    tests: RETURNING,
  },
  {
    name: 'stranger-answers',
    breaks: 'A Welcome back is followed although its maker was no member where the two parted.',
    file: 'packages/dmls/src/group/rejoin.ts',
    search: 'some(({ identity }) => identity === signer)',
    replacement: 'some(({ identity }) => identity !== "" && signer !== "")',
    tests: RETURNING,
  },
  {
    name: 'sides-swap-places',
    breaks: 'Two sides that cannot follow each other both move, and are apart as before.',
    file: 'packages/dmls/src/group/rejoin.ts',
    search: 'if (stays) throw',
    replacement: 'if (stays && support > 1_000_000) throw',
    tests: RETURNING,
  },
  {
    name: 'copied-state-goes-on',
    breaks: 'A state that was copied or restored does not notice it, and uses keys that were used already.',
    file: 'packages/dmls/src/group/receive.ts',
    search: 'if (!(await isSentElsewhere(held.group, message.message))) ',
    replacement: 'if ((await isSentElsewhere(held.group, message.message)) !== undefined) ',
    tests: RETURNING,
  },
  {
    name: 'needless-to-whoever-forgot',
    breaks: 'Who deleted the epoch where the ways part is told to follow from there, because others retain it.',
    file: 'packages/dmls/src/group/rejoin.ts',
    search: 'parting < 0 || parting < request.open',
    replacement: 'parting < 0 || parting < 1_000_000 + request.open',
    tests: RETURNING,
  },
  {
    name: 'welcome-useless-for-ever',
    breaks:
      'A Welcome that came while its reader judged the fork is thrown away, also when judging shows that it is out.',
    file: 'packages/client/src/welcome-inbox.ts',
    search: " || error.code === 'can_judge'",
    replacement: '',
    tests: REGRESSIONS,
  },
  {
    name: 'removal-overcome-for-good',
    breaks: 'A removed member that comes round to where it was removed, by an old Welcome, takes itself for a member.',
    file: 'packages/dmls/src/group/choose-head.ts',
    search: 'if (removal !== undefined) builder.set({ removal,',
    replacement: 'if (removal !== undefined && removal.removes.length > 1000) builder.set({ removal,',
    tests: REGRESSIONS,
  },
  {
    name: 'first-welcome-wins',
    breaks: 'After a removal, an old Welcome that is tried first keeps its reader from following the new one.',
    file: 'packages/dmls/src/group/join.ts',
    search: 'entered === home && removes.includes(self)',
    replacement: 'entered !== home && removes.includes(self)',
    tests: REGRESSIONS,
  },
]
