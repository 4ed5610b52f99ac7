/** Whole trees, each broken in one way: what a joiner refuses. */
import { systemRandom, toHex } from '@dmls/crypto'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { Reader } from '../../src/codec/reader.ts'
import { encodeWhole } from '../../src/codec/writer.ts'
import type { ParentNode } from '../../src/tree/parent-node.ts'
import type { RatchetTree } from '../../src/tree/ratchet-tree.ts'
import { decodeRatchetTree, decodeRatchetTreeBytes, ratchetTreeBytes } from '../../src/tree/ratchet-tree-extension.ts'
import { requiredCapabilitiesExtension } from '../../src/tree/required-capabilities.ts'
import { type TreeValidationContext, validateRatchetTree } from '../../src/tree/tree-validation.ts'
import { type LeafNode, leafNodeBytes } from '../../src/wire/leaf-node.ts'
import { suite } from '../suites.ts'
import { type NaiveNode, NaiveTree } from './naive-tree.ts'
import { capabilities, groupId, grown, NOW, type Person, person, signed, walk } from './people.ts'

const CONTEXT: TreeValidationContext = { groupId, groupExtensions: [], now: NOW }
const NAMES = ['alice', 'bob', 'charlie', 'dave', 'eve', 'frank', 'grace']

/**
 * Seven people. The first six have committed; then eve was removed, frank and charlie committed, and ivan and grace came:
 * ```
 *               7 [4, 6]
 *           /       \
 *       3               _
 *     /   \           /   \
 *   1       5       _       _
 *  / \     / \     / \     / \
 * a   b   c   d   i   f   g   _
 * ```
 */
let people: Person[]
let ivan: Person
let tree: RatchetTree
let nodes: readonly NaiveNode[]

beforeAll(async () => {
  people = []
  for (const name of NAMES) people.push(await person(name))
  ivan = await person('ivan')
  const grace = people[6] as Person
  const founders = await grown(people.slice(0, 6), [0, 1, 2, 3, 4, 5])
  const withoutEve = founders.removeLeaf(4)
  const atCharlie = await again(withoutEve, [5, 2])
  tree = atCharlie.addLeaves([ivan.leaf, grace.leaf]).tree
  nodes = nodesOf(tree)
})

async function again(from: RatchetTree, committers: readonly number[]): Promise<RatchetTree> {
  let next = from
  for (const leafIndex of committers) next = (await walk(next, leafIndex, people[leafIndex] as Person)).tree
  return next
}

function nodesOf(of: RatchetTree): NaiveNode[] {
  return Array.from({ length: 2 * of.leafCount - 1 }, (_, index): NaiveNode => {
    return index % 2 === 0 ? of.leaf(index / 2) : of.parent(index)
  })
}

/** The tree with some nodes replaced, as somebody would send it. */
function broken(changes: ReadonlyMap<number, NaiveNode>): Uint8Array {
  return NaiveTree.of(nodes.map((node, index) => (changes.has(index) ? changes.get(index) : node))).encoded()
}

function refused(bytes: Uint8Array, code: string, context: Partial<TreeValidationContext> = {}): Promise<void> {
  const received = decodeRatchetTreeBytes(suite, bytes)
  return expect(validateRatchetTree(suite, received, { ...CONTEXT, ...context })).rejects.toThrow(
    expect.objectContaining({ name: 'MlsError', code }),
  )
}

function parentAt(index: number): ParentNode {
  const parent = tree.parent(index)
  if (parent === undefined) throw new Error(`node ${index} is blank`)
  return parent
}

function withParent(index: number, change: Partial<ParentNode>): Uint8Array {
  return broken(new Map([[index, { ...parentAt(index), ...change }]]))
}

/** A leaf changed by its own member, who signs it again: nothing but the change is wrong with it. */
async function resigned(
  leafIndex: number,
  change: Partial<LeafNode>,
  signer = people[leafIndex]?.signer,
): Promise<LeafNode> {
  const leaf = tree.leaf(leafIndex)
  if (leaf === undefined || signer === undefined) throw new Error(`leaf ${leafIndex} is blank`)
  return signed(signer, { ...leaf, ...change }, leafIndex)
}

