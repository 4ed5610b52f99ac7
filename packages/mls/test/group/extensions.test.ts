import { utf8 } from '@dmls/crypto'
import { describe, expect, test } from 'vitest'
import {
  APP_DATA_DICTIONARY,
  appDataDictionaryExtension,
  bestCipherSuite,
  type Capabilities,
  type CustomProposalRule,
  componentDataOf,
  componentsListBytes,
  createCommit,
  createGroupInfo,
  decodeComponentsList,
  type Extension,
  epochAuthenticator,
  type GroupPolicy,
  type GroupState,
  joinExternally,
  mlsProfile,
  type Proposal,
  readSafeAad,
  requiredCapabilitiesExtension,
  safeAadBytes,
  sendProposal,
} from '../../src/index.ts'
import { suite } from '../suites.ts'
import { forgeCommit, forgeProposal } from './forge.ts'
import {
  codeOf,
  credentialOf,
  follow,
  groupOf,
  hear,
  join,
  keyPackageOf,
  type Person,
  person,
  receive,
  receiveCommit,
  type Trio,
  trio,
} from './people.ts'

const capable = (more: Partial<Capabilities>): Capabilities => ({
  versions: [1],
  cipherSuites: [1],
  extensions: [],
  proposals: [],
  credentials: [1],
  ...more,
})

const under = (who: Person, policy: Partial<GroupPolicy>): Person => ({ ...who, services: { ...who.services, policy } })

describe('group context extensions', () => {
  const EXTENSION = { extensionType: 0xf00d, extensionData: utf8('v1') }
  const replace = (extensions: readonly (typeof EXTENSION)[]): Proposal => ({
    proposalType: 'group_context_extensions',
    extensions,
  })

  test('are replaced as a whole, and everybody has the new ones', async () => {
    const { alice, bob, a, b } = await trio({ leaf: { capabilities: capable({ extensions: [0xf00d] }) } })
    const created = await createCommit(a, { signer: alice.signer, proposals: [replace([EXTENSION])] }, alice.services)
    const processed = await receiveCommit(bob, b, created.message)
    expect(processed.changes).toMatchObject({ extensionsChanged: true, extensions: [EXTENSION] })
    expect(processed.child?.context.extensions).toEqual([EXTENSION])
    const next = await createCommit(created.child, { signer: alice.signer, proposals: [replace([])] }, alice.services)
    expect((await follow(bob, processed.child as GroupState, next.message)).context.extensions).toEqual([])
  })

  test('that a member does not support are refused, by the committer and by receivers', async () => {
    const { alice, bob, a, b } = await trio()
    const proposals = [replace([EXTENSION])]
    expect(await codeOf(createCommit(a, { signer: alice.signer, proposals }, alice.services))).toBe(
      'capability_missing',
    )
    const required = requiredCapabilitiesExtension({ extensionTypes: [], proposalTypes: [], credentialTypes: [2] })
    const demanding = [replace([required])]
    expect(await codeOf(createCommit(a, { signer: alice.signer, proposals: demanding }, alice.services))).toBe(
      'capability_missing',
    )
    // a dishonest committer leaves its own check out
    const empty = await createCommit(a, { signer: alice.signer }, alice.services)
    const message = await forgeCommit(a, proposals, { signer: alice.signer, path: empty.commit.path })
    expect(await codeOf(receive(bob, b, message))).toBe('capability_missing')
  })

  test('govern the additions of the same commit', async () => {
    const { alice, a } = await trio({ leaf: { capabilities: capable({ extensions: [0xf00d] }) } })
    const add = async (capabilities: Capabilities): Promise<Proposal> => ({
      proposalType: 'add',
      keyPackage: (await keyPackageOf(await person('dora'), { capabilities })).keyPackage,
    })
    const commit = (proposals: Proposal[]) => createCommit(a, { signer: alice.signer, proposals }, alice.services)
    expect(await codeOf(commit([replace([EXTENSION]), await add(capable({}))]))).toBe('capability_missing')
    expect(await codeOf(commit([replace([EXTENSION]), await add(capable({ extensions: [0xf00d] }))]))).toBe('accepted')
  })

  test('exclude a newcomer that does not support them', async () => {
    const group = await trio({ extensions: [EXTENSION], leaf: { capabilities: capable({ extensions: [0xf00d] }) } })
    const { keyPackage } = await keyPackageOf(await person('dora'))
    const proposals = [{ proposalType: 'add', keyPackage } as const]
    const refused = createCommit(group.a, { signer: group.alice.signer, proposals }, group.alice.services)
    expect(await codeOf(refused)).toBe('capability_missing')
    const message = await forgeCommit(group.a, proposals, { signer: group.alice.signer })
    expect(await codeOf(receive(group.bob, group.b, message))).toBe('capability_missing')
  })

  test('exclude a newcomer whose credential the others do not know, or who does not know theirs', async () => {
    const group = await trio()
    const dora = await person('dora')
    const other = { credentialType: 'other', type: 0xf001, content: utf8('dora') } as const
    for (const options of [
      { credential: other, capabilities: capable({ credentials: [1, 0xf001] }) },
      { credential: other, capabilities: capable({ credentials: [0xf001] }) },
    ]) {
      const { keyPackage } = await keyPackageOf(dora, options)
      const proposals = [{ proposalType: 'add', keyPackage } as const]
      const message = await forgeCommit(group.a, proposals, { signer: group.alice.signer })
      expect(await codeOf(receive(group.bob, group.b, message))).toBe('credential_not_supported')
    }
  })
})

