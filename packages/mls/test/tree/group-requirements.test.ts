/** What the members satisfy together, read off summaries (RFC 9420 §7.3, §11.1, §13.4). */
import { describe, expect, test } from 'vitest'
import {
  checkGroupRequirements,
  everyMemberSupportsExtension,
  everyMemberSupportsProposal,
} from '../../src/tree/group-requirements.ts'
import { RatchetTree } from '../../src/tree/ratchet-tree.ts'
import { requiredCapabilitiesExtension, requiredCapabilitiesOf } from '../../src/tree/required-capabilities.ts'
import type { Extension } from '../../src/wire/extension.ts'
import type { Capabilities } from '../../src/wire/leaf-node.ts'
import { suite } from '../suites.ts'
import { capabilities, fakeLeaf } from './people.ts'

/** Alice, bob and charlie, of whom charlie can do other things. */
function friends(charlie: Partial<Capabilities>): RatchetTree {
  const leaves = [
    fakeLeaf('alice'),
    fakeLeaf('bob'),
    fakeLeaf('charlie', { capabilities: { ...capabilities, ...charlie } }),
  ]
  return RatchetTree.empty(suite).addLeaves(leaves).tree
}

function refused(charlie: Partial<Capabilities>, code: string, extensions: readonly Extension[] = []): void {
  expect(() => checkGroupRequirements(friends(charlie), extensions)).toThrow(
    expect.objectContaining({ name: 'MlsError', blame: 'invalid', code }),
  )
}

describe('a group of alice, bob and charlie is refused when', () => {
  test('charlie does not support MLS 1.0, the cipher suite or the credentials of the others', () => {
    checkGroupRequirements(friends({}), [])
    refused({ versions: [2] }, 'unsupported_version')
    refused({ cipherSuites: [2] }, 'unsupported_cipher_suite')
    refused({ credentials: [2] }, 'credential_not_supported')
  })

  test('charlie does not support what it requires', () => {
    const required = { extensionTypes: [0xf001, 1], proposalTypes: [0xf101, 3], credentialTypes: [1] }
    const extensions = [requiredCapabilitiesExtension(required)]
    expect(requiredCapabilitiesOf(extensions)).toEqual(required)
    checkGroupRequirements(friends({}), extensions)
    refused({ extensions: [] }, 'capability_missing', extensions)
    refused({ proposals: [] }, 'capability_missing', extensions)
    refused({}, 'capability_missing', [requiredCapabilitiesExtension({ ...required, credentialTypes: [2] })])
    // charlie is the only obstacle
    checkGroupRequirements(friends({ extensions: [] }).removeLeaf(2), extensions)
  })

  test('charlie does not support an extension that it has', () => {
    const extension = { extensionType: 0xf002, extensionData: new Uint8Array(0) }
    checkGroupRequirements(friends({}), [extension])
    refused({ extensions: [0xf001] }, 'capability_missing', [extension])
    expect(() => checkGroupRequirements(friends({}), [extension, extension])).toThrow('two extensions of one type')
  })
})

test('types that every client has count as supported without being listed', () => {
  const tree = friends({ extensions: [], proposals: [] })
  expect([1, 5, 0xf001].map((type) => everyMemberSupportsExtension(tree, type))).toEqual([true, true, false])
  expect([1, 7, 0xf101].map((type) => everyMemberSupportsProposal(tree, type))).toEqual([true, true, false])
  expect(everyMemberSupportsExtension(friends({}), 0xf001)).toBe(true)
  expect(everyMemberSupportsProposal(friends({}), 0xf101)).toBe(true)
})
