/**
 * The rule of RFC 9420 §12.2 that needs the result: after a commit the tree must be valid. What is wrong with a tree is
 * `tree/group-requirements.ts`'s to say; here it is laid at the door of proposals, so that a committer can leave them out.
 */
import { invalid, MlsError } from '../../errors.ts'
import { checkGroupRequirements, everyMemberSupportsProposal } from '../../tree/group-requirements.ts'
import type { RatchetTree } from '../../tree/ratchet-tree.ts'
import { type MemberDemands, memberDemands } from '../../tree/required-capabilities.ts'
import { credentialTypeOf } from '../../wire/credential.ts'
import type { Extension } from '../../wire/extension.ts'
import type { LeafNode } from '../../wire/leaf-node.ts'
import { proposalTypeOf } from '../../wire/proposal.ts'
import type { CommittedProposal } from '../changes.ts'
import type { Applied } from './apply.ts'

/** Something wrong with the result of a list, and which of its proposals are to blame. */
export interface Fault {
  readonly error: MlsError
  readonly blames: (entry: CommittedProposal) => boolean
}

/** A fault of the tree that a member's list of proposals leads to, or undefined. The committer's path comes later. */
export function faultOf(applied: Applied): Fault | undefined {
  const unsupported = unsupportedType(applied)
  if (unsupported !== undefined) return unsupported
  const error = failure(applied.tree, applied.extensions)
  if (error === undefined) return undefined
  if (error.code.startsWith('duplicate_')) return { error, blames: (entry) => sharesKey(applied.tree, entry) }
  const unfit = (entry: CommittedProposal): boolean =>
    isUnfit(applied.survivors, memberDemands(applied.extensions), leafInProposal(entry))
  const inherited = applied.extensionsChanged ? failure(applied.survivors, applied.extensions) : undefined
  if (inherited === undefined) return { error, blames: unfit }
  const isOwn = applied.proposals.some((entry) => entry.reference === undefined && changesExtensions(entry))
  // what the committer itself wants stands: whoever updates its leaf so that it does not fit is left out
  return { error: inherited, blames: isOwn ? unfit : changesExtensions }
}

function changesExtensions({ proposal }: CommittedProposal): boolean {
  return proposal.proposalType === 'group_context_extensions' || proposal.proposalType === 'app_data_update'
}

/**
 * Refuses a list with a proposal type that not everybody who processes the commit supports.
 * @throws MlsError `unsupported_proposal_type`
 */
export function checkProposalTypes(applied: Applied): void {
  const fault = unsupportedType(applied)
  if (fault !== undefined) throw fault.error
}

function failure(tree: RatchetTree, extensions: readonly Extension[]): MlsError | undefined {
  try {
    checkGroupRequirements(tree, extensions)
    return undefined
  } catch (error) {
    if (error instanceof MlsError) return error
    throw error
  }
}

function unsupportedType({ proposals, survivors }: Applied): Fault | undefined {
  // an external joiner may replace the only member: then nobody processes its commit
  if (survivors.memberCount === 0) return undefined
  for (const { proposal } of proposals) {
    const type = proposalTypeOf(proposal)
    if (everyMemberSupportsProposal(survivors, type)) continue
    // RFC 9420 §12.2, §13.2: a non-default type must be supported by everyone who processes the commit
    const error = invalid('unsupported_proposal_type', 'not every member supports a proposal type', { type })
    return { error, blames: (entry) => proposalTypeOf(entry.proposal) === type }
  }
  return undefined
}

function leafInProposal({ proposal }: CommittedProposal): LeafNode | undefined {
  if (proposal.proposalType === 'add') return proposal.keyPackage.leafNode
  return proposal.proposalType === 'update' ? proposal.leafNode : undefined
}

function sharesKey(tree: RatchetTree, entry: CommittedProposal): boolean {
  const leaf = leafInProposal(entry)
  if (leaf === undefined) return false
  const { encryption, signature } = tree.parts.keys
  return encryption.holders(leaf.encryptionKey).length > 1 || signature.holders(leaf.signatureKey).length > 1
}

/** Whether a new leaf does not fit those who were there before. */
function isUnfit(others: RatchetTree, demands: MemberDemands, leaf: LeafNode | undefined): boolean {
  if (leaf === undefined) return false
  const { versions, cipherSuites, extensions, proposals, credentials } = leaf.capabilities
  const known = others.capabilities
  return (
    versions.length === 0 ||
    !cipherSuites.includes(others.suite.id) ||
    demands.extensions.some((type) => !extensions.includes(type)) ||
    demands.proposals.some((type) => !proposals.includes(type)) ||
    demands.credentials.some((type) => !credentials.includes(type)) ||
    known === undefined ||
    !known.credentials.includes(credentialTypeOf(leaf.credential)) ||
    known.credentialTypesInUse.some((type) => !credentials.includes(type))
  )
}
