import { utf8 } from '@dmls/crypto'
import { nodeProvider } from '@dmls/crypto/node'
import { describe, expect, test } from 'vitest'
import { createCommitAs } from '../../src/group/commit/create-commit.ts'
import {
  createBranch,
  createCommit,
  createGroupInfo,
  createReinitGroup,
  epochAuthenticator,
  type GroupState,
  type JoinOptions,
  joinGroup,
  type KeyPackageBundle,
  type MlsMessage,
  mlsProfile,
  type Proposal,
  protectApplication,
  sendProposal,
} from '../../src/index.ts'
import { suite } from '../suites.ts'
import { codeOf, credentialOf, follow, groupOf, keyPackageOf, LIFETIME, type Person, person, trio } from './people.ts'

const NEXT_SUITE = nodeProvider.cipherSuite(3)
const EXTENSIONS = [{ extensionType: 0xf00d, extensionData: utf8('agreed') }]
const CAPABILITIES = { versions: [1], cipherSuites: [1, 3], extensions: [0xf00d], proposals: [], credentials: [1] }

const reinitTo = (cipherSuite: number): Proposal => ({
  proposalType: 'reinit',
  groupId: utf8('the next group'),
  version: 1,
  cipherSuite,
  extensions: EXTENSIONS,
})

function joinAfter(
  who: Person,
  old: GroupState | undefined,
  welcome: MlsMessage | undefined,
  bundle: KeyPackageBundle,
  more: Partial<JoinOptions> = {},
) {
  if (welcome?.wireFormat !== 'mls_welcome') throw new Error('no Welcome')
  const previous = old === undefined ? {} : { previous: old }
  const options = {
    profile: mlsProfile,
    suite: who.suite,
    welcome: welcome.welcome,
    keyPackages: [bundle],
    ...previous,
    ...more,
  }
  return joinGroup(options, who.services)
}

async function reinitialized() {
  const group = await trio({ leaf: { capabilities: CAPABILITIES } })
  const { alice, bob, charlie, a, b, c } = group
  const options = { signer: alice.signer, proposals: [reinitTo(3)], path: 'when_required' } as const
  const { child, message } = await createCommit(a, options, alice.services)
  return { alice, bob, charlie, a: child, b: await follow(bob, b, message), c: await follow(charlie, c, message) }
}

/** The same people with keys for the suite of the new group. */
async function moved(who: Person): Promise<{ who: Person; bundle: KeyPackageBundle }> {
  const next = await person(who.name, { suite: NEXT_SUITE })
  return { who: next, bundle: await keyPackageOf(next, { capabilities: CAPABILITIES }) }
}

test('a group is reinitialised with another cipher suite, by another member than the one who asked', async () => {
  const old = await reinitialized()
  const [alice, charlie] = [await moved(old.alice), await moved(old.charlie)]
  const bob = await person('bob', { suite: NEXT_SUITE })
  const created = await createReinitGroup(
    old.b,
    {
      suite: NEXT_SUITE,
      signer: bob.signer,
      leaf: { credential: credentialOf('bob'), capabilities: CAPABILITIES },
      lifetime: LIFETIME,
      keyPackages: [alice.bundle.keyPackage, charlie.bundle.keyPackage],
    },
    bob.services,
  )
  expect(created.child.context).toMatchObject({
    epoch: 1n,
    cipherSuite: 3,
    groupId: utf8('the next group'),
    extensions: EXTENSIONS,
  })
  for (const [each, state] of [[alice, old.a] as const, [charlie, old.c] as const]) {
    const joined = await joinAfter(each.who, state, created.welcome, each.bundle)
    expect(epochAuthenticator(joined.state)).toEqual(epochAuthenticator(created.child))
    expect(joined.psks).toMatchObject([{ psk: { usage: 'reinit', pskEpoch: 2n } }])
  }
})

test('nothing is sent any more in a group that was reinitialised', async () => {
  const { alice, a } = await reinitialized()
  const { signer, services } = alice
  expect(await codeOf(protectApplication(a, utf8('hi'), { signer }, services))).toBe('group_reinitialized')
  expect(await codeOf(createCommit(a, { signer }, services))).toBe('group_reinitialized')
  const removal = sendProposal(a, { proposalType: 'remove', removed: 1 }, { signer }, services)
  expect(await codeOf(removal)).toBe('group_reinitialized')
  expect(await codeOf(createGroupInfo(a, { signer }, services))).toBe('group_reinitialized')
})

