import { describe, expect, test } from 'vitest'
import {
  type Capabilities,
  createCommit,
  type GroupState,
  type Proposal,
  requiredCapabilitiesExtension,
  sendProposal,
  sendUpdate,
} from '../../src/index.ts'
import { suite } from '../suites.ts'
import { forgeProposal } from './forge.ts'
import { codeOf, follow, hear, keyPackageOf, type Person, person, trio } from './people.ts'

const APPLICATION_PROPOSAL = 0xf001
const APPLICATION_CREDENTIAL = 0xf00c

const everything: Capabilities = {
  versions: [1],
  cipherSuites: [suite.id],
  extensions: [0xf0f0],
  proposals: [APPLICATION_PROPOSAL],
  credentials: [1, 2],
}
const extensions = [
  requiredCapabilitiesExtension({
    extensionTypes: [0xf0f0],
    proposalTypes: [APPLICATION_PROPOSAL],
    credentialTypes: [2],
  }),
]

/** Alice commits everything that was proposed; those left out are named by their codes, and bob follows. */
async function committed(alice: Person, a: GroupState, bob: Person, b: GroupState): Promise<readonly string[]> {
  const made = await createCommit(a, { signer: alice.signer, references: 'all' }, alice.services)
  await follow(bob, b, made.message)
  return made.dropped.map(({ reason, code }) => `${reason}: ${code}`)
}

describe('a committer leaves out', () => {
  test.each<[string, Partial<Capabilities>]>([
    ['an extension', { extensions: [] }],
    ['a proposal type', { proposals: [] }],
    ['a credential type', { credentials: [1] }],
  ])('the addition of one who lacks %s that the group requires, and commits the rest', async (_name, lack) => {
    const { alice, bob, a, b } = await trio({ extensions, leaf: { capabilities: everything } })
    const [dora, emil] = [await person('dora'), await person('emil')]
    const unfit = await keyPackageOf(dora, { capabilities: { ...everything, ...lack } })
    const fit = await keyPackageOf(emil, { capabilities: everything })
    let [a1, b1] = [a, b]
    const adds = [unfit, fit].map(({ keyPackage }): Proposal => ({ proposalType: 'add', keyPackage }))
    for (const proposal of [...adds, { proposalType: 'remove', removed: 2 } as const]) {
      const sent = await sendProposal(b1, proposal, { signer: bob.signer }, bob.services)
      b1 = sent.state
      a1 = await hear(alice, a1, sent.message)
    }
    expect(await committed(alice, a1, bob, b1)).toEqual(['invalid: capability_missing'])
  })

  test('the addition of one whose credential not everybody knows, or who does not know those of the others', async () => {
    const capabilities = { ...everything, credentials: [1] }
    const { alice, bob, a, b } = await trio({ leaf: { capabilities } })
    const strange = { credentialType: 'other', type: APPLICATION_CREDENTIAL, content: new Uint8Array(1) } as const
    const unknown = await keyPackageOf(await person('dora'), {
      credential: strange,
      capabilities: { ...everything, credentials: [1, APPLICATION_CREDENTIAL] },
    })
    const add = { proposalType: 'add', keyPackage: unknown.keyPackage } as const
    const sent = await sendProposal(b, add, { signer: bob.signer }, bob.services)
    expect(await committed(alice, await hear(alice, a, sent.message), bob, sent.state)).toEqual([
      'invalid: credential_not_supported',
    ])
  })

  test('a proposal of a type that not everybody supports, beside a removal that it commits', async () => {
    const { alice, bob, a, b } = await trio({ leaf: { capabilities: everything } })
    const rule = { pathRequired: false, externalSenders: false }
    const policy = { customProposals: new Map([[APPLICATION_PROPOSAL, rule]]) }
    const registered: Person = { ...alice, services: { ...alice.services, policy } }
    const dora = await keyPackageOf(await person('dora'), { capabilities: { ...everything, proposals: [] } })
    const proposals = [{ proposalType: 'add', keyPackage: dora.keyPackage }] as const
    const adding = await createCommit(a, { signer: alice.signer, proposals }, alice.services)
    let [a1, b1] = [adding.child, await follow(bob, b, adding.message)]
    const custom = { proposalType: 'custom', type: APPLICATION_PROPOSAL, body: new Uint8Array(1) } as const
    a1 = await hear(registered, a1, await forgeProposal(b1, custom, { signer: bob.signer }))
    const removal = await sendProposal(b1, { proposalType: 'remove', removed: 2 }, { signer: bob.signer }, bob.services)
    a1 = await hear(registered, a1, removal.message)
    b1 = removal.state
    expect(await committed(registered, a1, bob, b1)).toEqual(['unsupported_proposal_type: unsupported_proposal_type'])
  })

  test('an Update that gives up what the group requires', async () => {
    const { alice, bob, charlie, a, b, c } = await trio({ extensions, leaf: { capabilities: everything } })
    const leaf = { capabilities: { ...everything, extensions: [] } }
    const sent = await sendUpdate(c, { signer: charlie.signer, leaf }, charlie.services)
    const [a1, b1] = [await hear(alice, a, sent.message), await hear(bob, b, sent.message)]
    expect(await committed(alice, a1, bob, b1)).toEqual(['invalid: capability_missing'])
  })
})

test('nobody keeps a committer from changing the extensions by an Update that does not fit them', async () => {
  const { alice, bob, charlie, a, b, c } = await trio({ leaf: { capabilities: everything } })
  const leaf = { capabilities: { ...everything, extensions: [] } }
  const sent = await sendUpdate(c, { signer: charlie.signer, leaf }, charlie.services)
  const [a1, b1] = [await hear(alice, a, sent.message), await hear(bob, b, sent.message)]
  const proposals = [{ proposalType: 'group_context_extensions', extensions }] as const
  const made = await createCommit(a1, { signer: alice.signer, proposals, references: 'all' }, alice.services)
  expect(made.dropped.map(({ code }) => code)).toEqual(['capability_missing'])
  expect((await follow(bob, b1, made.message)).context.extensions).toEqual(extensions)
})

test('what is wrong with everybody is nobody else’s fault: the committer is told', async () => {
  const { alice, a } = await trio({ leaf: { capabilities: everything } })
  const proposals = [
    {
      proposalType: 'group_context_extensions',
      extensions: [{ extensionType: 0xf0f1, extensionData: new Uint8Array(0) }],
    },
  ] as const
  expect(await codeOf(createCommit(a, { signer: alice.signer, proposals }, alice.services))).toBe('capability_missing')
})