describe('a proposal type of the application', () => {
  const TYPE = 0xf0a1
  const custom = (body: string): Proposal => ({ proposalType: 'custom', type: TYPE, body: utf8(body) })
  const rule: CustomProposalRule = {
    pathRequired: false,
    externalSenders: false,
    validate: (body) => {
      if (body.length === 0) throw new Error('empty')
    },
  }
  const policy = { customProposals: new Map([[TYPE, rule]]) }
  const supported = { leaf: { capabilities: capable({ proposals: [TYPE] }) } }

  async function registered(): Promise<Trio> {
    const group = await trio(supported)
    return {
      ...group,
      alice: under(group.alice, policy),
      bob: under(group.bob, policy),
      charlie: under(group.charlie, policy),
    }
  }

  test('is committed where everybody supports it, and read by receivers', async () => {
    const { alice, bob, a, b } = await registered()
    const options = { signer: alice.signer, proposals: [custom('vote')], path: 'when_required' } as const
    const created = await createCommit(a, options, alice.services)
    expect(created.commit.path).toBeUndefined()
    const processed = await receiveCommit(bob, b, created.message)
    expect(processed.changes.proposals).toMatchObject([{ proposal: custom('vote') }])
    expect(epochAuthenticator(processed.child as GroupState)).toEqual(epochAuthenticator(created.child))
  })

  test('needs a path where its rule says so', async () => {
    const { alice, bob, a, b } = await registered()
    const message = await forgeCommit(a, [custom('vote')], { signer: alice.signer })
    const strict = { customProposals: new Map([[TYPE, { ...rule, pathRequired: true }]]) }
    expect(await codeOf(receive(under(bob, strict), b, message))).toBe('path_required')
    expect(await codeOf(receive(bob, b, message))).toBe('bad_confirmation_tag')
  })

  test('is refused with a body that its rule refuses, and where a member does not support it', async () => {
    const { alice, bob, a, b } = await registered()
    expect(await codeOf(receive(bob, b, await forgeCommit(a, [custom('')], { signer: alice.signer })))).toBe(
      'refused_by_application',
    )
    const plain = await trio()
    const message = await forgeCommit(plain.a, [custom('vote')], { signer: plain.alice.signer })
    expect(await codeOf(receive(under(plain.bob, policy), plain.b, message))).toBe('unsupported_proposal_type')
    const mixed = under(plain.alice, policy)
    const own = createCommit(plain.a, { signer: mixed.signer, proposals: [custom('vote')] }, mixed.services)
    expect(await codeOf(own)).toBe('unsupported_proposal_type')
  })
})

