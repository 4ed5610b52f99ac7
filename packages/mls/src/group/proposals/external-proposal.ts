/**
 * Proposing from outside (RFC 9420 §12.1.8): as one of the group's external senders, or as somebody who asks to be added.
 * Both are PublicMessages, since neither has the group's keys.
 */
import type { Signer } from '@dmls/crypto'
import { equalBytes } from '@dmls/crypto'
import { usage } from '../../errors.ts'
import { signContent } from '../../framing/authenticated-content.ts'
import type { FramedContent, Sender } from '../../wire/framing.ts'
import type { KeyPackage } from '../../wire/key-package.ts'
import type { MlsMessage } from '../../wire/mls-message.ts'
import type { Proposal } from '../../wire/proposal.ts'

interface Destination {
  readonly groupId: Uint8Array
  readonly epoch: bigint
  readonly authenticatedData?: Uint8Array
}

export interface ExternalProposalOptions extends Destination {
  readonly signer: Signer
  /** Index in the group's `external_senders`. */
  readonly senderIndex: number
  readonly proposal: Proposal
}

/** A proposal of an external sender. @throws MlsError `bad_sender` for a type that such a sender may not propose */
export function createExternalProposal(options: ExternalProposalOptions): Promise<MlsMessage> {
  const sender: Sender = { senderType: 'external', senderIndex: options.senderIndex }
  return frame(options, sender, options.proposal, options.signer)
}

export interface NewMemberProposalOptions extends Destination {
  /** Has the signature key of the KeyPackage's leaf. */
  readonly signer: Signer
  readonly keyPackage: KeyPackage
}

/** A newcomer's own Add. @throws MlsError `wrong_signer` */
export async function createNewMemberProposal(options: NewMemberProposalOptions): Promise<MlsMessage> {
  const { keyPackage, signer } = options
  if (!equalBytes(signer.publicKey, keyPackage.leafNode.signatureKey)) {
    throw usage('wrong_signer', 'the signer has another key than the key package')
  }
  return frame(options, { senderType: 'new_member_proposal' }, { proposalType: 'add', keyPackage }, signer)
}

async function frame(to: Destination, sender: Sender, proposal: Proposal, signer: Signer): Promise<MlsMessage> {
  const { groupId, epoch, authenticatedData = new Uint8Array(0) } = to
  const content: FramedContent = {
    groupId,
    epoch,
    sender,
    authenticatedData,
    content: { contentType: 'proposal', proposal },
  }
  const signature = await signContent(signer, content, 'mls_public_message', undefined)
  const auth = { signature, confirmationTag: undefined }
  return { wireFormat: 'mls_public_message', publicMessage: { content, auth, membershipTag: undefined } }
}
