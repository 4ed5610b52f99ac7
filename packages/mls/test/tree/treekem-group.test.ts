/** A whole group under random commits: every member's private view of the tree stays right (RFC 9420 §4.2). */
import { systemRandom } from '@dmls/crypto'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { RatchetTree } from '../../src/tree/ratchet-tree.ts'
import { commonAncestor } from '../../src/tree/tree-math.ts'
import { validateRatchetTree } from '../../src/tree/tree-validation.ts'
import {
  decryptUpdatePath,
  mergeUpdatePath,
  type PathKeys,
  pathKeysFromWelcome,
  retainPathKeys,
} from '../../src/tree/treekem.ts'
import { suite } from '../suites.ts'
import { CONTEXT, groupId, keysFit, NOW, type Person, person, signed, walk } from './people.ts'

/** The node indices of which a member must know the private key: not blank, and merged there. */
function knowable(tree: RatchetTree, leafIndex: number): number[] {
  const indices = Array.from({ length: 2 * tree.leafCount - 1 }, (_, index) => index)
  return indices.filter((index) => {
    const parent = tree.parent(index)
    const above = commonAncestor(index, 2 * leafIndex) === index
    return index === 2 * leafIndex || (parent !== undefined && above && !parent.unmergedLeaves.includes(leafIndex))
  })
}

interface Member extends Person {
  readonly keys: PathKeys
}

interface CommitStep {
  readonly committer: number
  readonly adds: number
  readonly removes: readonly number[]
  readonly updates: readonly number[]
  readonly withPath: boolean
}

const commitStep: fc.Arbitrary<CommitStep> = fc.record({
  committer: fc.nat(),
  adds: fc.integer({ min: 0, max: 3 }),
  removes: fc.array(fc.nat(), { maxLength: 2 }),
  updates: fc.array(fc.nat(), { maxLength: 2 }),
  withPath: fc.boolean(),
})

/** A group of people with their private keys; a commit moves all of them at once. */
class Group {
  readonly members: Map<number, Member> = new Map()
  readonly spare: Person[]
  tree: RatchetTree

  constructor(people: readonly Person[]) {
    const [alice, ...spare] = people
    if (alice === undefined) throw new Error('a group needs somebody')
    this.spare = spare
    this.tree = RatchetTree.empty(suite).addLeaf(alice.leaf).tree
    this.members.set(0, { ...alice, keys: new Map([[0, alice.leafPrivateKey]]) })
  }

  async commit(step: CommitStep): Promise<void> {
    const indices = [...this.members.keys()].sort((a, b) => a - b)
    const pick = (who: number): number => indices[who % indices.length] as number
    const committer = pick(step.committer)
    const removed = [...new Set(step.removes.map(pick))].filter((leaf) => leaf !== committer)
    const updated = [...new Set(step.updates.map(pick))].filter((leaf) => leaf !== committer && !removed.includes(leaf))

    let { tree } = this
    for (const leafIndex of updated) tree = tree.updateLeaf(leafIndex, await this.#update(leafIndex))
    tree = tree.removeLeaves(removed)
    for (const leafIndex of removed) {
      this.spare.push(await person('somebody new'))
      this.members.delete(leafIndex)
    }
    const joining = this.spare.splice(0, step.adds)
    const added = tree.addLeaves(joining.map(({ leaf }) => leaf))
    tree = added.tree
    const joiners = new Map(added.leafIndices.map((leafIndex, i) => [leafIndex, joining[i] as Person]))
    if (step.withPath || removed.length > 0 || updated.length > 0) await this.#walk(tree, committer, joiners)
    else await this.#stay(tree, committer, joiners)
  }

  async #update(leafIndex: number): Promise<Person['leaf']> {
    const old = this.members.get(leafIndex) as Member
    const { publicKey, privateKey } = await suite.generateHpkeKeyPair(systemRandom)
    const content = { ...old.leaf, encryptionKey: publicKey, source: { leafNodeSource: 'update' as const } }
    const leaf = await signed(old.signer, content, leafIndex)
    this.members.set(leafIndex, { ...old, leaf, keys: new Map([...old.keys, [2 * leafIndex, privateKey]]) })
    return leaf
  }

  async #walk(tree: RatchetTree, committer: number, joiners: ReadonlyMap<number, Person>): Promise<void> {
    const sender = this.members.get(committer) as Member
    const excludedLeaves = new Set(joiners.keys())
    const walked = await walk(tree, committer, sender, excludedLeaves)
    const merged = mergeUpdatePath(suite, tree, committer, walked.path, excludedLeaves)
    expect(merged.treeHash()).toEqual(walked.tree.treeHash())
    for (const [ownLeaf, member] of this.members) {
      if (ownLeaf === committer) continue
      const options = { tree: merged, senderLeaf: committer, ownLeaf, keys: member.keys, path: walked.path }
      const got = await decryptUpdatePath(suite, { ...options, groupContext: CONTEXT, excludedLeaves })
      expect(got.commitSecret).toEqual(walked.commitSecret)
      expect(got.lastPathSecret).toEqual(walked.pathSecrets.at(-1)?.pathSecret)
      for (const key of got.keys.values()) expect([...member.keys.values()]).not.toContain(key)
      this.members.set(ownLeaf, { ...member, keys: got.keys })
    }
    this.members.set(committer, { ...sender, leaf: walked.path.leafNode, keys: walked.keys })
    for (const [ownLeaf, joiner] of joiners) {
      const shared = commonAncestor(2 * committer, 2 * ownLeaf)
      const pathSecret = walked.pathSecrets.find(({ nodeIndex }) => nodeIndex === shared)?.pathSecret
      expect(pathSecret).toBeDefined()
      const keys = await pathKeysFromWelcome(suite, merged, committer, ownLeaf, joiner.leafPrivateKey, pathSecret)
      this.members.set(ownLeaf, { ...joiner, keys })
    }
    this.tree = merged
  }

  async #stay(tree: RatchetTree, committer: number, joiners: ReadonlyMap<number, Person>): Promise<void> {
    for (const [ownLeaf, member] of this.members) {
      this.members.set(ownLeaf, { ...member, keys: retainPathKeys(tree, ownLeaf, member.keys) })
    }
    for (const [ownLeaf, joiner] of joiners) {
      const keys = await pathKeysFromWelcome(suite, tree, committer, ownLeaf, joiner.leafPrivateKey, undefined)
      this.members.set(ownLeaf, { ...joiner, keys })
    }
    this.tree = tree
  }
}

describe('a group in which anybody adds, removes, updates and commits', () => {
  const people: Person[] = []
  beforeAll(async () => {
    for (let i = 0; i < 12; i++) people.push(await person(`member ${i}`))
  })

  test('agrees on every commit secret, holds exactly the private keys of its nodes, and a joiner accepts each tree', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(commitStep, { minLength: 1, maxLength: 10 }), async (steps) => {
        const group = new Group(people)
        for (const step of steps) {
          const before = group.tree
          const hash = before.treeHash().slice()
          await group.commit(step)
          expect(before.treeHash()).toEqual(hash)
          await validateRatchetTree(suite, group.tree, { groupId, groupExtensions: [], now: NOW })
          for (const [leafIndex, { keys }] of group.members) {
            expect([...keys.keys()].sort((a, b) => a - b)).toEqual(knowable(group.tree, leafIndex))
            expect(await keysFit(group.tree, keys)).toBe(true)
          }
        }
      }),
      { numRuns: 12 },
    )
  })
})