describe('a reinitialised group', () => {
  async function recreate(
    old: Awaited<ReturnType<typeof reinitialized>>,
    change: {
      readonly old?: (state: GroupState) => GroupState
      readonly without?: 'charlie'
      readonly services?: object
    } = {},
  ) {
    const [alice, charlie] = [await moved(old.alice), await moved(old.charlie)]
    const bob = await person('bob', { suite: NEXT_SUITE })
    const created = await createReinitGroup(
      change.old?.(old.b) ?? old.b,
      {
        suite: NEXT_SUITE,
        signer: bob.signer,
        leaf: { credential: credentialOf('bob'), capabilities: CAPABILITIES },
        lifetime: LIFETIME,
        keyPackages: [alice, ...(change.without === undefined ? [charlie] : [])].map(({ bundle }) => bundle.keyPackage),
      },
      { ...bob.services, ...change.services },
    )
    return { alice, created }
  }

  test('cannot be made without the old one having been reinitialised, nor with another suite', async () => {
    const { alice, a } = await trio()
    const options = {
      suite,
      signer: alice.signer,
      leaf: { credential: credentialOf('alice') },
      lifetime: LIFETIME,
      keyPackages: [],
    }
    expect(await codeOf(createReinitGroup(a, options, alice.services))).toBe('not_reinitialized')
    const old = await reinitialized()
    expect(await codeOf(createReinitGroup(old.a, options, alice.services))).toBe('wrong_cipher_suite')
  })

  test('has all the members of the old one: its creator sees to it, and so do those who join', async () => {
    const old = await reinitialized()
    expect(await codeOf(recreate(old, { without: 'charlie' }))).toBe('members_missing')
    const policy = { sameIdentity: () => true }
    const lax = { services: { policy } }
    const { alice, created } = await recreate(old, {
      without: 'charlie',
      old: (b) => ({ ...b, tree: b.tree.removeLeaf(2) }),
      ...lax,
    })
    expect(await codeOf(joinAfter(alice.who, old.a, created.welcome, alice.bundle))).toBe('not_the_successor')
  })

  test('has the parameters of the ReInit', async () => {
    const old = await reinitialized()
    const change = (reinit: object) => (state: GroupState) => ({
      ...state,
      reinit: { ...(state.reinit as NonNullable<GroupState['reinit']>), ...reinit },
    })
    for (const other of [{ groupId: utf8('elsewhere') }, { extensions: [] }]) {
      const { alice, created } = await recreate(old, { old: change(other) })
      expect(await codeOf(joinAfter(alice.who, old.a, created.welcome, alice.bundle))).toBe('not_the_successor')
    }
  })

  test('is joined only by one who has the old state, and after a ReInit', async () => {
    const old = await reinitialized()
    const { alice, created } = await recreate(old)
    expect(await codeOf(joinAfter(alice.who, undefined, created.welcome, alice.bundle))).toBe('psk_not_found')
    const findPsk = async () => old.a.secrets.resumptionPsk
    const remembering = { ...alice.who, services: { ...alice.who.services, findPsk } }
    expect(await codeOf(joinAfter(remembering, undefined, created.welcome, alice.bundle))).toBe('previous_group_needed')
    const never = { ...old.a, reinit: undefined }
    expect(await codeOf(joinAfter(alice.who, never, created.welcome, alice.bundle))).toBe('not_the_successor')
  })
})

describe('a branch', () => {
  const branchOf = (
    state: GroupState,
    who: Person,
    keyPackages: readonly KeyPackageBundle[],
    services = who.services,
  ) =>
    createBranch(
      state,
      {
        groupId: utf8('the branch'),
        signer: who.signer,
        leaf: { credential: credentialOf(who.name) },
        lifetime: LIFETIME,
        keyPackages: keyPackages.map(({ keyPackage }) => keyPackage),
      },
      services,
    )

  test('is a new group of some of the members', async () => {
    const { alice, charlie, a, c } = await trio()
    const bundle = await keyPackageOf(charlie)
    const created = await branchOf(a, alice, [bundle])
    const joined = await joinAfter(charlie, c, created.welcome, bundle)
    expect(epochAuthenticator(joined.state)).toEqual(epochAuthenticator(created.child))
    expect(joined.state.context).toMatchObject({ epoch: 1n, groupId: utf8('the branch') })
  })

  test('has no strangers in it: its creator sees to it, and so do those who join', async () => {
    const { alice, charlie, a, c } = await trio()
    const bundle = await keyPackageOf(charlie)
    const stranger = await keyPackageOf(await person('mallory'))
    expect(await codeOf(branchOf(a, alice, [bundle, stranger]))).toBe('not_a_subset')
    const lax = { ...alice.services, policy: { sameIdentity: () => true } }
    const created = await branchOf(a, alice, [bundle, stranger], lax)
    expect(await codeOf(joinAfter(charlie, c, created.welcome, bundle))).toBe('not_a_branch')
  })

  test('has the version and the cipher suite of the old group, and begins with epoch 1', async () => {
    const { alice, charlie, a, c } = await trio()
    const bundle = await keyPackageOf(charlie)
    const created = await branchOf(a, alice, [bundle])
    const elsewhere = { ...c, context: { ...c.context, cipherSuite: 2 } }
    expect(await codeOf(joinAfter(charlie, elsewhere, created.welcome, bundle))).toBe('not_a_branch')
    expect(await codeOf(joinAfter(charlie, undefined, created.welcome, bundle))).toBe('psk_not_found')
  })

  test('whose Welcome leads to a later epoch is refused', async () => {
    const { alice, charlie, a, c } = await trio()
    const bundle = await keyPackageOf(charlie)
    const other = await groupOf(alice, { groupId: utf8('the branch') })
    const grown = await createCommit(other, { signer: alice.signer }, alice.services)
    const psk = { pskType: 'resumption', usage: 'branch', pskGroupId: utf8('group'), pskEpoch: 1n } as const
    const proposals: Proposal[] = [
      { proposalType: 'add', keyPackage: bundle.keyPackage },
      { proposalType: 'psk', psk: { psk, pskNonce: new Uint8Array(32) } },
    ]
    const options = { signer: alice.signer, proposals }
    const late = await createCommitAs(grown.child, options, alice.services, { usage: 'branch', from: a })
    expect(await codeOf(joinAfter(charlie, c, late.welcome, bundle))).toBe('not_the_first_epoch')
  })

  test('is not made by an ordinary commit', async () => {
    const { alice, a } = await trio()
    const psk = { pskType: 'resumption', usage: 'branch', pskGroupId: utf8('group'), pskEpoch: 1n } as const
    const proposals = [{ proposalType: 'psk', psk: { psk, pskNonce: new Uint8Array(32) } } as const]
    const other = await groupOf(alice, { groupId: utf8('x') })
    expect(await codeOf(createCommit(other, { signer: alice.signer, proposals }, alice.services))).toBe('bad_psk_usage')
    expect(await codeOf(createCommit(a, { signer: alice.signer, proposals }, alice.services))).toBe('bad_psk_usage')
  })
})
