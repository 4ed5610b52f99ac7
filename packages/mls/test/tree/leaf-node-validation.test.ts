/** One leaf at a time, each broken in one way (RFC 9420 §7.3). */
import { beforeAll, describe, expect, test } from 'vitest'
import { type LeafNodeContext, validateLeafNode } from '../../src/tree/leaf-node-validation.ts'
import { requiredCapabilitiesExtension } from '../../src/tree/required-capabilities.ts'
import type { Capabilities, LeafNode, LeafNodeContent } from '../../src/wire/leaf-node.ts'
import { suite } from '../suites.ts'
import { capabilities, groupId, KEY_PACKAGE, NOW, type Person, person, signed } from './people.ts'

const FROM_KEY_PACKAGE: LeafNodeContext = { source: 'key_package', groupExtensions: [], now: NOW }
const UPDATE = { leafNodeSource: 'update' } as const
const COMMIT = { leafNodeSource: 'commit', parentHash: new Uint8Array(32) } as const

let alice: Person
let bob: Person
beforeAll(async () => {
  alice = await person('alice')
  bob = await person('bob')
})

function aliceWith(change: Partial<LeafNodeContent>, leafIndex = 0): Promise<LeafNode> {
  return signed(alice.signer, { ...alice.leaf, ...change }, leafIndex)
}

function able(change: Partial<Capabilities>): Promise<LeafNode> {
  return aliceWith({ capabilities: { ...capabilities, ...change } })
}

async function refused(
  leaf: LeafNode | Promise<LeafNode>,
  code: string,
  context: Partial<LeafNodeContext> = {},
): Promise<void> {
  await expect(validateLeafNode(suite, await leaf, { ...FROM_KEY_PACKAGE, ...context })).rejects.toThrow(
    expect.objectContaining({ name: 'MlsError', code }),
  )
}

