import { systemRandom } from '@dmls/crypto'
import { expect, test } from 'vitest'
import {
  APP_DATA_DICTIONARY,
  appDataDictionaryExtension,
  ComponentId,
  componentDataOf,
  componentsListBytes,
  createCommit,
  decodeComponentsList,
  isGrease,
  isLastResort,
  type KeyPackage,
  type KeyPackageOptions,
  keyPackageTbs,
  type LeafNode,
  MlsError,
  missingComponents,
  validateKeyPackage,
} from '../../src/index.ts'
import { signWithLabel } from '../../src/schedule/labeled.ts'
import { suite } from '../suites.ts'
import { forgeProposal, resignLeaf } from './forge.ts'
import { codeOf, groupOf, keyPackageOf, LIFETIME, NOW, type Person, person, receive, trio } from './people.ts'

/** A key package of bob's with something changed, and both signatures made anew. */
async function altered(
  bob: Person,
  change: { readonly leaf?: Partial<LeafNode>; readonly outer?: (sound: KeyPackage) => Partial<KeyPackage> },
): Promise<KeyPackage> {
  const { keyPackage } = await keyPackageOf(bob, { grease: 'omit' })
  const leafNode = await resignLeaf({ ...keyPackage.leafNode, ...change.leaf }, bob.signer, undefined)
  const content = { ...keyPackage, leafNode, ...change.outer?.(keyPackage) }
  return { ...content, signature: await signWithLabel(bob.signer, 'KeyPackageTBS', keyPackageTbs(content)) }
}

async function verdict(keyPackage: KeyPackage, bob: Person): Promise<string> {
  const alone = await codeOf(validateKeyPackage(suite, keyPackage, bob.services))
  const alice = await person('alice')
  const group = await groupOf(alice)
  const proposals = [{ proposalType: 'add', keyPackage }] as const
  // a committer finds the same fault before it commits
  const committed = await codeOf(createCommit(group, { signer: alice.signer, proposals }, alice.services))
  expect(committed).toBe(alone)
  return alone
}

test('a key package that bob made is accepted', async () => {
  const bob = await person('bob')
  expect(await verdict((await keyPackageOf(bob)).keyPackage, bob)).toBe('accepted')
  expect(await verdict(await altered(bob, {}), bob)).toBe('accepted')
})

test('alice validates a key package before she commits its addition, her own or what bob proposes', async () => {
  const group = await trio()
  const { alice, a } = group
  const sound = (await keyPackageOf(await person('dora'))).keyPackage
  const keyPackage = { ...sound, signature: sound.signature.map((byte) => byte ^ 1) }
  const proposal = { proposalType: 'add', keyPackage } as const
  const own = createCommit(a, { signer: alice.signer, proposals: [proposal] }, alice.services)
  expect(await codeOf(own)).toBe('bad_key_package_signature')
  const heard = await forgeProposal(group.b, proposal, { signer: group.bob.signer })
  expect(await codeOf(receive(alice, a, heard))).toBe('bad_key_package_signature')
  expect(a.proposals.size).toBe(0)
})

test('a key package for another version or cipher suite is refused', async () => {
  const bob = await person('bob')
  expect(await verdict(await altered(bob, { outer: () => ({ version: 2 }) }), bob)).toBe('key_package_mismatch')
  expect(await verdict(await altered(bob, { outer: () => ({ cipherSuite: 3 }) }), bob)).toBe('key_package_mismatch')
})

test('a key package whose init key is the encryption key of its leaf is refused', async () => {
  const bob = await person('bob')
  const keyPackage = await altered(bob, { outer: (sound) => ({ initKey: sound.leafNode.encryptionKey }) })
  expect(await verdict(keyPackage, bob)).toBe('init_key_reused')
})

test('a key package whose init key is no key of the suite is refused', async () => {
  const bob = await person('bob')
  const keyPackage = await altered(bob, { outer: () => ({ initKey: new Uint8Array(31) }) })
  expect(await verdict(keyPackage, bob)).toBe('bad_encryption_key')
})

test('a key package with a bad signature is refused', async () => {
  const bob = await person('bob')
  const { keyPackage } = await keyPackageOf(bob)
  const signature = keyPackage.signature.slice()
  signature[0] = (signature[0] as number) ^ 1
  expect(await verdict({ ...keyPackage, signature }, bob)).toBe('bad_key_package_signature')
})

test('a key package whose leaf has a bad signature is refused', async () => {
  const bob = await person('bob')
  const { keyPackage } = await keyPackageOf(bob)
  const leafNode = { ...keyPackage.leafNode, signature: new Uint8Array(64) }
  const content = { ...keyPackage, leafNode }
  const signature = await signWithLabel(bob.signer, 'KeyPackageTBS', keyPackageTbs(content))
  expect(await verdict({ ...content, signature }, bob)).toBe('bad_leaf_signature')
})

test('a key package whose leaf does not come from a key package is refused', async () => {
  const bob = await person('bob')
  const { keyPackage } = await keyPackageOf(bob)
  const leaf: LeafNode = { ...keyPackage.leafNode, source: { leafNodeSource: 'update' } }
  const leafNode = await resignLeaf(leaf, bob.signer, { groupId: new Uint8Array(1), leafIndex: 1 })
  const content = { ...keyPackage, leafNode }
  const signature = await signWithLabel(bob.signer, 'KeyPackageTBS', keyPackageTbs(content))
  expect(await verdict({ ...content, signature }, bob)).toBe('bad_leaf_node_source')
})

test('a key package with an extension that it does not list is refused', async () => {
  const bob = await person('bob')
  const extensions = [{ extensionType: 0xf001, extensionData: new Uint8Array(1) }]
  expect(await verdict(await altered(bob, { outer: () => ({ extensions }) }), bob)).toBe('extension_not_listed')
})

