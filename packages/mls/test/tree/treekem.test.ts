/** TreeKEM between real members: everybody arrives at the same secrets, and what is tampered with is refused. */
import { type CipherSuite, systemRandom, utf8 } from '@dmls/crypto'
import { beforeAll, describe, expect, test } from 'vitest'
import { encryptWithLabel } from '../../src/schedule/labeled.ts'
import { RatchetTree } from '../../src/tree/ratchet-tree.ts'
import { TreeHasher } from '../../src/tree/tree-hash.ts'
import { validateRatchetTree } from '../../src/tree/tree-validation.ts'
import {
  type DecryptPathOptions,
  decryptUpdatePath,
  mergeUpdatePath,
  type PathKeys,
  pathKeysFromWelcome,
  stageUpdatePath,
  wipeStagedSecrets,
} from '../../src/tree/treekem.ts'
import type { UpdatePath, UpdatePathNode } from '../../src/wire/commit.ts'
import { suite, suites } from '../suites.ts'
import {
  CONTEXT,
  groupId,
  grown,
  KEY_PACKAGE,
  keysFit,
  NOBODY,
  type Person,
  person,
  type Walked,
  walk,
} from './people.ts'

describe('alice, alone', () => {
  test('commits with an empty path whose secret is the commit secret, under no parent hash', async () => {
    const alice = await person('alice')
    const { tree } = RatchetTree.empty(suite).addLeaf(alice.leaf)
    const secret = new Uint8Array(32).fill(7)
    const staged = await stageUpdatePath(suite, tree, 0, {
      groupId,
      signer: alice.signer,
      leaf: alice.leaf,
      random: (length) => (length === 32 ? secret.slice() : systemRandom(length)),
    })
    expect(staged.commitSecret).toEqual(secret)
    expect(staged.lastPathSecret).toBeUndefined()
    expect(staged.pathSecrets).toEqual([])
    expect(staged.leafNode.source).toEqual({ leafNodeSource: 'commit', parentHash: new Uint8Array(0) })
    expect(await keysFit(staged.tree, staged.keys)).toBe(true)
    await validateRatchetTree(suite, staged.tree, { groupId, groupExtensions: [] })
  })

  test('lets bob join from outside, at the leftmost blank leaf, into a tree that grows for him', async () => {
    const [alice, bob] = [await person('alice'), await person('bob')]
    const { tree } = RatchetTree.empty(suite).addLeaf(alice.leaf)
    expect(tree.nextLeafIndex).toBe(1)
    const walked = await walk(tree, 1, bob)
    const merged = mergeUpdatePath(suite, tree, 1, walked.path, NOBODY)
    expect(merged.leafCount).toBe(2)
    expect(merged.treeHash()).toEqual(walked.tree.treeHash())
    const keys = new Map([[0, alice.leafPrivateKey]])
    const options = { tree: merged, senderLeaf: 1, ownLeaf: 0, keys, path: walked.path, groupContext: CONTEXT }
    const got = await decryptUpdatePath(suite, { ...options, excludedLeaves: NOBODY })
    expect(got.commitSecret).toEqual(walked.commitSecret)
    expect(() => mergeUpdatePath(suite, tree, 2, walked.path, NOBODY)).toThrow('no leaf in the tree')
  })
})

test.each(suites)('staged secrets are wiped in suite $id, and the keys are not', async (on) => {
  const signature = await on.generateSignatureKeyPair(systemRandom)
  const signer = await on.importSigner(signature.privateKey)
  const { publicKey } = await on.generateHpkeKeyPair(systemRandom)
  const { leaf: template } = await person('alice')
  const leaf = { ...template, signatureKey: signature.publicKey, encryptionKey: publicKey }
  const other = { ...template, encryptionKey: (await on.generateHpkeKeyPair(systemRandom)).publicKey }
  const { tree } = RatchetTree.empty(on).addLeaves([leaf, other])
  const staged = await stageUpdatePath(on, tree, 0, { groupId, signer, random: systemRandom, leaf })
  expect(staged.lastPathSecret).toEqual(staged.pathSecrets[0]?.pathSecret)
  expect(staged.lastPathSecret).not.toBe(staged.pathSecrets[0]?.pathSecret)
  wipeStagedSecrets(staged)
  const secrets = [staged.commitSecret, staged.lastPathSecret, ...staged.pathSecrets.map((each) => each.pathSecret)]
  for (const secret of secrets) expect(secret).toEqual(new Uint8Array(on.hashSize))
  expect(await keysFit(staged.tree, staged.keys, on)).toBe(true)
})

