import { toHex } from '@dmls/crypto'
import { expect, test } from 'vitest'
import { decodeWhole, type Reader } from '../../src/codec/reader.ts'
import { encodeWhole, type Writer } from '../../src/codec/writer.ts'
import { decodeRatchetTree, encodeRatchetTree } from '../../src/tree/ratchet-tree-extension.ts'
import { decodeCommit, encodeCommit } from '../../src/wire/commit.ts'
import { decodeMlsMessage, encodeMlsMessage, mlsMessageBytes, readMlsMessage } from '../../src/wire/mls-message.ts'
import { decodeProposal, encodeProposal } from '../../src/wire/proposal.ts'
import { ProposalType } from '../../src/wire/registry.ts'
import { decodeGroupSecrets, encodeGroupSecrets } from '../../src/wire/welcome.ts'
import { keyPackageOf, person } from '../group/people.ts'
import { suite } from '../suites.ts'
import { hex, vectorTest } from '../vectors.ts'

/** Decodes and encodes again. */
function roundTrip<T>(text: string, decode: (reader: Reader) => T, encode: (writer: Writer, value: T) => void): string {
  return toHex(encodeWhole(decodeWhole(hex(text), decode), encode))
}

/** The bodies of proposals stand alone in the vectors; on the wire their type comes first. */
const PROPOSALS: Readonly<Record<string, number>> = {
  add_proposal: ProposalType.add,
  update_proposal: ProposalType.update,
  remove_proposal: ProposalType.remove,
  pre_shared_key_proposal: ProposalType.psk,
  re_init_proposal: ProposalType.reinit,
  external_init_proposal: ProposalType.externalInit,
  group_context_extensions_proposal: ProposalType.groupContextExtensions,
}
const MESSAGES = [
  'mls_welcome',
  'mls_group_info',
  'mls_key_package',
  'public_message_application',
  'public_message_proposal',
  'public_message_commit',
  'private_message',
]

vectorTest<Readonly<Record<string, string>>>(
  'mls',
  'messages',
  'all 300 sets of published messages decode, and encode to the same bytes',
  (vectors) => {
    expect(vectors.length).toBe(300)
    for (const vector of vectors) {
      const checked = new Set<string>()
      const check = <T>(
        name: string,
        prefix: string,
        decode: (reader: Reader) => T,
        encode: (writer: Writer, value: T) => void,
      ) => {
        const bytes = prefix + vector[name]
        expect(roundTrip(bytes, decode, encode)).toBe(bytes)
        checked.add(name)
      }
      for (const name of MESSAGES) check(name, '', readMlsMessage, encodeMlsMessage)
      for (const [name, type] of Object.entries(PROPOSALS)) {
        check(name, type.toString(16).padStart(4, '0'), decodeProposal, encodeProposal)
      }
      check('group_secrets', '', decodeGroupSecrets, encodeGroupSecrets)
      check('commit', '', decodeCommit, encodeCommit)
      check('ratchet_tree', '', (reader) => decodeRatchetTree(suite, reader), encodeRatchetTree)
      expect(checked).toEqual(new Set(Object.keys(vector)))
    }
  },
)

test('a key package of another version than its message is not read', async () => {
  const { keyPackage } = await keyPackageOf(await person('bob'))
  const bytes = (version: number): Uint8Array =>
    mlsMessageBytes({ wireFormat: 'mls_key_package', keyPackage: { ...keyPackage, version } })
  expect(decodeMlsMessage(bytes(1))).toMatchObject({ keyPackage: { version: 1 } })
  expect(() => decodeMlsMessage(bytes(2))).toThrow(
    expect.objectContaining({ blame: 'malformed', code: 'version_mismatch' }),
  )
})
