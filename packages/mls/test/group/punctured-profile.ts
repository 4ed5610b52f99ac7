/** A profile as a decentralized variant has it: a path in every commit, and an init key that forgets each child. */
import type { CipherSuite } from '@dmls/crypto'
import { utf8, wipe } from '@dmls/crypto'
import {
  deriveSecret,
  expandWithLabel,
  type InitInput,
  type InitKey,
  invalid,
  type Profile,
  PuncturableTree,
  type Writer,
} from '../../src/index.ts'

class PuncturedKey implements InitKey {
  readonly #suite: CipherSuite
  readonly #tree: PuncturableTree

  constructor(suite: CipherSuite, tree: PuncturableTree) {
    this.#suite = suite
    this.#tree = tree
  }

  evaluate({ commitSecret, lastPathSecret, childGroupContext }: InitInput): ReturnType<InitKey['evaluate']> {
    const suite = this.#suite
    const confirmation = deriveSecret(suite, lastPathSecret ?? commitSecret, 'conf')
    const input = expandWithLabel(suite, confirmation, 'child_init', childGroupContext, suite.hashSize)
    wipe(confirmation)
    try {
      const { leaf, next, superseded, created } = this.#tree.evaluate(input)
      return { initSecret: leaf, next: new PuncturedKey(suite, next), superseded, created }
    } finally {
      wipe(input)
    }
  }

  encode(writer: Writer): void {
    this.#tree.encode(writer)
  }

  wipe(): void {
    this.#tree.wipe()
  }
}

export const punctured: Profile = {
  name: 'dmls',
  pathRequired: true,
  openEpoch: (suite, epochSecret) => {
    const root = deriveSecret(suite, epochSecret, 'parent_init')
    const initKey = new PuncturedKey(suite, PuncturableTree.fromRoot(suite, root, 8 * suite.hashSize))
    wipe(root)
    return { initKey, epochId: deriveSecret(suite, epochSecret, 'epoch') }
  },
  decodeInitKey: (suite, reader) => new PuncturedKey(suite, PuncturableTree.decode(suite, reader)),
  checkContent: ({ authenticatedData }) => {
    if (authenticatedData.join() === utf8('forbidden').join()) throw invalid('forbidden', 'the profile refuses it')
  },
}