test('a key package with one extension type twice is refused', async () => {
  const bob = await person('bob')
  const twice = { extensionType: 1, extensionData: new Uint8Array(0) }
  const keyPackage = await altered(bob, { outer: () => ({ extensions: [twice, twice] }) })
  expect(await verdict(keyPackage, bob)).toBe('duplicate_extension')
})

test('a key package outside its lifetime, or with one that is too long, is refused', async () => {
  const bob = await person('bob')
  const lasting = (notBefore: bigint, notAfter: bigint) =>
    keyPackageOf(bob, { lifetime: { notBefore, notAfter } }).then((bundle) => bundle.keyPackage)
  expect(await verdict(await lasting(NOW - 10n, NOW - 1n), bob)).toBe('expired')
  expect(await verdict(await lasting(NOW + 1n, NOW + 10n), bob)).toBe('not_yet_valid')
  expect(await verdict(await lasting(NOW, NOW + 401n * 86_400n), bob)).toBe('lifetime_too_long')
  expect(await codeOf(keyPackageOf(bob, { lifetime: { notBefore: 2n, notAfter: 1n } }))).toBe('bad_lifetime')
})

test('the Authentication Service decides whether a key package is used', async () => {
  const bob = await person('bob')
  const { keyPackage } = await keyPackageOf(bob)
  const asked: string[] = []
  const authenticate = async ({ occasion }: { occasion: string }): Promise<void> => {
    asked.push(occasion)
    throw new Error('never heard of bob')
  }
  const refused = validateKeyPackage(suite, keyPackage, { now: NOW, authenticate })
  await expect(refused).rejects.toBeInstanceOf(MlsError)
  expect(await codeOf(refused)).toBe('refused_by_application')
  expect(asked).toEqual(['key_package'])
})

test('key packages carry GREASE, and a receiver ignores it', async () => {
  const bob = await person('bob')
  const { keyPackage } = await keyPackageOf(bob)
  const { capabilities } = keyPackage.leafNode
  for (const list of [
    capabilities.cipherSuites,
    capabilities.extensions,
    capabilities.proposals,
    capabilities.credentials,
  ]) {
    expect(list.some(isGrease)).toBe(true)
  }
  expect(keyPackage.extensions.some(({ extensionType }) => isGrease(extensionType))).toBe(true)
  expect(await verdict(keyPackage, bob)).toBe('accepted')
  const plain = await keyPackageOf(bob, { grease: 'omit' })
  expect(plain.keyPackage.extensions).toEqual([])
})

test('a last-resort key package says so, and lists the extension that says it', async () => {
  const bob = await person('bob')
  const { keyPackage } = await keyPackageOf(bob, { use: 'last_resort', grease: 'omit' })
  expect(isLastResort(keyPackage)).toBe(true)
  const { leafNode } = keyPackage
  expect(leafNode.capabilities.extensions).toContain(APP_DATA_DICTIONARY)
  expect(decodeComponentsList(componentDataOf(leafNode.extensions, ComponentId.appComponents)!)).toEqual([1, 2, 4])
  expect(await verdict(keyPackage, bob)).toBe('accepted')
  expect(isLastResort((await keyPackageOf(bob)).keyPackage)).toBe(false)
})

test('who lists the dictionary of components says which it understands, GREASE among them', async () => {
  const bob = await person('bob')
  const capabilities = {
    ...(await keyPackageOf(bob)).keyPackage.leafNode.capabilities,
    extensions: [APP_DATA_DICTIONARY],
  }
  const advertised = async (options: Partial<KeyPackageOptions>): Promise<readonly number[]> => {
    const { keyPackage } = await keyPackageOf(bob, { capabilities, ...options })
    expect(await verdict(keyPackage, bob)).toBe('accepted')
    return decodeComponentsList(componentDataOf(keyPackage.leafNode.extensions, ComponentId.appComponents)!)
  }
  const [appComponents, safeAad, lastResort, grease, ...more] = await advertised({})
  expect([appComponents, safeAad, lastResort, ...more]).toEqual([1, 2, 4])
  expect(isGrease(grease!) && grease! <= 0x7a7a).toBe(true)
  const own = (ids: readonly number[]) =>
    appDataDictionaryExtension([
      { componentId: ComponentId.appComponents, data: componentsListBytes(ids) },
      { componentId: 0x8001, data: new Uint8Array(3) },
    ])
  expect(await advertised({ extensions: [own([1, 2, 0x8001])] })).toEqual([1, 2, 0x8001])
  const { keyPackage } = await keyPackageOf(bob, { extensions: [own([1, 0x8001])] })
  expect(missingComponents(keyPackage.leafNode, [own([0x8001])])).toEqual([])
  expect(missingComponents(keyPackage.leafNode, [own([1, 0x8001, 0x8002])])).toEqual([0x8002])
  expect(missingComponents((await keyPackageOf(bob)).keyPackage.leafNode, [own([1])])).toEqual([1])
})

test('two key packages of bob share no key and no reference', async () => {
  const bob = await person('bob', { random: systemRandom })
  const [one, two] = [await keyPackageOf(bob), await keyPackageOf(bob)]
  expect(one.keyPackage.initKey).not.toEqual(two.keyPackage.initKey)
  expect(one.keyPackage.leafNode.encryptionKey).not.toEqual(two.keyPackage.leafNode.encryptionKey)
  expect(one.reference).not.toEqual(two.reference)
  expect(one.keyPackage.leafNode.source).toMatchObject({ lifetime: LIFETIME })
})
