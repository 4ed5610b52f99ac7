/** Mistakes in what an application decides, changes, is told and can prove (protocol §6, §8, §10). */
import type { Mutant } from '../mutant.ts'

const EVIDENCE = ['packages/client/test/evidence.test.ts']
const SETTINGS = ['packages/client/test/settings.test.ts']
const JOINING = ['packages/client/test/joining.test.ts']

export const APPLICATION: readonly Mutant[] = [
  {
    name: 'rule-of-application-overruled',
    breaks: 'The rule of an application is asked, and removals are allowed whatever it says.',
    file: 'packages/dmls/src/reconcile/admin.ts',
    search: '      return ask(rule, operation)\n',
    replacement: '      return ask(rule, operation) || operation.removes.length > 0\n',
    tests: ['test/scenarios/admins.test.ts', 'packages/dmls/test/reconcile/admin.test.ts'],
  },
  {
    name: 'scene-of-the-head',
    breaks: 'The rule of an application sees who is in the chosen epoch, not who was where the operation was made.',
    file: 'packages/dmls/src/group/commit-rules.ts',
    search: 'adminRule(asked, sceneOf(state, commit.parent))',
    replacement: 'adminRule(asked, sceneOf(state, state.head))',
    tests: ['test/scenarios/admins.test.ts'],
  },
  {
    name: 'entered-without-a-rule',
    breaks: 'A client without a rule enters a group that leaves the rights to the application.',
    file: 'packages/dmls/src/group/policy.ts',
    search: "admin.kind === 'application' && adminRule === undefined) {",
    replacement: "admin.kind === 'application' && adminRule?.length === 99) {",
    tests: ['test/scenarios/admins.test.ts', ...SETTINGS],
  },
  {
    name: 'settings-without-the-others',
    breaks: 'A change of one setting takes the others away.',
    file: 'packages/client/src/group/settings.ts',
    search: 'return [...present, ...changed.values()]',
    replacement: 'return present.length > 99 ? [...present] : [...changed.values()]',
    tests: SETTINGS,
  },
  {
    name: 'unchanged-settings-reported',
    breaks: 'An application is told of settings that the losing side had left as they were.',
    file: 'packages/client/src/group/settings.ts',
    search: ' && !(old && isSame(value, old.get(field)))',
    replacement: ' && !(old && isSame(value, old))',
    tests: SETTINGS,
  },
  {
    name: 'entry-only-published',
    breaks: 'The commit by which a client lets itself in is not in its log: a crash leaves it in a group of its own.',
    file: 'packages/client/src/group/group-beginning.ts',
    search: '[ledger.file(wire, epoch), entry.alongside(step)]',
    replacement: '[entry.alongside(step)]',
    tests: JOINING,
  },
  {
    name: 'entry-without-its-keys',
    breaks: 'The key package of a client that lets itself in is not stored: no merge can take it along.',
    file: 'packages/client/src/group/group-beginning.ts',
    search: '[ledger.file(wire, epoch), entry.alongside(step)]',
    replacement: '[ledger.file(wire, epoch)]',
    tests: JOINING,
  },
  {
    name: 'tag-counts-as-signed',
    breaks: 'One commit with two confirmation tags, which anybody can make, convicts its author.',
    file: 'packages/dmls/src/message/equivocation-proof.ts',
    search: 'return framedContentTbs(content.content, content.wireFormat, groupContextBytes(context))',
    replacement: 'return context.epoch < 0n ? new Uint8Array(0) : encodeWhole(content, encodeAuthenticatedContent)',
    tests: EVIDENCE,
  },
  {
    name: 'any-two-commits-convict',
    breaks: 'Two commits with counters of their own convict their author.',
    file: 'packages/dmls/src/message/equivocation-proof.ts',
    search: 'if (counter !== counterOf(other)) throw',
    replacement: 'if (counter > counterOf(other) + 1000n) throw',
    tests: EVIDENCE,
  },
  {
    name: 'two-keys-convict',
    breaks: 'Commits of two members with the same counter convict the first of them.',
    file: 'packages/dmls/src/message/equivocation-proof.ts',
    search: 'if (!equalBytes(signatureKey, other.signatureKey)) throw',
    replacement: 'if (!equalBytes(signatureKey, signatureKey)) throw',
    tests: EVIDENCE,
  },
  {
    name: 'signatures-of-evidence-unread',
    breaks: 'Evidence convicts whoever it names, without a signature.',
    file: 'packages/dmls/src/message/equivocation-proof.ts',
    search: '  await verifyContentSignature(suite, signatureKey, content, groupContextBytes(context))\n',
    replacement:
      '  if (content.auth.signature.length === 0) await verifyContentSignature(suite, signatureKey, content, groupContextBytes(context))\n',
    tests: EVIDENCE,
  },
  {
    name: 'evidence-kept-for-ever',
    breaks: 'What a commit said is kept in the clear when nothing can be done with it any more.',
    file: 'packages/dmls/src/group/retention-step.ts',
    search: '    commit: undefined,\n',
    replacement: '',
    tests: ['test/steps/retire.test.ts'],
  },
  {
    name: 'late-proposal-given-up',
    breaks: 'A commit that comes before a proposal that it refers to is refused for good.',
    file: 'packages/dmls/src/group/receive.ts',
    search: 'throw missing(error.code, error.message, { ...error.fields, epoch })',
    replacement: 'throw missing(error.code, error.message, { ...error.fields })',
    tests: ['test/scenarios/insiders.test.ts'],
  },
  {
    name: 'late-proposal-not-noticed',
    breaks: 'A commit that waits for a proposal is not tried again when it comes.',
    file: 'packages/client/src/group/intake.ts',
    search: "received.kind === 'commit' || received.kind === 'proposal' ?",
    replacement: "received.kind === 'commit' ?",
    tests: ['test/scenarios/insiders.test.ts'],
  },
  {
    name: 'horizon-taken-for-a-fault',
    breaks:
      'A commit in an epoch that can only be read is reported as a bad message, not as one from beyond the horizon.',
    file: 'packages/dmls/src/group/receive.ts',
    search: 'if (isHandshake && error instanceof MlsError) checkHorizon(epoch, stageOf(held))',
    replacement:
      "if (isHandshake && error instanceof MlsError && error.code === '') checkHorizon(epoch, stageOf(held))",
    tests: ['test/steps/retire.test.ts', 'packages/client/test/events.test.ts'],
  },
]
