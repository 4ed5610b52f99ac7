/** Mistakes about who follows whom after a merge, and whose word still counts (protocol §7.6). */
import type { Mutant } from '../mutant.ts'

const MERGING = ['test/scenarios/merging.test.ts']

export const HANDOVER: readonly Mutant[] = [
  {
    name: 'welcome-without-handover',
    breaks: 'A newcomer follows a Welcome into another branch although nobody in its own said so.',
    file: 'packages/dmls/src/group/join.ts',
    search: 'const said = handoversInto(state, epoch)',
    replacement: 'const said = [{ resolvedBy: epoch, saidIn: state.head, forkPoint: epoch, heads: [], entrances: [] }]',
    tests: MERGING,
  },
  {
    name: 'judge-moved-by-a-welcome',
    breaks: 'A member that was there when the branches parted is moved by a Welcome.',
    file: 'packages/dmls/src/group/join.ts',
    search: 'if (said.every((handover) => wasAt(state, handover))) {',
    replacement: 'if (said.length > 1000) {',
    tests: MERGING,
  },
  {
    name: 'handover-above-the-merge',
    breaks:
      'The handovers of a merge have higher counters than it, so the merger speaks for the branch that it gives up.',
    file: 'packages/dmls/src/group/commit.ts',
    search:
      '  const handovers = await sendHandovers(builder, handedOver, { resolvedBy: epoch, heads }, services)\n' +
      '  builder.set({ counter })\n',
    replacement:
      '  builder.set({ counter })\n' +
      '  const handovers = await sendHandovers(builder, handedOver, { resolvedBy: epoch, heads }, services)\n',
    tests: ['test/steps/handover.test.ts'],
  },
  {
    name: 'no-handover',
    breaks: 'Nobody tells the newcomers of a losing branch which epoch resolves it.',
    file: 'packages/dmls/src/group/commit.ts',
    search: 'const handedOver = plan === undefined ? [] : handoversFor(state.dag, plan)',
    replacement: 'const handedOver = plan === undefined ? [] : handoversFor(state.dag, plan).slice(0, 0)',
    tests: MERGING,
  },
  {
    name: 'removed-member-heard',
    breaks: 'A removed member goes on speaking with the keys of an epoch that others still hold for latecomers.',
    file: 'packages/dmls/src/group/receive.ts',
    search: '  checkNotRemoved(state, epoch, sender)\n',
    replacement: '',
    tests: ['test/scenarios/removals.test.ts'],
  },
  {
    name: 'newcomers-merge',
    breaks: 'Members that joined after the fork, and cannot judge it, are among those who merge it.',
    file: 'packages/dmls/src/reconcile/merger-rank.ts',
    search: '.filter((instance) => present.has(instance) && inBase.has(instance))',
    replacement: '.filter((instance) => present.has(instance) || inBase.has(instance))',
    tests: ['packages/dmls/test/reconcile/stories.test.ts'],
  },
  {
    name: 'external-word-on-every-branch',
    breaks: 'A message of somebody outside the group counts on every branch, because it need not name one.',
    file: 'packages/dmls/src/key-schedule/dmls-profile.ts',
    search: 'if (!namesEpoch(content.authenticatedData, epochId)) {',
    replacement: 'if (content.authenticatedData.length > 0xffff && !namesEpoch(content.authenticatedData, epochId)) {',
    tests: ['packages/dmls/test/key-schedule/dmls-profile.test.ts', 'test/scenarios/branches.test.ts'],
  },
  {
    name: 'psk-of-another-branch',
    breaks: 'A resumption PSK is looked up by its epoch number on the chosen branch, not on that of the commit.',
    file: 'packages/dmls/src/group/mls-services.ts',
    search: 'for (let id: DmlsEpoch | undefined = epoch;',
    replacement: 'for (let id: DmlsEpoch | undefined = epoch && state.head;',
    tests: ['test/scenarios/branches.test.ts'],
  },
  {
    name: 'left-behind-head-chosen',
    breaks: 'Whoever followed a handover goes on choosing among the heads of the branch that it left.',
    file: 'packages/dmls/src/group/choose-head.ts',
    search: 'return dag.roots().length === 1 ? heads : heads.filter(',
    replacement: 'return dag.roots().length > 0 ? heads : heads.filter(',
    tests: MERGING,
  },
  {
    name: 'entrances-not-named',
    breaks: 'A handover does not say which earlier epochs welcomed its listeners: crossing merges leave them behind.',
    file: 'packages/dmls/src/reconcile/handover.ts',
    search: 'entrances: welcomed.size === 0 ? [] : additionsOf(',
    replacement: 'entrances: welcomed.size >= 0 ? [] : additionsOf(',
    tests: ['packages/dmls/test/reconcile/newcomers.test.ts'],
  },
  {
    name: 'fallen-invitation-not-told',
    breaks: 'Whoever was invited by somebody that was being removed takes itself for a member for ever.',
    file: 'packages/dmls/src/group/receive.ts',
    search: 'if (isGone && ',
    replacement: 'if (isGone && content.gone.length > 1000 && ',
    tests: ['test/steps/handover.test.ts'],
  },
  {
    name: 'handovers-unbounded',
    breaks: 'A member fills the memory of others with handovers to epochs that do not exist.',
    file: 'packages/dmls/src/group/handovers.ts',
    search: 'handovers.size > HANDOVERS_MAX',
    replacement: 'handovers.size > HANDOVERS_MAX * 1000',
    tests: ['packages/dmls/test/group/handovers.test.ts'],
  },
  {
    name: 'back-to-a-branch-given-up',
    breaks: 'A removed member follows an old Welcome back into a branch that it knows to be resolved.',
    file: 'packages/dmls/src/group/join.ts',
    search: 'if (state.dag.resolvedBy(epoch).length > 0) throw',
    replacement: 'if (state.dag.resolvedBy(epoch).length > 1000) throw',
    tests: ['test/steps/handover.test.ts'],
  },
  {
    name: 'everybody-merges',
    breaks: 'All members merge a fork at once instead of one after the other: every merge is a fork again.',
    file: 'packages/client/src/group/maintenance.ts',
    search: 'mergeQuiescenceMs + duty.rank * mergeRankDelayMs',
    replacement: 'mergeQuiescenceMs + 0 * mergeRankDelayMs',
    tests: ['test/steps/mergers.test.ts'],
  },
  {
    name: 'leaver-kept',
    breaks: 'A member that asks to leave stays.',
    file: 'packages/client/src/group/maintenance.ts',
    search: 'request: { remove: leaving } }',
    replacement: 'request: { remove: leaving.slice(1) } }',
    tests: ['packages/client/test/maintenance.test.ts'],
  },
  {
    name: 'handover-as-a-word',
    breaks: 'A handover counts as its author speaking for the branch that it gives up, and the fork point is deleted.',
    file: 'packages/dmls/src/message/application-content.ts',
    search: "return kind !== 'handover'",
    replacement: 'return kind !== undefined',
    tests: ['test/steps/handover.test.ts'],
  },
]