describe('a tree that everybody maintained by the rules', () => {
  test('is accepted, and so is its copy from the wire', async () => {
    expect(tree.parent(7)?.unmergedLeaves).toEqual([4, 6])
    expect(tree.parent(3)?.unmergedLeaves).toEqual([])
    await validateRatchetTree(suite, tree, { ...CONTEXT, treeHash: tree.treeHash() })
    await validateRatchetTree(suite, decodeRatchetTreeBytes(suite, broken(new Map())), CONTEXT)
  })

  test('reports progress up to all of its leaves, and stops when asked to', async () => {
    const seen: number[] = []
    await validateRatchetTree(suite, tree, { ...CONTEXT, progress: (done, total) => seen.push(done, total) })
    expect(seen).toEqual([7, 7])
    const aborted = AbortSignal.abort(new Error('never mind'))
    await expect(validateRatchetTree(suite, tree, { ...CONTEXT, signal: aborted })).rejects.toThrow('never mind')
  })

  test('is shown to the Authentication Service leaf by leaf, whose refusal is final', async () => {
    const seen: LeafNode[] = []
    const authenticate = async (leaf: LeafNode): Promise<void> => {
      seen.push(leaf)
      if (leaf === tree.leaf(3)) throw new Error('who is dave?')
    }
    await expect(validateRatchetTree(suite, tree, { ...CONTEXT, authenticate })).rejects.toThrow('who is dave?')
    expect(seen).toHaveLength(7)
  })

  test('is shown to nobody when it is another than the one of the group', async () => {
    const seen: LeafNode[] = []
    const authenticate = async (leaf: LeafNode): Promise<void> => {
      seen.push(leaf)
    }
    const context = { ...CONTEXT, treeHash: new Uint8Array(32), authenticate }
    await expect(validateRatchetTree(suite, tree, context)).rejects.toMatchObject({ code: 'tree_hash_mismatch' })
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(seen).toEqual([])
  })
})

describe('a tree is not even read when', () => {
  const read = (bytes: Uint8Array): RatchetTree => decodeRatchetTreeBytes(suite, bytes)
  const withCode = (code: string): unknown => expect.objectContaining({ name: 'MlsError', blame: 'malformed', code })
  const raw = (...parts: readonly (readonly number[] | Uint8Array)[]): Uint8Array =>
    encodeWhole(parts, (writer) => {
      writer.vector(parts, (w, part) => w.fixed(Uint8Array.from(part)))
    })

  test('it has no nodes, or ends with a blank one', () => {
    const leaf = leafNodeBytes(people[0]?.leaf as LeafNode)
    expect(() => read(raw())).toThrow(withCode('empty_tree'))
    expect(() => read(raw([0]))).toThrow(withCode('trailing_blank_nodes'))
    expect(() => read(raw([1, 1], leaf, [0]))).toThrow(withCode('trailing_blank_nodes'))
    expect(read(raw([1, 1], leaf)).leafCount).toBe(1)
  })

  test('a leaf stands where a parent belongs, or the other way round, or something else', () => {
    const leaf = leafNodeBytes(people[0]?.leaf as LeafNode)
    expect(() => read(raw([0, 1, 1], leaf))).toThrow(withCode('bad_node_type'))
    expect(() => read(raw([1, 2, 0, 0, 0]))).toThrow(withCode('bad_node_type'))
    expect(() => read(raw([1, 3]))).toThrow(withCode('bad_node_type'))
    expect(() => read(raw([2, 1], leaf))).toThrow(withCode('bad_presence'))
  })

  test('its right half has no member', () => {
    const leaf = leafNodeBytes(people[0]?.leaf as LeafNode)
    expect(() => read(raw([1, 1], leaf, [1, 2, 0, 0, 0]))).toThrow(withCode('not_truncated'))
  })

  test('bytes follow it', () => {
    const bytes = Uint8Array.from([...ratchetTreeBytes(tree), 0])
    expect(() => read(bytes)).toThrow(withCode('trailing_bytes'))
    expect(decodeRatchetTree(suite, new Reader(bytes)).memberCount).toBe(7)
  })

  test('unmerged leaves are not in increasing order', () => {
    expect(() => read(withParent(7, { unmergedLeaves: [6, 4] }))).toThrow(withCode('unsorted_unmerged_leaves'))
    expect(() => read(withParent(7, { unmergedLeaves: [4, 4, 6] }))).toThrow(withCode('unsorted_unmerged_leaves'))
  })

  test('a key is longer than any key is', () => {
    expect(() => read(withParent(7, { encryptionKey: new Uint8Array(5000) }))).toThrow(withCode('key_too_long'))
  })
})

