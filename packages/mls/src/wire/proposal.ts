/** RFC 9420 §12.1 `Proposal`, the proposals of the MLS extensions draft, and §12.4 `ProposalOrRef`. */
import type { Reader } from '../codec/reader.ts'
import type { Writer } from '../codec/writer.ts'
import { malformed } from '../errors.ts'
import { decodeExtensions, type Extension, encodeExtensions } from './extension.ts'
import { decodeKeyPackage, encodeKeyPackage, KEY_PACKAGE_SIZE_HINT, type KeyPackage } from './key-package.ts'
import { decodeLeafNode, encodeLeafNode, LEAF_NODE_SIZE_HINT, type LeafNode } from './leaf-node.ts'
import { decodePreSharedKeyId, encodePreSharedKeyId, type PreSharedKeyId } from './psk.ts'
import { DraftProposalType, ProposalType } from './registry.ts'

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
  /** MLS extensions draft: the sender leaves. Committed by reference only. */
  | { readonly proposalType: 'self_remove' }
  /** MLS extensions draft: changes one component's data in the GroupContext; `update` undefined removes it. */
  | { readonly proposalType: 'app_data_update'; readonly componentId: number; readonly update: Uint8Array | undefined }
  /** MLS extensions draft: data that go with a commit and change nothing. */
  | { readonly proposalType: 'app_ephemeral'; readonly componentId: number; readonly data: Uint8Array }
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
    case 'self_remove':
      return DraftProposalType.selfRemove
    case 'app_data_update':
      return DraftProposalType.appDataUpdate
    case 'app_ephemeral':
      return DraftProposalType.appEphemeral
    case 'custom':
      return proposal.type
  }
}

/** About as many bytes as {@link encodeProposal} writes. */
export function proposalSizeHint(proposal: Proposal): number {
  switch (proposal.proposalType) {
    case 'add':
      return KEY_PACKAGE_SIZE_HINT
    case 'update':
      return LEAF_NODE_SIZE_HINT
    default:
      return 64
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
    case 'self_remove':
      return
    case 'app_data_update':
      writer.uint16(proposal.componentId)
      if (proposal.update === undefined) writer.uint8(2)
      else writer.uint8(1).opaque(proposal.update)
      return
    case 'app_ephemeral':
      writer.uint16(proposal.componentId).opaque(proposal.data)
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
    case DraftProposalType.selfRemove:
      return { proposalType: 'self_remove' }
    case DraftProposalType.appDataUpdate:
      return decodeAppDataUpdate(reader)
    case DraftProposalType.appEphemeral:
      return { proposalType: 'app_ephemeral', componentId: reader.uint16(), data: reader.opaque() }
    default:
      return { proposalType: 'custom', type, body: reader.opaque() }
  }
}

function decodeAppDataUpdate(reader: Reader): Proposal {
  const componentId = reader.uint16()
  const operation = reader.uint8()
  if (operation === 1) return { proposalType: 'app_data_update', componentId, update: reader.opaque() }
  if (operation === 2) return { proposalType: 'app_data_update', componentId, update: undefined }
  throw malformed('bad_app_data_operation', 'an AppDataUpdate neither updates nor removes')
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