describe('SelfRemove', () => {
  const SELF_REMOVE: Proposal = { proposalType: 'self_remove' }
  const supported = { leaf: { capabilities: capable({ proposals: [0x000a] }) } }
  const PUBLIC = { wireFormat: 'mls_public_message' } as const

  async function leaving() {
    const group = await trio(supported)
    const options = { signer: group.charlie.signer, ...PUBLIC }
    const sent = await sendProposal(group.c, SELF_REMOVE, options, group.charlie.services)
    const a = await hear(group.alice, group.a, sent.message)
    const b = await hear(group.bob, group.b, sent.message)
    return { ...group, a, b, c: sent.state, message: sent.message, reference: sent.reference }
  }

  test('lets charlie leave by the next commit, which prefers it to a Remove', async () => {
    const group = await leaving()
    const { alice, bob, charlie } = group
    const options = { signer: bob.signer, ...PUBLIC }
    const removal = await sendProposal(group.b, { proposalType: 'remove', removed: 2 }, options, bob.services)
    const a = await hear(alice, group.a, removal.message)
    const created = await createCommit(
      a,
      { signer: alice.signer, references: 'all', path: 'when_required' },
      alice.services,
    )
    expect(created.dropped.map(({ reason }) => reason)).toEqual(['leaf_removed'])
    expect(created.changes.removed).toMatchObject([{ leafIndex: 2, cause: 'self_remove' }])
    expect(created.commit.path).toBeDefined()
    expect((await receiveCommit(charlie, group.c, created.message)).child).toBeUndefined()
    await follow(bob, removal.state, created.message)
  })

  test('is carried out by an external joiner', async () => {
    const { alice, bob, a, b, message } = await leaving()
    const info = await createGroupInfo(a, { signer: alice.signer, externalPub: 'included' }, alice.services)
    if (info.wireFormat !== 'mls_group_info') throw new Error('no GroupInfo')
    const dora = await person('dora')
    const { signer, services } = dora
    const options = { profile: mlsProfile, suite, groupInfo: info.groupInfo, signer, credential: credentialOf('dora') }
    const capabilities = capable({ proposals: [0x000a] })
    const joined = await joinExternally({ ...options, capabilities, selfRemoves: [message] }, services)
    const processed = await receiveCommit(bob, b, joined.message)
    expect(processed.changes.removed).toMatchObject([{ leafIndex: 2, cause: 'self_remove' }])
    expect(epochAuthenticator(processed.child as GroupState)).toEqual(epochAuthenticator(joined.state))
    const forged = await forgeProposal(b, SELF_REMOVE, {
      signer: dora.signer,
      sender: { senderType: 'member', leafIndex: 0 },
    })
    expect(await codeOf(joinExternally({ ...options, selfRemoves: [forged] }, services))).toBe('bad_signature')
  })

  test('is a PublicMessage, sent once, and never committed by value', async () => {
    const group = await leaving()
    const { charlie, alice, bob } = group
    const privately = sendProposal(group.c, SELF_REMOVE, { signer: charlie.signer }, charlie.services)
    expect(await codeOf(privately)).toBe('self_remove_private')
    const again = sendProposal(group.c, SELF_REMOVE, { signer: charlie.signer, ...PUBLIC }, charlie.services)
    expect(await codeOf(again)).toBe('already_leaving')
    const fresh = await trio(supported)
    const hidden = await forgeProposal(fresh.c, SELF_REMOVE, {
      signer: fresh.charlie.signer,
      wireFormat: 'mls_private_message',
    })
    expect(await codeOf(receive(fresh.bob, fresh.b, hidden))).toBe('self_remove_private')
    const byValue = await forgeCommit(group.a, [SELF_REMOVE], { signer: alice.signer })
    expect(await codeOf(receive(bob, group.b, byValue))).toBe('self_remove_by_value')
  })
})