describe('a joiner refuses a tree when', () => {
  test("its hash is not the one of the group's context", async () => {
    await refused(ratchetTreeBytes(tree), 'tree_hash_mismatch', { treeHash: new Uint8Array(32) })
  })

  test('an unmerged leaf is not below its parent node', async () => {
    await refused(withParent(3, { unmergedLeaves: [4] }), 'unmerged_not_descendant')
    await refused(withParent(3, { unmergedLeaves: [2 ** 32 - 1] }), 'unmerged_not_descendant')
  })

  test('an unmerged leaf is blank', async () => {
    await refused(withParent(7, { unmergedLeaves: [4, 6, 7] }), 'unmerged_blank_leaf')
  })

  test('a node between an unmerged leaf and the parent node that lists it does not list it', async () => {
    await refused(withParent(7, { unmergedLeaves: [1, 4, 6] }), 'unmerged_not_below')
  })

  test('a parent node has a key that is no key', async () => {
    await refused(withParent(3, { encryptionKey: new Uint8Array(5) }), 'bad_encryption_key')
  })

  test('a parent node has another key, another parent hash, or more or fewer unmerged leaves than it was set with', async () => {
    for (const index of [1, 3, 5, 7]) {
      await refused(withParent(index, { encryptionKey: systemRandom(32) }), 'parent_hash_invalid')
      await refused(withParent(index, { parentHash: new Uint8Array(32) }), 'parent_hash_invalid')
    }
    await refused(withParent(7, { unmergedLeaves: [4] }), 'parent_hash_invalid')
    await refused(withParent(5, { unmergedLeaves: [3] }), 'parent_hash_invalid')
  })

  test('a blank node below was filled, or a filled one blanked', async () => {
    await refused(
      broken(new Map([[9, { ...parentAt(3), encryptionKey: systemRandom(32), unmergedLeaves: [4] }]])),
      'parent_hash_invalid',
    )
    await refused(broken(new Map([[3, undefined]])), 'parent_hash_invalid')
  })

  test('a parent node chains to no leaf: the committer signed its leaf again without a parent hash', async () => {
    const leaf = await resigned(2, { source: { leafNodeSource: 'update' } })
    await refused(broken(new Map([[4, leaf]])), 'parent_hash_invalid')
  })

  test('a member beside a committer was exchanged after the commit', async () => {
    const bob = await resigned(1, { extensions: [{ extensionType: 0xf001, extensionData: new Uint8Array(1) }] })
    await refused(broken(new Map([[2, bob]])), 'parent_hash_invalid')
  })

  test('two members, a member and a parent node, or two parent nodes have one encryption key', async () => {
    const { encryptionKey } = tree.leaf(0) as LeafNode
    const ofGrace = await resigned(6, { encryptionKey })
    await refused(broken(new Map([[12, ofGrace]])), 'duplicate_encryption_key')
    await refused(withParent(7, { encryptionKey }), 'duplicate_encryption_key')
    await refused(withParent(7, { encryptionKey: parentAt(3).encryptionKey }), 'duplicate_encryption_key')
  })

  test('two members have one signature key', async () => {
    const { signatureKey } = tree.leaf(0) as LeafNode
    const ofGrace = await resigned(6, { signatureKey }, people[0]?.signer)
    await refused(broken(new Map([[12, ofGrace]])), 'duplicate_signature_key')
  })

  test('a member has a type of credential that not everybody knows', async () => {
    const ofGrace = await resigned(6, {
      credential: { credentialType: 'x509', certificates: [] },
      capabilities: { ...capabilities, credentials: [1, 2] },
    })
    await refused(broken(new Map([[12, ofGrace]])), 'credential_not_supported')
  })

  test('a member does not know the type of credential of the others', async () => {
    const ofGrace = await resigned(6, {
      credential: { credentialType: 'x509', certificates: [] },
      capabilities: { ...capabilities, credentials: [2] },
    })
    await refused(broken(new Map([[12, ofGrace]])), 'credential_not_supported')
  })

  test('not everybody supports MLS 1.0 or the cipher suite', async () => {
    const versions = await resigned(6, { capabilities: { ...capabilities, versions: [2] } })
    await refused(broken(new Map([[12, versions]])), 'unsupported_version')
    const cipherSuites = await resigned(6, { capabilities: { ...capabilities, cipherSuites: [2] } })
    await refused(broken(new Map([[12, cipherSuites]])), 'unsupported_cipher_suite')
  })

  test('not everybody supports what the group requires, or an extension that the group has', async () => {
    const none = { extensionTypes: [], proposalTypes: [], credentialTypes: [] }
    const bytes = ratchetTreeBytes(tree)
    for (const required of [
      { ...none, extensionTypes: [0xf003] },
      { ...none, proposalTypes: [0xf102] },
      { ...none, credentialTypes: [2] },
    ]) {
      await refused(bytes, 'capability_missing', { groupExtensions: [requiredCapabilitiesExtension(required)] })
    }
    await refused(bytes, 'capability_missing', {
      groupExtensions: [{ extensionType: 0xf003, extensionData: new Uint8Array(0) }],
    })
    // what is supported or known to everybody is fine
    const met = { extensionTypes: [0xf001, 1], proposalTypes: [0xf101, 2], credentialTypes: [1] }
    const groupExtensions = [
      requiredCapabilitiesExtension(met),
      { extensionType: 0xf002, extensionData: new Uint8Array(0) },
    ]
    await validateRatchetTree(suite, tree, { ...CONTEXT, groupExtensions })
  })

  test('a signature of a leaf is not valid', async () => {
    for (const leafIndex of [0, 4, 6]) {
      const leaf = tree.leaf(leafIndex) as LeafNode
      const signature = leaf.signature.map((byte, i) => (i === 40 ? byte ^ 1 : byte))
      // a parent hash covers alice's signature, so hers is found out before
      const code = leafIndex === 0 ? 'parent_hash_invalid' : 'bad_leaf_signature'
      await refused(broken(new Map([[2 * leafIndex, { ...leaf, signature }]])), code)
    }
  })

  test('it is the tree of another group, or a committer sits at another leaf than it signed', async () => {
    await refused(ratchetTreeBytes(tree), 'bad_leaf_signature', { groupId: new Uint8Array(3) })
    const alone = NaiveTree.of([undefined, undefined, await signed((people[0] as Person).signer, onlyLeaf(), 0)])
    await refused(alone.encoded(), 'bad_leaf_signature')
    const inPlace = NaiveTree.of([undefined, undefined, await signed((people[0] as Person).signer, onlyLeaf(), 1)])
    await validateRatchetTree(suite, decodeRatchetTreeBytes(suite, inPlace.encoded()), CONTEXT)
  })

  test('a lifetime has not begun, is over, or is longer than the application accepts', async () => {
    const bytes = ratchetTreeBytes(tree)
    await refused(bytes, 'not_yet_valid', { now: NOW - 1001n })
    await refused(bytes, 'expired', { now: NOW + 1001n })
    await refused(bytes, 'lifetime_too_long', { lifetimeMaxSeconds: 1999n })
    await validateRatchetTree(suite, tree, { groupId, groupExtensions: [], lifetimeMaxSeconds: 2000n })
  })
})

test('whatever happens to the bytes of a tree on their way, a joiner refuses it with a typed error', async () => {
  const sent = ratchetTreeBytes(tree)
  const treeHash = tree.treeHash()
  const tampering = fc.record({
    at: fc.nat({ max: sent.length - 1 }),
    remove: fc.integer({ min: 0, max: 40 }),
    insert: fc.uint8Array({ maxLength: 4 }),
  })
  await fc.assert(
    fc.asyncProperty(tampering, async ({ at, remove, insert }) => {
      const bytes = Uint8Array.from([...sent.slice(0, at), ...insert, ...sent.slice(at + remove)])
      fc.pre(toHex(bytes) !== toHex(sent))
      const join = async (): Promise<void> =>
        validateRatchetTree(suite, decodeRatchetTreeBytes(suite, bytes), { ...CONTEXT, treeHash })
      await expect(join()).rejects.toThrow(expect.objectContaining({ name: 'MlsError' }))
    }),
    { numRuns: 300 },
  )
})

function onlyLeaf(): LeafNode {
  const { leaf } = people[0] as Person
  return { ...leaf, source: { leafNodeSource: 'commit', parentHash: new Uint8Array(0) } }
}
