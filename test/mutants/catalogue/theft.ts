/** Mistakes that leave something on a client's disk, or in its memory, for whoever takes it (protocol §8, §9). */
import type { Mutant } from '../mutant.ts'

const BURGLARIES = ['test/scenarios/burglaries.test.ts']

export const THEFT: readonly Mutant[] = [
  {
    name: 'puncture-not-written',
    breaks: 'What starts children is written once: on the disk it is never punctured.',
    file: 'packages/client/src/group/epoch-records.ts',
    search: 'if (old?.initKey !== now.initKey) sizes.initKey',
    replacement: 'if (old === undefined) sizes.initKey',
    tests: BURGLARIES,
  },
  {
    name: 'starter-outlives-its-epoch',
    breaks: 'The record of what starts children stays on the disk when everything else of the epoch is deleted.',
    file: 'packages/client/src/group/epoch-records.ts',
    search: "const keys = [this.#key('epoch', name), this.#key('initKey', name), this.#key('commit', name)]",
    replacement: "const keys = [this.#key('epoch', name), this.#key('commit', name)]",
    tests: BURGLARIES,
  },
  {
    name: 'ratchets-outlive-their-epoch',
    breaks: 'Records of the secret tree stay on the disk when everything else of the epoch is deleted.',
    file: 'packages/client/src/group/epoch-records.ts',
    search:
      "for (const node of group.secretTree.recordedNodes()) keys.push(this.#key('secretNode', nodeName(name, node)))",
    replacement:
      "for (const node of [...group.secretTree.recordedNodes()].slice(1)) keys.push(this.#key('secretNode', nodeName(name, node)))",
    tests: BURGLARIES,
  },
  {
    name: 'used-keys-stay-written',
    breaks: 'The record of a secret tree is not written again when a message used a key of it.',
    file: 'packages/client/src/group/epoch-records.ts',
    search: 'else sizes.secretTree += putSecret',
    replacement: 'else if (old === undefined) sizes.secretTree += putSecret',
    tests: BURGLARIES,
  },
  {
    name: 'key-package-left-behind',
    breaks: 'A key package that is over is forgotten in memory and stays on the disk.',
    file: 'packages/client/src/key-packages.ts',
    search: "operations: over.map(({ bundle }) => ({ type: 'delete', key: keyPackageKey(bundle.reference) })),",
    replacement:
      "operations: over.slice(0, 0).map(({ bundle }) => ({ type: 'delete', key: keyPackageKey(bundle.reference) })),",
    tests: BURGLARIES,
  },
  {
    name: 'used-key-package-never-over',
    breaks: 'A key package that led into a group is kept for ever: its init key opens the Welcome again.',
    file: 'packages/client/src/key-packages.ts',
    search: "return own.use === 'used' ? !own.entered.some(canStillFork) :",
    replacement: "return own.use === 'used' ? false :",
    tests: BURGLARIES,
  },
  {
    name: 'text-left-behind',
    breaks: 'A text that the application has read stays on the disk.',
    file: 'packages/client/src/group/message-inbox.ts',
    search: "await this.#store.write([{ type: 'delete', key: this.#key(entry.sequence) }])",
    replacement: 'await Promise.resolve()',
    tests: BURGLARIES,
  },
  {
    name: 'key-package-outlives-the-group',
    breaks: 'Whoever forgets a group keeps the key package that led into it.',
    file: 'packages/client/src/group/running-group.ts',
    search: 'const pending = [this.#keyPackages.release(this.id, none, none), alongside()]',
    replacement: 'const pending = [this.#keyPackages.release(this.id, () => !none(), none), alongside()]',
    tests: BURGLARIES,
  },
  {
    name: 'old-disk-starts-children',
    breaks: 'Whoever came back from an old disk goes on being able to follow what began on it.',
    file: 'packages/dmls/src/group/join.ts',
    search: 'if (state.isLost) for (const id of state.epochs.keys()) retirement.makeReadable(id)',
    replacement: 'if (state.isLost) for (const id of [...state.epochs.keys()].slice(1)) retirement.makeReadable(id)',
    tests: BURGLARIES,
  },
  {
    name: 'init-secret-left-in-memory',
    breaks: 'The init secret of a child is not overwritten once the child is there.',
    file: 'packages/mls/src/group/epoch.ts',
    search: '  evaluated.initSecret.fill(0)\n',
    replacement: '',
    tests: BURGLARIES,
  },
  {
    name: 'blanked-node-key-kept',
    breaks: 'The private key of a node that a removal blanked is kept in the epochs that follow.',
    file: 'packages/mls/src/tree/path-keys.ts',
    search: 'if (tree.encryptionKey(nodeIndex) !== undefined) kept.set(nodeIndex, privateKey.slice())',
    replacement: 'kept.set(nodeIndex, privateKey.slice())',
    tests: BURGLARIES,
  },
  {
    name: 'evidence-outlives-its-use',
    breaks: 'The commit that is kept for evidence stays on the disk when its epoch can only be read.',
    file: 'packages/client/src/group/epoch-records.ts',
    search: "if (held.commit === undefined) operations.push({ type: 'delete', key: this.#key('commit', name) })",
    replacement: '',
    tests: BURGLARIES,
  },
  {
    name: 'external-secret-stays-readable',
    breaks: 'An epoch that can only be read keeps what external commits to it are computed with.',
    file: 'packages/dmls/src/group/retention-step.ts',
    search: "  'externalSecret',\n",
    replacement: '',
    tests: BURGLARIES,
  },
]
