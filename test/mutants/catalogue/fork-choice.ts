/** Mistakes in the choice among heads (protocol §6). */
import type { Mutant } from '../mutant.ts'

const CHOICE = [
  'packages/dmls/test/fork-choice/counting.test.ts',
  'packages/dmls/test/fork-choice/stories.test.ts',
  'test/spec/dag.test.ts',
]

export const FORK_CHOICE: readonly Mutant[] = [
  {
    name: 'arrival-order',
    breaks: 'Whoever hears of a branch first stays on it, as long as nobody has resolved it.',
    file: 'packages/dmls/src/group/choose-head.ts',
    search: 'builder.setHead(chosen)',
    replacement: 'if (!dag.unresolvedHeads().includes(builder.state.head)) builder.setHead(chosen)',
    tests: ['test/scenarios/merging.test.ts', 'test/scenarios/branches.test.ts', 'test/steps/heads.test.ts'],
  },
  {
    name: 'member-counted-twice',
    breaks: 'A member is counted for its latest message and for its latest commit too.',
    file: 'packages/dmls/src/fork-choice/votes.ts',
    search: 'votes.push({ sender, node: record.node })',
    replacement:
      'votes.push({ sender, node: record.node }, ...(record.commit === undefined ? [] : [{ sender, node: record.commit }]))',
    tests: CHOICE,
  },
  {
    name: 'any-message-is-the-latest',
    breaks: 'The message that arrived last counts as a member’s latest, whatever its counter.',
    file: 'packages/dmls/src/dag/sender-record.ts',
    search: 'if (counter < record.counter) return record',
    replacement: 'if (counter < record.counter) return { ...record, counter, node, split: undefined }',
    tests: ['packages/dmls/test/dag/dag.test.ts', ...CHOICE],
  },
  {
    name: 'equivocators-counted',
    breaks: 'A member that used one counter on two branches goes on being counted.',
    file: 'packages/dmls/src/fork-choice/votes.ts',
    search: 'if (isHonest && ',
    replacement: 'if (',
    tests: CHOICE,
  },
  {
    name: 'removed-member-counted',
    breaks: 'A removed member is counted by those who still hear its late messages, and not by the others.',
    file: 'packages/dmls/src/fork-choice/votes.ts',
    search: ' && !dag.isRemoved(sender)',
    replacement: '',
    tests: CHOICE,
  },
  {
    name: 'equivocation-by-commits-forgotten',
    breaks: 'Two commits with one counter mark their sender only until its next message.',
    file: 'packages/dmls/src/dag/sender-record.ts',
    search: 'if (record.commitSplit !== undefined) return record.commitSplit',
    replacement: 'if (record.commitSplit?.counter === record.counter) return record.commitSplit',
    tests: ['packages/dmls/test/dag/dag.test.ts', 'test/spec/dag.test.ts'],
  },
  {
    name: 'newcomers-counted',
    breaks: 'Members that joined after the fork are counted, so a branch can bring its own majority.',
    file: 'packages/dmls/src/fork-choice/votes.ts',
    search: 'if (fork.at !== undefined) return fork.at.roster.has(sender)',
    replacement: 'if (fork.at !== undefined) return true',
    tests: CHOICE,
  },
  {
    name: 'resolved-heads-chosen',
    breaks: 'A head that a commit resolved stays among those that can be chosen.',
    file: 'packages/dmls/src/dag/dag.ts',
    search: 'unresolved = unresolved.delete(head)',
    replacement: 'unresolved = unresolved.delete(node.id).set(node.id, node)',
    tests: ['packages/dmls/test/dag/dag.test.ts', ...CHOICE],
  },
  {
    name: 'resolved-before-it-came',
    breaks: 'A head that arrives after the commit that resolves it counts as unresolved.',
    file: 'packages/dmls/src/dag/dag.ts',
    search: 'if (alreadyResolved === undefined) unresolved = unresolved.set(node.id, node)',
    replacement: 'unresolved = unresolved.set(node.id, node)',
    tests: ['packages/dmls/test/dag/dag.test.ts', 'test/spec/dag.test.ts'],
  },
  {
    name: 'grindable-tie-break',
    breaks: 'Ties go to the higher confirmation tag, which a committer can try for as often as it likes.',
    file: 'packages/dmls/src/fork-choice/tie-break.ts',
    search: 'compareText(hashOf(a), hashOf(b)) || compareByConfirmationTag(a, b)',
    replacement: 'compareByConfirmationTag(a, b) || compareText(hashOf(a), hashOf(b))',
    tests: CHOICE,
  },
  {
    name: 'removal-not-preferred',
    breaks: 'A self-update can win against the removal of its author.',
    file: 'packages/dmls/src/fork-choice/tie-break.ts',
    search: 'const left = removing.length > 0 ? removing : tied',
    replacement: 'const left = removing.length > tied.length ? removing : tied',
    tests: CHOICE,
  },
]
