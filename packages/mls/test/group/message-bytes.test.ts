/** What is sent is the same after it was written and read, whatever kind of message it is. */
import { expect, test } from 'vitest'
import { createCommit, decodeMlsMessage, mlsMessageBytes, sendProposal } from '../../src/index.ts'
import { keyPackageOf, person, trio } from './people.ts'

test('a commit, its Welcome, its GroupInfo, proposals of every size and key packages', async () => {
  const { alice, a } = await trio()
  const dora = await person('dora')
  const { keyPackage } = await keyPackageOf(dora)
  const { message, welcome, groupInfo } = await createCommit(
    a,
    { signer: alice.signer, proposals: [{ proposalType: 'add', keyPackage }], groupInfo: { externalPub: 'included' } },
    alice.services,
  )
  const proposals = await Promise.all(
    [{ proposalType: 'add', keyPackage } as const, { proposalType: 'remove', removed: 1 } as const].flatMap(
      (proposal) =>
        (['mls_public_message', 'mls_private_message'] as const).map(
          async (wireFormat) =>
            (await sendProposal(a, proposal, { signer: alice.signer, wireFormat }, alice.services)).message,
        ),
    ),
  )
  const sent = [message, welcome, groupInfo, ...proposals, { wireFormat: 'mls_key_package', keyPackage } as const]
  for (const each of sent) {
    if (each === undefined) throw new Error('a message is missing')
    expect(decodeMlsMessage(mlsMessageBytes(each))).toEqual(each)
  }
})