describe('components of the application', () => {
  const COUNTER = 0x8001
  const policy: Partial<GroupPolicy> = {
    appComponents: new Map([
      [
        COUNTER,
        {
          update: (current: Uint8Array | undefined, updates: readonly Uint8Array[]) => {
            if (updates.some((update) => update.length !== 1)) throw new Error('one byte each')
            return new Uint8Array([
              (current?.[0] ?? 0) + updates.reduce((sum, update) => sum + (update[0] as number), 0),
            ])
          },
          checkEphemeral: (data: Uint8Array) => {
            if (data.length === 0) throw new Error('nothing to say')
          },
        },
      ],
    ]),
  }
  const supported = { leaf: { capabilities: capable({ extensions: [APP_DATA_DICTIONARY], proposals: [8, 9] }) } }
  const add = (by: number): Proposal => ({
    proposalType: 'app_data_update',
    componentId: COUNTER,
    update: new Uint8Array([by]),
  })
  const clear: Proposal = { proposalType: 'app_data_update', componentId: COUNTER, update: undefined }

  async function counting(): Promise<Trio> {
    const group = await trio(supported)
    return {
      ...group,
      alice: under(group.alice, policy),
      bob: under(group.bob, policy),
      charlie: under(group.charlie, policy),
    }
  }

  test('have data in the GroupContext that commits change without a path', async () => {
    const { alice, bob, a, b } = await counting()
    const commit = (state: GroupState, proposals: Proposal[]) =>
      createCommit(state, { signer: alice.signer, proposals, path: 'when_required' }, alice.services)
    const once = await commit(a, [add(2), add(3)])
    expect(once.commit.path).toBeUndefined()
    const b1 = await follow(bob, b, once.message)
    expect(componentDataOf(b1.context.extensions, COUNTER)).toEqual(new Uint8Array([5]))
    const twice = await commit(once.child, [add(1)])
    const b2 = await follow(bob, b1, twice.message)
    expect(componentDataOf(b2.context.extensions, COUNTER)).toEqual(new Uint8Array([6]))
    const cleared = await commit(twice.child, [clear])
    const b3 = await follow(bob, b2, cleared.message)
    expect(componentDataOf(b3.context.extensions, COUNTER)).toBeUndefined()
  })

  test('refuse updates that make no sense, alone or together', async () => {
    const { alice, bob, a, b } = await counting()
    const verdict = async (...proposals: Proposal[]) =>
      codeOf(receive(bob, b, await forgeCommit(a, proposals, { signer: alice.signer })))
    expect(await verdict({ ...add(1), componentId: 0x8002 } as Proposal)).toBe('unknown_component')
    expect(await verdict(clear)).toBe('no_component_data')
    expect(await verdict({ ...add(1), update: new Uint8Array(2) } as Proposal)).toBe('refused_by_application')
    const created = await createCommit(a, { signer: alice.signer, proposals: [add(1)] }, alice.services)
    const b1 = await follow(bob, b, created.message)
    const both = await forgeCommit(created.child, [add(1), clear], { signer: alice.signer })
    expect(await codeOf(receive(bob, b1, both))).toBe('not_committable')
  })

  test('are not replaced with the other extensions where everybody supports AppDataUpdate', async () => {
    const required = (proposalTypes: readonly number[]): Extension =>
      requiredCapabilitiesExtension({ extensionTypes: [], proposalTypes, credentialTypes: [] })
    const data = (byte: number): Extension =>
      appDataDictionaryExtension([{ componentId: COUNTER, data: new Uint8Array([byte]) }])
    const replaced = async (before: readonly Extension[], after: readonly Extension[]): Promise<string> => {
      const { alice, bob, a, b } = await trio({ ...supported, extensions: before })
      const proposal = { proposalType: 'group_context_extensions', extensions: after } as const
      const options = { signer: alice.signer, proposals: [proposal] }
      const made = await codeOf(createCommit(a, options, alice.services))
      const forged = await forgeCommit(a, [proposal], { signer: alice.signer })
      const read = await codeOf(receive(bob, b, forged))
      expect(read).toBe(made === 'accepted' ? 'path_required' : made)
      return made
    }
    expect(await replaced([required([8])], [required([8, 9])])).toBe('accepted')
    expect(await replaced([required([8]), data(1)], [data(1)])).toBe('accepted')
    expect(await replaced([data(1)], [data(2)])).toBe('accepted')
    expect(await replaced([required([8]), data(1)], [required([8]), data(2)])).toBe('app_data_replaced')
    expect(await replaced([required([8]), data(1)], [required([8])])).toBe('app_data_replaced')
    expect(await replaced([required([8])], [required([8]), data(1)])).toBe('app_data_replaced')
    const unsorted = {
      extensionType: APP_DATA_DICTIONARY,
      extensionData: new Uint8Array([8, 0, 9, 1, 97, 0, 2, 1, 98]),
    }
    expect(await replaced([], [unsorted])).toBe('unsorted_components')
  })

  test('take data that go with a commit', async () => {
    const { alice, bob, a, b } = await counting()
    const ephemeral = (data: string): Proposal => ({
      proposalType: 'app_ephemeral',
      componentId: COUNTER,
      data: utf8(data),
    })
    const options = { signer: alice.signer, proposals: [ephemeral('ack 1-5')] }
    const created = await createCommit(a, options, alice.services)
    const processed = await receiveCommit(bob, b, created.message)
    expect(processed.changes.proposals).toMatchObject([{ proposal: ephemeral('ack 1-5') }])
    const refused = await forgeCommit(a, [ephemeral('')], { signer: alice.signer })
    expect(await codeOf(receive(bob, b, refused))).toBe('refused_by_application')
  })

  test('a committer leaves out updates that the component refuses together', async () => {
    const { alice, bob, a, b } = await counting()
    const message = await forgeProposal(b, { ...add(1), update: new Uint8Array(2) } as Proposal, { signer: bob.signer })
    const a1 = await hear(alice, a, message)
    const created = await createCommit(a1, { signer: alice.signer, references: 'all' }, alice.services)
    expect(created.dropped).toMatchObject([{ reason: 'invalid', code: 'refused_by_application' }])
  })

  test('are listed, and framed in authenticated data, in sorted order', () => {
    expect(decodeComponentsList(componentsListBytes([1, 2, 0x8001]))).toEqual([1, 2, 0x8001])
    const items = [
      { componentId: 2, data: utf8('b') },
      { componentId: 9, data: utf8('a') },
    ]
    const bytes = safeAadBytes(items)
    expect(readSafeAad(new Uint8Array([...bytes, 42]))).toEqual({ items, rest: new Uint8Array([42]) })
    expect(() => appDataDictionaryExtension([...items].reverse())).toThrow('sorted')
    const unsorted = new Uint8Array([8, 0, 9, 1, 97, 0, 2, 1, 98])
    expect(() => readSafeAad(unsorted)).toThrow('sorted')
  })
})

