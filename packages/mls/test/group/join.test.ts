import { utf8 } from '@dmls/crypto'
import { describe, expect, test } from 'vitest'
import {
  type AddedMember,
  createCommit,
  type EncryptedGroupSecrets,
  epochAuthenticator,
  type GroupInfo,
  type GroupSecrets,
  type GroupState,
  type JoinOptions,
  joinGroup,
  type KeyPackageBundle,
  mlsProfile,
  ratchetTreeBytes,
  requiredCapabilitiesExtension,
  type Welcome,
} from '../../src/index.ts'
import { deriveWelcomeSecret } from '../../src/schedule/key-schedule.ts'
import {
  decryptGroupInfo,
  decryptGroupSecrets,
  encryptGroupInfo,
  encryptGroupSecrets,
  signGroupInfo,
} from '../../src/schedule/welcome-secrets.ts'
import { suite } from '../suites.ts'
import { codeOf, groupOf, join, keyPackageOf, type Person, person, trio } from './people.ts'

interface Invitation {
  readonly alice: Person
  readonly bob: Person
  readonly bundle: KeyPackageBundle
  readonly welcome: Welcome
  readonly a: GroupState
}

/** Alice invites bob to a group in which charlie is already. */
async function invitation(): Promise<Invitation> {
  const { alice, a } = await trio()
  const bob = await person('dora')
  const bundle = await keyPackageOf(bob)
  const proposals = [{ proposalType: 'add', keyPackage: bundle.keyPackage } as const]
  const { welcome, child } = await createCommit(a, { signer: alice.signer, proposals }, alice.services)
  if (welcome?.wireFormat !== 'mls_welcome') throw new Error('no Welcome')
  return { alice, bob, bundle, welcome: welcome.welcome, a: child }
}

function attempt({ bob, bundle, welcome }: Invitation, more: Partial<JoinOptions> = {}) {
  const options = { profile: mlsProfile, suite, welcome, keyPackages: [bundle], ...more }
  return joinGroup(options, bob.services)
}

/** A Welcome as a dishonest member makes it: the secrets or the GroupInfo changed, everything encrypted anew. */
async function altered(
  invited: Invitation,
  change: {
    readonly secrets?: (secrets: GroupSecrets) => GroupSecrets
    readonly info?: (info: GroupInfo) => GroupInfo
    readonly unsigned?: boolean
  },
): Promise<Invitation> {
  const { bundle, welcome, alice } = invited
  const entry = welcome.secrets[0] as EncryptedGroupSecrets
  const open = await decryptGroupSecrets(
    suite,
    bundle.initPrivateKey,
    welcome.encryptedGroupInfo,
    entry.encryptedGroupSecrets,
  )
  const welcomeSecret = deriveWelcomeSecret(suite, open.joinerSecret, new Uint8Array(32))
  const info = decryptGroupInfo(suite, welcomeSecret, welcome.encryptedGroupInfo)
  const changed = change.info?.(info) ?? info
  const signed = change.unsigned === true ? changed : await signGroupInfo(alice.signer, changed)
  const encryptedGroupInfo = encryptGroupInfo(suite, welcomeSecret, signed)
  const secrets = change.secrets?.(open) ?? open
  const { initKey } = bundle.keyPackage
  const newMembers = [{ initKey, groupSecrets: secrets }]
  const [sealed] = await encryptGroupSecrets(suite, newMembers, encryptedGroupInfo, alice.services.random)
  const entries = [{ newMember: bundle.reference, encryptedGroupSecrets: sealed! }]
  return { ...invited, welcome: { ...welcome, secrets: entries, encryptedGroupInfo } }
}

test('a joiner learns which key package was used and who signed', async () => {
  const invited = await invitation()
  const unused = await keyPackageOf(invited.bob)
  const joined = await attempt(invited, { keyPackages: [unused, invited.bundle] })
  expect(joined.keyPackageRef).toEqual(invited.bundle.reference)
  expect(joined.signer).toMatchObject({ leafIndex: 0, leafNode: invited.a.tree.leaf(0) })
  expect(epochAuthenticator(joined.state)).toEqual(epochAuthenticator(invited.a))
  expect(joined.state.ownLeaf).toBe(3)
})

test('the tree may travel beside the Welcome, as bytes or as a tree', async () => {
  const { alice, a } = await trio()
  const dora = await person('dora')
  const bundle = await keyPackageOf(dora)
  const proposals = [{ proposalType: 'add', keyPackage: bundle.keyPackage } as const]
  const options = { signer: alice.signer, proposals, welcome: { ratchetTree: 'separate' } } as const
  const { welcome, child } = await createCommit(a, options, alice.services)
  if (welcome?.wireFormat !== 'mls_welcome') throw new Error('no Welcome')
  const invited = { alice, bob: dora, bundle, welcome: welcome.welcome, a: child }
  expect(await codeOf(attempt(invited))).toBe('ratchet_tree_needed')
  expect(await codeOf(attempt(invited, { ratchetTree: ratchetTreeBytes(child.tree) }))).toBe('accepted')
  expect(await codeOf(attempt(invited, { ratchetTree: child.tree }))).toBe('accepted')
  expect(await codeOf(attempt(invited, { ratchetTree: a.tree }))).toBe('tree_hash_mismatch')
})