describe('a leaf node', () => {
  test('is accepted where it belongs: in a key package, an update, a commit, and in a tree from anywhere', async () => {
    const position = { groupId, leafIndex: 5 }
    const sources = [KEY_PACKAGE, UPDATE, COMMIT]
    for (const source of sources) {
      const leaf = await aliceWith({ source }, 5)
      await validateLeafNode(suite, leaf, { source: source.leafNodeSource, position, groupExtensions: [], now: NOW })
      await validateLeafNode(suite, leaf, { source: 'tree', position, groupExtensions: [], now: NOW })
    }
  })

  test('is refused where another source belongs', async () => {
    const position = { groupId, leafIndex: 5 }
    for (const source of [KEY_PACKAGE, UPDATE, COMMIT]) {
      const leaf = await aliceWith({ source }, 5)
      for (const expected of ['key_package', 'update', 'commit'] as const) {
        if (expected === source.leafNodeSource) continue
        await refused(leaf, 'bad_leaf_node_source', { source: expected, position })
      }
    }
  })

  test('is refused when its signature is another, of another group, or for another leaf', async () => {
    await refused({ ...alice.leaf, signature: bob.leaf.signature }, 'bad_leaf_signature')
    await refused({ ...alice.leaf, signature: new Uint8Array(0) }, 'bad_leaf_signature')
    await refused({ ...alice.leaf, signatureKey: bob.leaf.signatureKey }, 'bad_leaf_signature')
    const leaf = await aliceWith({ source: UPDATE }, 5)
    await refused(leaf, 'bad_leaf_signature', { source: 'update', position: { groupId, leafIndex: 4 } })
    await refused(leaf, 'bad_leaf_signature', {
      source: 'update',
      position: { groupId: new Uint8Array(1), leafIndex: 5 },
    })
    await refused(leaf, 'no_position', { source: 'update' })
  })

  test('is refused when it keeps the encryption key of the leaf that it replaces', async () => {
    const leaf = await aliceWith({ source: UPDATE }, 5)
    const position = { groupId, leafIndex: 5 }
    await refused(leaf, 'same_encryption_key', { source: 'update', position, replaced: alice.leaf })
    await validateLeafNode(suite, leaf, { source: 'update', position, groupExtensions: [], replaced: bob.leaf })
  })

  test('is refused when its encryption key is no key, or is its signature key', async () => {
    await refused(aliceWith({ encryptionKey: new Uint8Array(33) }), 'bad_encryption_key')
    await refused(aliceWith({ encryptionKey: alice.leaf.signatureKey }), 'key_reused')
  })

  test('is refused when it lists neither MLS 1.0 nor the cipher suite', async () => {
    await refused(able({ versions: [] }), 'unsupported_version')
    await refused(able({ cipherSuites: [2, 3] }), 'unsupported_cipher_suite')
  })

  test('is refused when it does not list its own credential type or an extension that it has', async () => {
    await refused(able({ credentials: [2] }), 'credential_not_listed')
    const extension = { extensionType: 0xf00f, extensionData: new Uint8Array(1) }
    await refused(aliceWith({ extensions: [extension] }), 'extension_not_listed')
    // one that every client has need not be listed
    const leaf = await aliceWith({ extensions: [{ ...extension, extensionType: 1 }] })
    await validateLeafNode(suite, leaf, FROM_KEY_PACKAGE)
  })

  test('is refused when it has two extensions of one type', async () => {
    const extension = { extensionType: 0xf001, extensionData: new Uint8Array(1) }
    await refused(aliceWith({ extensions: [extension, extension] }), 'duplicate_extension')
  })

  test('is refused when it lacks what the group requires', async () => {
    const required = { extensionTypes: [0xf001], proposalTypes: [0xf101], credentialTypes: [1] }
    const groupExtensions = [requiredCapabilitiesExtension(required)]
    await validateLeafNode(suite, alice.leaf, { ...FROM_KEY_PACKAGE, groupExtensions })
    await refused(able({ extensions: [] }), 'capability_missing', { groupExtensions })
    await refused(able({ proposals: [] }), 'capability_missing', { groupExtensions })
    const certified = aliceWith({
      credential: { credentialType: 'x509', certificates: [] },
      capabilities: { ...capabilities, credentials: [2] },
    })
    await refused(certified, 'capability_missing', { groupExtensions })
    const extension = { extensionType: 0xf003, extensionData: new Uint8Array(1) }
    await refused(alice.leaf, 'capability_missing', { groupExtensions: [extension] })
  })

  test('is refused when its lifetime is over, has not begun, is too long, or ends before it starts', async () => {
    await refused(alice.leaf, 'expired', { now: NOW + 1001n })
    await refused(alice.leaf, 'not_yet_valid', { now: NOW - 1001n })
    await refused(alice.leaf, 'lifetime_too_long', { lifetimeMaxSeconds: 1999n })
    const backwards = { leafNodeSource: 'key_package', lifetime: { notBefore: 2n, notAfter: 1n } } as const
    await refused(aliceWith({ source: backwards }), 'bad_lifetime', { now: undefined })
    await validateLeafNode(suite, alice.leaf, { ...FROM_KEY_PACKAGE, now: NOW + 1000n })
    await validateLeafNode(suite, alice.leaf, { ...FROM_KEY_PACKAGE, now: undefined, lifetimeMaxSeconds: 2000n })
  })

  test('lists types that nobody knows without harm', async () => {
    const strange = await able({
      extensions: [0x0a0a, 0xf001],
      proposals: [0xeaea],
      credentials: [1, 0x1a1a],
      versions: [1, 9],
    })
    await validateLeafNode(suite, strange, FROM_KEY_PACKAGE)
  })

  test('is shown to the Authentication Service with the leaf that it replaces, once its signature is verified', async () => {
    const asked: (LeafNode | undefined)[] = []
    const authenticate = async (leaf: LeafNode, replaced: LeafNode | undefined): Promise<void> => {
      asked.push(leaf, replaced)
    }
    await validateLeafNode(suite, alice.leaf, { ...FROM_KEY_PACKAGE, replaced: bob.leaf, authenticate })
    expect(asked).toEqual([alice.leaf, bob.leaf])
    await refused({ ...alice.leaf, signature: new Uint8Array(64) }, 'bad_leaf_signature', { authenticate })
    expect(asked).toHaveLength(2)
  })
})
