/**
 * What the members of a tree must satisfy together (RFC 9420 §7.3, §11.1, §13.3, §13.4): unique keys, credential types
 * that everybody understands, capabilities that the group requires. Reads indexes and summaries, never all leaves, so it
 * runs on the tree of every commit.
 */
import { invalid } from '../errors.ts'
import type { Extension } from '../wire/extension.ts'
import { MLS10 } from '../wire/registry.ts'
import { firstMissing } from './capability-summary.ts'
import type { RatchetTree } from './ratchet-tree.ts'
import { isDefaultExtension, isDefaultProposal, memberDemands } from './required-capabilities.ts'

/**
 * Checks a tree as a whole, after a commit or when joining.
 * @throws MlsError `empty_tree`, `duplicate_encryption_key`, `duplicate_signature_key`, `credential_not_supported`,
 * `unsupported_version`, `unsupported_cipher_suite`, `capability_missing`
 */
export function checkGroupRequirements(tree: RatchetTree, groupExtensions: readonly Extension[]): void {
  const { capabilities } = tree
  if (capabilities === undefined) throw invalid('empty_tree', 'the tree has no members')
  if (!tree.encryptionKeysUnique) {
    throw invalid('duplicate_encryption_key', 'two nodes have one encryption key') // RFC 9420 §7.3, §12.4.3.1
  }
  if (!tree.signatureKeysUnique) {
    throw invalid('duplicate_signature_key', 'two members have one signature key') // RFC 9420 §7.3
  }
  const credentialType = firstMissing(capabilities.credentialTypesInUse, capabilities.credentials)
  if (credentialType !== undefined) {
    const fields = { credentialType }
    throw invalid('credential_not_supported', 'a credential type in use is not supported by everybody', fields) // RFC 9420 §7.3
  }
  if (firstMissing([MLS10], capabilities.versions) !== undefined) {
    throw invalid('unsupported_version', 'not everybody supports MLS 1.0') // RFC 9420 §11.1
  }
  if (firstMissing([tree.suite.id], capabilities.cipherSuites) !== undefined) {
    throw invalid('unsupported_cipher_suite', "not everybody supports the group's cipher suite") // RFC 9420 §11.1
  }
  const demands = memberDemands(groupExtensions)
  checkSupported('extension', demands.extensions, capabilities.extensions) // RFC 9420 §13.4
  checkSupported('proposal', demands.proposals, capabilities.proposals) // RFC 9420 §11.1
  checkSupported('credential', demands.credentials, capabilities.credentials) // RFC 9420 §11.1
}

function checkSupported(kind: string, demanded: readonly number[], supported: readonly number[]): void {
  const type = firstMissing(demanded, supported)
  if (type === undefined) return
  throw invalid('capability_missing', 'not everybody supports what the group requires', { kind, type })
}

/** Whether every member supports an extension type, by default or by listing it. */
export function everyMemberSupportsExtension(tree: RatchetTree, extensionType: number): boolean {
  if (isDefaultExtension(extensionType)) return true
  return tree.capabilities !== undefined && firstMissing([extensionType], tree.capabilities.extensions) === undefined
}

/** Whether every member supports a proposal type, by default or by listing it (RFC 9420 §12.2). */
export function everyMemberSupportsProposal(tree: RatchetTree, proposalType: number): boolean {
  if (isDefaultProposal(proposalType)) return true
  return tree.capabilities !== undefined && firstMissing([proposalType], tree.capabilities.proposals) === undefined
}