/** Alice, bob, charlie and dave have all committed; eve is new, added by the commit that alice now makes. */
describe('a path that alice sends when she adds eve', () => {
  let people: Person[]
  let before: RatchetTree
  let walked: Walked
  let bob: PathKeys
  const excludedLeaves: ReadonlySet<number> = new Set([4])
  beforeAll(async () => {
    people = []
    for (const name of ['alice', 'bob', 'charlie', 'dave', 'eve']) people.push(await person(name))
    const friends = people.slice(0, 4)
    const old = await grown(friends, [2, 3])
    const atBob = await walk(old, 1, people[1] as Person)
    bob = atBob.keys
    before = atBob.tree.addLeaf((people[4] as Person).leaf).tree
    walked = await walk(before, 0, people[0] as Person, excludedLeaves)
  })

  const merge = (path: UpdatePath, tree: RatchetTree = before): RatchetTree => {
    return mergeUpdatePath(suite, tree, 0, path, excludedLeaves)
  }
  const withNode = (at: number, node: (old: UpdatePathNode) => UpdatePathNode): UpdatePath => ({
    ...walked.path,
    nodes: walked.path.nodes.map((each, i) => (i === at ? node(each) : each)),
  })
  const bobOpens = (changed: Partial<DecryptPathOptions> = {}): ReturnType<typeof decryptUpdatePath> => {
    const { path } = walked
    const options = {
      tree: walked.tree,
      senderLeaf: 0,
      ownLeaf: 1,
      keys: bob,
      path,
      groupContext: CONTEXT,
      excludedLeaves,
    }
    return decryptUpdatePath(suite, { ...options, ...changed })
  }

  test('is merged and opened by bob', async () => {
    expect(merge(walked.path).treeHash()).toEqual(walked.tree.treeHash())
    expect(walked.path.nodes.map((node) => node.encryptedPathSecret.length)).toEqual([1, 1, 0])
    expect((await bobOpens()).commitSecret).toEqual(walked.commitSecret)
  })

  test('is refused with a node too many or too few', () => {
    const { nodes } = walked.path
    expect(() => merge({ ...walked.path, nodes: nodes.slice(1) })).toThrow('not one node for each')
    expect(() => merge({ ...walked.path, nodes: [...nodes, nodes[0] as UpdatePathNode] })).toThrow(
      'not one node for each',
    )
  })

  test('is refused with a ciphertext too many or too few, the new leaf left out of the count', () => {
    const [spare] = walked.path.nodes[0]?.encryptedPathSecret ?? []
    if (spare === undefined) throw new Error('the path has no ciphertext')
    const fewer = withNode(0, (old) => ({ ...old, encryptedPathSecret: [] }))
    const forEve = withNode(2, (old) => ({ ...old, encryptedPathSecret: [spare] }))
    expect(() => merge(fewer)).toThrow('wrong number of ciphertexts')
    expect(() => merge(forEve)).toThrow('wrong number of ciphertexts')
    expect(() => mergeUpdatePath(suite, before, 0, walked.path, NOBODY)).toThrow('wrong number of ciphertexts')
  })

  test('is refused when a key of it is in the tree already, in a leaf, a parent node, or twice in the path', () => {
    const elsewhere = [before.leaf(3), before.parent(5), before.parent(3), before.leaf(0)]
    for (const node of [...elsewhere, walked.path.leafNode, walked.path.nodes[0]]) {
      const { encryptionKey } = node as { readonly encryptionKey: Uint8Array }
      expect(() => merge(withNode(1, (old) => ({ ...old, encryptionKey })))).toThrow('already in use')
    }
    const { encryptionKey } = before.leaf(0) as Person['leaf']
    const unchanged = { ...walked.path, leafNode: { ...walked.path.leafNode, encryptionKey } }
    expect(() => merge(unchanged)).toThrow('already in use')
  })

  test('is refused when a key of it is no key', () => {
    expect(() => merge(withNode(1, (old) => ({ ...old, encryptionKey: new Uint8Array(31) })))).toThrow(
      expect.objectContaining({ name: 'MlsError', code: 'bad_encryption_key' }),
    )
  })

  test('is refused when its leaf is not from a commit', () => {
    const leafNode = { ...walked.path.leafNode, source: KEY_PACKAGE }
    expect(() => merge({ ...walked.path, leafNode })).toThrow('is not from a commit')
  })

  test('is refused when its leaf has another parent hash, or a parent node other contents', () => {
    const leafNode = {
      ...walked.path.leafNode,
      source: { leafNodeSource: 'commit' as const, parentHash: new Uint8Array(32) },
    }
    expect(() => merge({ ...walked.path, leafNode })).toThrow('wrong parent hash')
    expect(() => merge(withNode(2, (old) => ({ ...old, encryptionKey: systemRandom(32) })))).toThrow(
      'wrong parent hash',
    )
    const elsewhere = before.updateLeaf(3, { ...(people[3] as Person).leaf, signature: new Uint8Array(1) })
    expect(() => merge({ ...walked.path, nodes: walked.path.nodes }, elsewhere)).toThrow()
  })

  test('is refused from a leaf where nobody is', () => {
    for (const leafIndex of [6, 8, 2 ** 32 - 1]) {
      expect(() => mergeUpdatePath(suite, before, leafIndex, walked.path, excludedLeaves)).toThrow(
        'no leaf in the tree',
      )
    }
  })

  test('is refused by bob when his ciphertext or its context is another', async () => {
    const tampered = withNode(0, (old) => ({
      ...old,
      encryptedPathSecret: old.encryptedPathSecret.map(({ kemOutput, ciphertext }) => {
        return { kemOutput, ciphertext: ciphertext.map((byte, i) => (i === 0 ? byte ^ 1 : byte)) }
      }),
    }))
    await expect(bobOpens({ path: tampered })).rejects.toThrow('cannot be decrypted')
    await expect(bobOpens({ groupContext: utf8('another context') })).rejects.toThrow('cannot be decrypted')
  })

  test.each([
    ['leads to other public keys', 32, 'does not lead to the public key'],
    ['has the wrong size', 31, 'wrong size'],
  ])('is refused by bob when his path secret %s', async (_, size, message) => {
    const { encryptionKey } = before.leaf(1) as Person['leaf']
    const other = new Uint8Array(size).fill(1)
    const sealed = await encryptWithLabel(suite, encryptionKey, 'UpdatePathNode', CONTEXT, other, systemRandom)
    const path = withNode(0, (old) => ({ ...old, encryptedPathSecret: [sealed] }))
    await expect(bobOpens({ path })).rejects.toThrow(message)
  })

  test('is refused by bob when there is nothing in it for him', async () => {
    await expect(bobOpens({ path: { ...walked.path, nodes: [] } })).rejects.toThrow('too few nodes')
    const empty = withNode(0, (old) => ({ ...old, encryptedPathSecret: [] }))
    await expect(bobOpens({ path: empty })).rejects.toThrow('no ciphertext for the receiver')
  })

  test('leaves behind no path secret and no node secret but what it returns', async () => {
    const derived: Uint8Array[] = []
    const watched: CipherSuite = Object.create(suite, {
      expand: {
        value: (prk: Uint8Array, info: Uint8Array, length: number): Uint8Array => {
          const secret = suite.expand(prk, info, length)
          derived.push(secret)
          return secret
        },
      },
      hpkeOpen: {
        value: async (...args: Parameters<CipherSuite['hpkeOpen']>): Promise<Uint8Array> => {
          const secret = await suite.hpkeOpen(...args)
          derived.push(secret)
          return secret
        },
      },
    })
    const tree = new RatchetTree({ ...walked.tree.parts, hasher: new TreeHasher(watched) })
    const { path } = walked
    const options = { tree, senderLeaf: 0, ownLeaf: 1, keys: bob, path, groupContext: CONTEXT, excludedLeaves }
    const { commitSecret, lastPathSecret } = await decryptUpdatePath(watched, options)
    // the opened path secret; two more path secrets and the commit secret; three node secrets
    expect(derived).toHaveLength(7)
    const kept = derived.filter((secret) => secret.some((byte) => byte !== 0))
    expect(kept).toHaveLength(2)
    expect(kept).toContain(commitSecret)
    expect(kept).toContain(lastPathSecret)
  })

  test('is not opened by alice herself, by eve, by nobody, or without a key', async () => {
    await expect(bobOpens({ ownLeaf: 0 })).rejects.toThrow('its own update path')
    const eve = new Map([[8, (people[4] as Person).leafPrivateKey]])
    await expect(bobOpens({ ownLeaf: 4, keys: eve })).rejects.toThrow('no private key')
    await expect(bobOpens({ ownLeaf: 6 })).rejects.toThrow('no leaf in the tree')
    await expect(bobOpens({ keys: new Map() })).rejects.toThrow('no private key')
  })

  test('leaves bob his leaf key and nothing of the nodes that alice replaced', async () => {
    const { keys } = await bobOpens()
    expect([...keys.keys()].sort((a, b) => a - b)).toEqual([1, 2, 3, 7])
    expect(keys.get(2)).toEqual(bob.get(2))
    expect(keys.get(2)).not.toBe(bob.get(2))
    expect(keys.get(3)).not.toEqual(bob.get(3))
  })

  describe('and the Welcome with which eve joins', () => {
    const join = (changed: {
      signer?: number
      own?: number
      pathSecret?: Uint8Array
      tree?: RatchetTree
    }): Promise<PathKeys> => {
      const pathSecret = changed.pathSecret ?? (walked.pathSecrets.at(-1)?.pathSecret as Uint8Array)
      const { leafPrivateKey } = people[4] as Person
      const tree = changed.tree ?? walked.tree
      return pathKeysFromWelcome(suite, tree, changed.signer ?? 0, changed.own ?? 4, leafPrivateKey, pathSecret)
    }

    test('give her the keys above her', async () => {
      const keys = await join({})
      expect([...keys.keys()]).toEqual([8, 7])
      expect(await keysFit(walked.tree, keys)).toBe(true)
    })

    test('are refused with a path secret of another node, of another size, or of a blank node', async () => {
      await expect(join({ pathSecret: systemRandom(32) })).rejects.toThrow('does not lead to the public key')
      await expect(join({ pathSecret: new Uint8Array(0) })).rejects.toThrow('wrong size')
      const { pathSecret } = walked.pathSecrets[0] as { readonly pathSecret: Uint8Array }
      await expect(join({ pathSecret })).rejects.toThrow('does not lead to the public key')
      const blank = walked.tree.updateLeaf(4, { ...(people[4] as Person).leaf })
      await expect(join({ tree: blank })).rejects.toThrow('does not lead to the public key')
    })

    test('are refused when the signer is eve herself or nobody', async () => {
      await expect(join({ signer: 4 })).rejects.toThrow('signer of its own Welcome')
      await expect(join({ signer: 5 })).rejects.toThrow('not in the tree')
      await expect(join({ own: 5 })).rejects.toThrow('not in the tree')
    })
  })
})

describe('what a committer gets wrong', () => {
  test('is its own fault: a signer with another key, a leaf where it is not', async () => {
    const [alice, bob] = [await person('alice'), await person('bob')]
    const { tree } = RatchetTree.empty(suite).addLeaf(alice.leaf)
    await expect(walk(tree, 0, { ...alice, signer: bob.signer })).rejects.toThrow('another key')
    await expect(walk(tree, 2, bob)).rejects.toThrow('no leaf in the tree')
  })
})
