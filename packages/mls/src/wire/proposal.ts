/** RFC 9420 §12.1 `Proposal` and §12.4 `ProposalOrRef`. */
import type { Reader } from '../codec/reader.ts'
import { encodeWhole, type Writer } from '../codec/writer.ts'
import { malformed } from '../errors.ts'
import { decodeExtensions, type Extension, encodeExtensions } from './extension.ts'
import { decodeKeyPackage, encodeKeyPackage, type KeyPackage } from './key-package.ts'
import { decodeLeafNode, encodeLeafNode, type LeafNode } from './leaf-node.ts'
import { decodePreSharedKeyId, encodePreSharedKeyId, type PreSharedKeyId } from './psk.ts'
import { ProposalType } from './registry.ts'

export type Proposal =
  | { readonly proposalType: 'add'; readonly keyPackage: KeyPackage }
  | { readonly proposalType: 'update'; readonly leafNode: LeafNode }
  | { readonly proposalType: 'remove'; readonly removed: number }
  | { readonly proposalType: 'psk'; readonly psk: PreSharedKeyId }
  | {
      readonly proposalType: 'reinit'
      readonly groupId: Uint8Array
      readonly version: number
      readonly cipherSuite: number
      readonly extensions: readonly Extension[]
    }
  | { readonly proposalType: 'external_init'; readonly kemOutput: Uint8Array }
  | { readonly proposalType: 'group_context_extensions'; readonly extensions: readonly Extension[] }
  /** A type that an application registers: its body is one opaque vector. */
  | { readonly proposalType: 'custom'; readonly type: number; readonly body: Uint8Array }

/** A proposal in a commit: whole, or by its ProposalRef (KDF.Nh bytes). */
export type ProposalOrRef =
  | { readonly type: 'proposal'; readonly proposal: Proposal }
  | { readonly type: 'reference'; readonly reference: Uint8Array }

/** The registered value of a proposal's type. */
export function proposalTypeOf(proposal: Proposal): number {
  switch (proposal.proposalType) {
    case 'add':
      return ProposalType.add
    case 'update':
      return ProposalType.update
    case 'remove':
      return ProposalType.remove
    case 'psk':
      return ProposalType.psk
    case 'reinit':
      return ProposalType.reinit
    case 'external_init':
      return ProposalType.externalInit
    case 'group_context_extensions':
      return ProposalType.groupContextExtensions
    case 'custom':
      return proposal.type
  }
}

export function encodeProposal(writer: Writer, proposal: Proposal): void {
  writer.uint16(proposalTypeOf(proposal))
  switch (proposal.proposalType) {
    case 'add':
      encodeKeyPackage(writer, proposal.keyPackage)
      return
    case 'update':
      encodeLeafNode(writer, proposal.leafNode)
      return
    case 'remove':
      writer.uint32(proposal.removed)
      return
    case 'psk':
      encodePreSharedKeyId(writer, proposal.psk)
      return
    case 'reinit':
      writer.opaque(proposal.groupId).uint16(proposal.version).uint16(proposal.cipherSuite)
      encodeExtensions(writer, proposal.extensions)
      return
    case 'external_init':
      writer.opaque(proposal.kemOutput)
      return
    case 'group_context_extensions':
      encodeExtensions(writer, proposal.extensions)
      return
    case 'custom':
      writer.opaque(proposal.body)
  }
}

export function decodeProposal(reader: Reader): Proposal {
  const type = reader.uint16()
  switch (type) {
    case ProposalType.add:
      return { proposalType: 'add', keyPackage: decodeKeyPackage(reader) }
    case ProposalType.update:
      return { proposalType: 'update', leafNode: decodeLeafNode(reader) }
    case ProposalType.remove:
      return { proposalType: 'remove', removed: reader.uint32() }
    case ProposalType.psk:
      return { proposalType: 'psk', psk: decodePreSharedKeyId(reader) }
    case ProposalType.reinit:
      return {
        proposalType: 'reinit',
        groupId: reader.opaque(),
        version: reader.uint16(),
        cipherSuite: reader.uint16(),
        extensions: decodeExtensions(reader),
      }
    case ProposalType.externalInit:
      return { proposalType: 'external_init', kemOutput: reader.opaque() }
    case ProposalType.groupContextExtensions:
      return { proposalType: 'group_context_extensions', extensions: decodeExtensions(reader) }
    default:
      return { proposalType: 'custom', type, body: reader.opaque() }
  }
}

export function encodeProposalOrRef(writer: Writer, value: ProposalOrRef): void {
  if (value.type === 'proposal') encodeProposal(writer.uint8(1), value.proposal)
  else writer.uint8(2).opaque(value.reference)
}

export function decodeProposalOrRef(reader: Reader): ProposalOrRef {
  const type = reader.uint8()
  if (type === 1) return { type: 'proposal', proposal: decodeProposal(reader) }
  if (type === 2) return { type: 'reference', reference: reader.opaque() }
  throw malformed('bad_proposal_or_ref', 'a commit entry is neither a proposal nor a reference')
}

export function proposalBytes(proposal: Proposal): Uint8Array {
  return encodeWhole(proposal, encodeProposal)
}