test('GREASE is ignored wherever it may stand: leaf, key package, GroupInfo and components', async () => {
  const grease = (extensionType: number): Extension => ({ extensionType, extensionData: utf8('anything') })
  const component = (componentId: number) => appDataDictionaryExtension([{ componentId, data: utf8('anything') }])
  const [alice, bob] = [await person('alice'), await person('bob')]
  const bobs = await keyPackageOf(bob, {
    grease: 'omit',
    extensions: [grease(0x0a0a), component(0x2a2a)],
    keyPackageExtensions: [grease(0x1a1a), component(0x3a3a)],
  })
  const created = await createCommit(
    await groupOf(alice),
    {
      signer: alice.signer,
      proposals: [{ proposalType: 'add', keyPackage: bobs.keyPackage }],
      welcome: { grease: 'omit', extensions: [grease(0xeaea), component(0x7a7a)] },
    },
    alice.services,
  )
  const b = await join(bob, created.welcome, bobs)
  const updated = await createCommit(b, { signer: bob.signer }, bob.services)
  expect(epochAuthenticator(await follow(alice, created.child, updated.message))).toEqual(
    epochAuthenticator(updated.child),
  )
})

test('the best cipher suite is the first of ours that everybody supports', () => {
  const others = [capable({ cipherSuites: [1, 2] }), capable({ cipherSuites: [3, 2, 1] })]
  expect(bestCipherSuite([3, 2, 1], others)).toBe(2)
  expect(bestCipherSuite([7], others)).toBeUndefined()
})
