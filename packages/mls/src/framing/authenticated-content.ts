/**
 * RFC 9420 §6.1: what a message's signature covers, and which sender may send which content. Whose key verifies it, the
 * group decides.
 */
import type { CipherSuite, Signer } from '@dmls/crypto'
import { type Structure, Writer } from '../codec/writer.ts'
import { invalid, usage } from '../errors.ts'
import { signWithLabel, verifyWithLabel } from '../schedule/labeled.ts'
import {
  type AuthenticatedContent,
  encodeFramedContent,
  type FramedContent,
  framedContentSizeHint,
  type WireFormat,
  wireFormatValue,
} from '../wire/framing.ts'
import type { Proposal } from '../wire/proposal.ts'
import { MLS10 } from '../wire/registry.ts'

/** Proposals that RFC 9420 §17.4 and the MLS extensions draft do not let external senders make. */
const MEMBERS_ONLY: ReadonlySet<Proposal['proposalType']> = new Set(['update', 'external_init', 'self_remove'])

/**
 * `FramedContentTBS`, encoded. The encoded GroupContext of the message's epoch is needed for members and for a
 * `new_member_commit`, and left out for the other senders, who are not bound to one.
 */
export function framedContentTbs(
  content: FramedContent,
  wireFormat: WireFormat,
  groupContext: Uint8Array | undefined,
): Uint8Array {
  const { sizeHint, encode } = framedContentTbsOf(content, wireFormat, groupContext)
  const writer = new Writer(sizeHint)
  encode(writer)
  return writer.finish()
}

/** The same, to be encoded where it is needed. */
function framedContentTbsOf(
  content: FramedContent,
  wireFormat: WireFormat,
  groupContext: Uint8Array | undefined,
): Structure {
  const bound = isBoundToContext(content)
  if (bound && groupContext === undefined) throw usage('group_context_needed', 'this sender signs the GroupContext')
  return {
    sizeHint: 4 + framedContentSizeHint(content) + (groupContext?.length ?? 0),
    encode: (writer) => {
      encodeFramedContent(writer.uint16(MLS10).uint16(wireFormatValue(wireFormat)), content)
      if (bound && groupContext !== undefined) writer.fixed(groupContext)
    },
  }
}

/** Whether the signature covers the GroupContext: of the senders, `member` and `new_member_commit`. */
export function isBoundToContext(content: FramedContent): boolean {
  const { senderType } = content.sender
  return senderType === 'member' || senderType === 'new_member_commit'
}

/** The signature of `FramedContentAuthData`. @throws MlsError `bad_sender` for content that the sender may not send */
export async function signContent(
  signer: Signer,
  content: FramedContent,
  wireFormat: WireFormat,
  groupContext: Uint8Array | undefined,
): Promise<Uint8Array> {
  checkSender(content, wireFormat)
  return signWithLabel(signer, 'FramedContentTBS', framedContentTbsOf(content, wireFormat, groupContext))
}

/**
 * Verifies a message's signature under the key that belongs to its sender.
 * @throws MlsError `bad_signature`, `bad_sender`
 */
export async function verifyContentSignature(
  suite: CipherSuite,
  publicKey: Uint8Array,
  authenticated: AuthenticatedContent,
  groupContext: Uint8Array | undefined,
): Promise<void> {
  const { content, wireFormat, auth } = authenticated
  checkSender(content, wireFormat)
  const tbs = framedContentTbsOf(content, wireFormat, groupContext)
  const valid = await verifyWithLabel(suite, publicKey, 'FramedContentTBS', tbs, auth.signature)
  if (!valid) throw invalid('bad_signature', 'the signature of a message is not valid') // RFC 9420 §6.1
}

/**
 * Which sender may send which content, and how. Which proposals an external sender may make besides is the group's
 * policy (§12.1.8).
 * @throws MlsError `bad_sender`
 */
export function checkSender({ sender, content }: FramedContent, wireFormat: WireFormat): void {
  switch (sender.senderType) {
    case 'member':
      break
    case 'external':
      if (content.contentType !== 'proposal') throw badSender('an external sender sends proposals only') // RFC 9420 §6.1
      if (MEMBERS_ONLY.has(content.proposal.proposalType)) {
        throw badSender('an external sender cannot make this proposal') // RFC 9420 §6.1, §12.1.8
      }
      break
    case 'new_member_proposal':
      if (content.contentType !== 'proposal' || content.proposal.proposalType !== 'add') {
        throw badSender('a new member proposes its own addition only') // RFC 9420 §6.1
      }
      break
    case 'new_member_commit':
      if (content.contentType !== 'commit') throw badSender('a joining member sends a commit only') // RFC 9420 §6.1
      if (content.commit.path === undefined) throw badSender('a joining member commits with a path') // RFC 9420 §6.1
      break
  }
  if (sender.senderType !== 'member' && wireFormat !== 'mls_public_message') {
    throw badSender('only members send private messages') // RFC 9420 §6, §6.3.2
  }
  if (content.contentType === 'application' && wireFormat !== 'mls_private_message') {
    throw invalid('public_application_data', 'application data is not encrypted') // RFC 9420 §6
  }
}

function badSender(message: string): Error {
  return invalid('bad_sender', message)
}