test('several newcomers join by one Welcome', async () => {
  const { alice, a } = await trio()
  const people = await Promise.all(['dora', 'emil', 'frida'].map((name) => person(name)))
  const bundles = await Promise.all(people.map((each) => keyPackageOf(each)))
  const proposals = bundles.map(({ keyPackage }) => ({ proposalType: 'add', keyPackage }) as const)
  const { welcome, child, changes } = await createCommit(a, { signer: alice.signer, proposals }, alice.services)
  expect(changes.added.map((added: AddedMember) => added.leafIndex)).toEqual([3, 4, 5])
  for (const [i, each] of people.entries()) {
    const state = await join(each, welcome, bundles[i] as KeyPackageBundle)
    expect(epochAuthenticator(state)).toEqual(epochAuthenticator(child))
  }
})

describe('a joiner refuses a Welcome', () => {
  test('that is for none of its key packages, or for another suite', async () => {
    const invited = await invitation()
    expect(await codeOf(attempt(invited, { keyPackages: [await keyPackageOf(invited.bob)] }))).toBe('no_key_package')
    const welcome = { ...invited.welcome, cipherSuite: 3 }
    expect(await codeOf(attempt({ ...invited, welcome }))).toBe('cipher_suite_mismatch')
  })

  test('whose secrets or whose GroupInfo cannot be decrypted', async () => {
    const invited = await invitation()
    const bundle = { ...invited.bundle, initPrivateKey: (await keyPackageOf(invited.bob)).initPrivateKey }
    expect(await codeOf(attempt({ ...invited, bundle }))).toBe('group_secrets_open_failed')
    const other = await altered(invited, { secrets: (secrets) => ({ ...secrets, joinerSecret: new Uint8Array(32) }) })
    expect(await codeOf(attempt(other))).toBe('group_info_open_failed')
  })

  test('whose GroupInfo is signed badly, or by a blank leaf', async () => {
    const invited = await invitation()
    const unsigned = await altered(invited, {
      info: (info) => ({ ...info, signature: new Uint8Array(64) }),
      unsigned: true,
    })
    expect(await codeOf(attempt(unsigned))).toBe('bad_group_info_signature')
    const signedByCharlie = await altered(invited, { info: (info) => ({ ...info, signer: 2 }) })
    expect(await codeOf(attempt(signedByCharlie))).toBe('bad_group_info_signature')
    const signedByNobody = await altered(invited, { info: (info) => ({ ...info, signer: 9 }) })
    expect(await codeOf(attempt(signedByNobody))).toBe('blank_signer')
  })

  test('to a group that it is in', async () => {
    const invited = await invitation()
    const isMemberOf = (groupId: Uint8Array) => groupId.length === utf8('group').length
    expect(await codeOf(attempt(invited, { isMemberOf }))).toBe('already_member')
  })

  test('whose confirmation tag does not match', async () => {
    const invited = await altered(await invitation(), {
      info: (info) => ({ ...info, confirmationTag: new Uint8Array(32) }),
    })
    expect(await codeOf(attempt(invited))).toBe('bad_confirmation_tag')
  })

  test('whose GroupContext is of another version or suite', async () => {
    const invited = await invitation()
    const context = (change: object) => (info: GroupInfo) => ({
      ...info,
      groupContext: { ...info.groupContext, ...change },
    })
    expect(await codeOf(attempt(await altered(invited, { info: context({ cipherSuite: 3 }) })))).toBe(
      'cipher_suite_mismatch',
    )
    expect(await codeOf(attempt(await altered(invited, { info: context({ version: 2 }) })))).toBe('unsupported_version')
  })

  test('whose tree is not the one that its hash says', async () => {
    const invited = await invitation()
    const info = (info: GroupInfo): GroupInfo => ({
      ...info,
      groupContext: { ...info.groupContext, treeHash: new Uint8Array(32) },
    })
    expect(await codeOf(attempt(await altered(invited, { info })))).toBe('tree_hash_mismatch')
  })

  test('whose path secret does not lead to the keys of the tree', async () => {
    const secrets = (open: GroupSecrets): GroupSecrets => ({ ...open, pathSecret: new Uint8Array(32).fill(7) })
    expect(await codeOf(attempt(await altered(await invitation(), { secrets })))).toBe('path_key_mismatch')
  })

  test('that lists an extension type twice, in the GroupInfo or in the GroupContext', async () => {
    const invited = await invitation()
    const twice = [1, 1].map((extensionType) => ({ extensionType, extensionData: new Uint8Array(0) }))
    const outer = (info: GroupInfo): GroupInfo => ({ ...info, extensions: [...info.extensions, ...twice] })
    expect(await codeOf(attempt(await altered(invited, { info: outer })))).toBe('duplicate_extension')
    const inner = (info: GroupInfo): GroupInfo => ({
      ...info,
      groupContext: { ...info.groupContext, extensions: twice },
    })
    expect(await codeOf(attempt(await altered(invited, { info: inner })))).toBe('duplicate_extension')
  })

  test('to a group with an extension that it does not support', async () => {
    const extensions = [{ extensionType: 0xf00d, extensionData: new Uint8Array(0) }]
    const info = (info: GroupInfo): GroupInfo => ({ ...info, groupContext: { ...info.groupContext, extensions } })
    expect(await codeOf(attempt(await altered(await invitation(), { info })))).toBe('unsupported_extension')
  })

  test('to a group that requires what a member does not have', async () => {
    const extensions = [
      requiredCapabilitiesExtension({ extensionTypes: [], proposalTypes: [0xf00d], credentialTypes: [] }),
    ]
    const info = (info: GroupInfo): GroupInfo => ({ ...info, groupContext: { ...info.groupContext, extensions } })
    expect(await codeOf(attempt(await altered(await invitation(), { info })))).toBe('capability_missing')
  })

  test('whose tree does not have its leaf', async () => {
    const invited = await invitation()
    const other = await keyPackageOf(invited.bob)
    const bundle = {
      ...invited.bundle,
      keyPackage: { ...invited.bundle.keyPackage, leafNode: other.keyPackage.leafNode },
    }
    expect(await codeOf(attempt({ ...invited, bundle }))).toBe('not_in_tree')
  })

  test('that names a pre-shared key that it does not have, or two keys of a successor group', async () => {
    const invited = await invitation()
    const pskNonce = new Uint8Array(32)
    const external = { psk: { pskType: 'external', pskId: utf8('psk') } as const, pskNonce }
    const withPsk = await altered(invited, { secrets: (open) => ({ ...open, psks: [external] }) })
    expect(await codeOf(attempt(withPsk))).toBe('psk_not_found')
    const branch = { pskType: 'resumption', usage: 'branch', pskGroupId: utf8('old'), pskEpoch: 3n } as const
    const psks = [
      { psk: branch, pskNonce },
      { psk: { ...branch, usage: 'reinit' } as const, pskNonce },
    ]
    const withTwo = await altered(invited, { secrets: (open) => ({ ...open, psks }) })
    expect(await codeOf(attempt(withTwo))).toBe('bad_psk_usage')
  })

  test('when the Authentication Service does not accept a member', async () => {
    const invited = await invitation()
    const services = {
      ...invited.bob.services,
      authenticate: async ({ signatureKey }: { signatureKey: Uint8Array }) => {
        if (signatureKey === undefined || signatureKey.every((byte, i) => byte === invited.alice.signer.publicKey[i])) {
          throw new Error('who is alice?')
        }
      },
    }
    expect(await codeOf(attempt({ ...invited, bob: { ...invited.bob, services } }))).toBe('refused_by_application')
  })

  test('to a tree with a leaf whose lifetime is over, unless lifetimes are ignored', async () => {
    const invited = await invitation()
    const later = { ...invited.bob.services, now: invited.bob.services.now + 86_400n * 91n }
    expect(await codeOf(attempt({ ...invited, bob: { ...invited.bob, services: later } }))).toBe('expired')
    for (const receivedLifetimes of ['check_added', 'ignore'] as const) {
      const services = { ...later, policy: { receivedLifetimes } }
      expect(await codeOf(attempt({ ...invited, bob: { ...invited.bob, services } }))).toBe('accepted')
    }
  })
})

test('a creator whose leaf lacks what the group requires does not create it', async () => {
  const alice = await person('alice')
  const extensions = [
    requiredCapabilitiesExtension({ extensionTypes: [], proposalTypes: [0xf00d], credentialTypes: [] }),
  ]
  expect(await codeOf(groupOf(alice, { extensions }))).toBe('capability_missing')
})

test('a Welcome that names a pre-shared key with a nonce of the wrong size is refused', async () => {
  const invited = await invitation()
  const psk = { psk: { pskType: 'external', pskId: utf8('psk') } as const, pskNonce: new Uint8Array(31) }
  const broken = await altered(invited, { secrets: (open) => ({ ...open, psks: [psk] }) })
  expect(await codeOf(attempt(broken))).toBe('bad_psk_nonce')
})
