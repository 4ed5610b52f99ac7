import { describe, expect, test } from 'vitest'
import {
  createCommit,
  type Extension,
  joinGroup,
  MlsError,
  mlsProfile,
  type Proposal,
  processMessage,
} from '../../src/index.ts'
import { forgeProposal } from './forge.ts'
import { groupOf, keyPackageOf, person, trio } from './people.ts'

async function blameOf(attempt: Promise<unknown>): Promise<string> {
  try {
    await attempt
  } catch (error) {
    if (error instanceof MlsError) return `${error.blame} ${error.code}`
    throw error
  }
  return 'accepted'
}

const twice: readonly Extension[] = [
  { extensionType: 0xff01, extensionData: new Uint8Array(1) },
  { extensionType: 0xff01, extensionData: new Uint8Array(2) },
]

describe('a fault that every peer would see', () => {
  const proposal: Proposal = { proposalType: 'group_context_extensions', extensions: twice }

  test('is the fault of whoever passes on a PublicMessage, and of mallory alone in a PrivateMessage', async () => {
    const { alice, bob, a, b } = await trio()
    const blame = async (wireFormat: 'mls_public_message' | 'mls_private_message'): Promise<string> =>
      blameOf(processMessage(b, await forgeProposal(a, proposal, { signer: alice.signer, wireFormat }), bob.services))
    expect(await blame('mls_public_message')).toBe('malformed duplicate_extension')
    expect(await blame('mls_private_message')).toBe('invalid duplicate_extension')
  })

  test('is never the fault of who passes on a Welcome', async () => {
    const alice = await person('alice')
    const bob = await person('bob')
    const bundle = await keyPackageOf(bob)
    const group = await groupOf(alice)
    const add: Proposal = { proposalType: 'add', keyPackage: bundle.keyPackage }
    const notATree = {
      ratchetTree: 'separate',
      extensions: [{ extensionType: 2, extensionData: new Uint8Array(3) }],
    } as const
    const options = { signer: alice.signer, proposals: [add], welcome: notATree }
    const { welcome } = await createCommit(group, options, alice.services)
    if (welcome?.wireFormat !== 'mls_welcome') throw new Error('there is no Welcome')
    const join = { profile: mlsProfile, suite: bob.suite, welcome: welcome.welcome, keyPackages: [bundle] }
    expect(await blameOf(joinGroup(join, bob.services))).toMatch(/^invalid /)
  })
})
