/** Checks of RFC 9420 left out. */
import type { Mutant } from '../mutant.ts'

const GROUP = 'packages/mls/test/group'

export const MLS: readonly Mutant[] = [
  {
    name: 'confirmation-tag-not-checked',
    breaks: 'A commit whose confirmation tag does not match is followed.',
    file: 'packages/mls/src/group/commit/process-commit.ts',
    search: 'if (!equalConstantTime(next.confirmationTag, verified.confirmationTag)) {',
    replacement: 'if (!equalConstantTime(next.confirmationTag, next.confirmationTag)) {',
    tests: [`${GROUP}/commit.test.ts`, 'test/scenarios/invalid-commits.test.ts'],
  },
  {
    name: 'membership-tag-not-compared',
    breaks: 'Any membership tag will do.',
    file: 'packages/mls/src/framing/public-message.ts',
    search: 'message.membershipTag === undefined || !equalConstantTime(expected, message.membershipTag)',
    replacement: 'message.membershipTag === undefined || !equalConstantTime(expected, expected)',
    tests: ['packages/mls/test/framing/public-message.test.ts', `${GROUP}/commit.test.ts`],
  },
  {
    name: 'signature-not-verified',
    breaks: 'Whoever knows the keys of an epoch can speak in the name of any member.',
    file: 'packages/mls/src/group/unprotect.ts',
    search: '  await verifyContentSignature(state.suite, key, authenticated, state.contextBytes)\n',
    replacement: '  await Promise.resolve(key)\n',
    tests: [`${GROUP}/commit.test.ts`, `${GROUP}/external-proposal.test.ts`],
  },
  {
    name: 'parent-hash-not-checked',
    breaks: 'A joiner accepts a tree into which somebody put a key that no member signed.',
    file: 'packages/mls/src/tree/tree-validation.ts',
    search: '  verifyParentHashes(tree)\n',
    replacement: '',
    tests: ['packages/mls/test/tree/tree-validation.test.ts'],
  },
  {
    name: 'tree-hash-not-checked',
    breaks: 'A joiner accepts another tree than the group has.',
    file: 'packages/mls/src/tree/tree-validation.ts',
    search: 'if (treeHash !== undefined && !equalBytes(treeHash, tree.treeHash())) {',
    replacement: 'if (treeHash !== undefined && !equalBytes(treeHash, treeHash)) {',
    tests: [`${GROUP}/join.test.ts`, 'packages/mls/test/tree/tree-validation.test.ts'],
  },
  {
    name: 'path-keys-not-compared',
    breaks: 'A path secret that does not lead to the public keys of its path is followed.',
    file: 'packages/mls/src/tree/path-keys.ts',
    search: 'expected === undefined || publicKey === undefined || !equalBytes(expected, publicKey)',
    replacement: 'expected === undefined || publicKey === undefined',
    tests: ['packages/mls/test/tree/treekem.test.ts', `${GROUP}/join.test.ts`],
  },
  {
    name: 'stale-encryption-key',
    breaks: 'An update path may bring keys that are in the tree already: nothing heals.',
    file: 'packages/mls/src/tree/update-path.ts',
    search: 'if (earlier < i || tree.hasEncryptionKey(key)) {',
    replacement: 'if (earlier < i) {',
    tests: [`${GROUP}/commit.test.ts`, 'packages/mls/test/tree/treekem.test.ts'],
  },
  {
    name: 'path-not-bound-to-its-leaf',
    breaks: 'The keys of an update path are not bound to the leaf that its committer signed.',
    file: 'packages/mls/src/tree/update-path.ts',
    search: 'if (!equalBytes(source.parentHash, leafParentHash)) {',
    replacement: 'if (!equalBytes(leafParentHash, leafParentHash)) {',
    tests: ['packages/mls/test/tree/treekem.test.ts', `${GROUP}/commit.test.ts`],
  },
]
