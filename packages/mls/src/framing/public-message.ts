/** RFC 9420 §6.2: messages that are signed and not encrypted, and the membership tag of those that members send. */
import { type CipherSuite, equalConstantTime } from '@dmls/crypto'
import { encodeWhole, Writer } from '../codec/writer.ts'
import { invalid, usage } from '../errors.ts'
import {
  type AuthenticatedContent,
  encodeFramedContentAuthData,
  type FramedContent,
  type FramedContentAuthData,
  type PublicMessage,
} from '../wire/framing.ts'
import { checkSender, framedContentTbs } from './authenticated-content.ts'

/** `AuthenticatedContentTBM`, under the membership key: KDF.Nh bytes. */
function membershipTag(
  suite: CipherSuite,
  membershipKey: Uint8Array,
  content: FramedContent,
  auth: FramedContentAuthData,
  groupContext: Uint8Array,
): Uint8Array {
  const tbs = framedContentTbs(content, 'mls_public_message', groupContext)
  const authData = encodeWhole(auth, encodeFramedContentAuthData, 256)
  return suite.mac(membershipKey, new Writer(tbs.length + authData.length).fixed(tbs).fixed(authData).finish())
}

/**
 * The PublicMessage for signed content. The membership key and the encoded GroupContext are those of the message's
 * epoch; only members need the key.
 * @throws MlsError `bad_sender`, `public_application_data`, `membership_key_needed`, `bad_wire_format`
 */
export function protectPublic(
  suite: CipherSuite,
  membershipKey: Uint8Array | undefined,
  authenticated: AuthenticatedContent,
  groupContext: Uint8Array,
): PublicMessage {
  const { content, auth, wireFormat } = authenticated
  if (wireFormat !== 'mls_public_message')
    throw usage('bad_wire_format', 'the content is signed for another wire format')
  checkSender(content, wireFormat)
  checkConfirmationTag(authenticated)
  if (content.sender.senderType !== 'member') return { content, auth, membershipTag: undefined }
  if (membershipKey === undefined) throw usage('membership_key_needed', 'a member tags what it sends')
  return { content, auth, membershipTag: membershipTag(suite, membershipKey, content, auth, groupContext) }
}

/**
 * The content of a PublicMessage, its membership tag checked. The caller has matched group id and epoch, and verifies
 * the signature next.
 * @throws MlsError `bad_membership_tag`, `bad_sender`, `public_application_data`
 */
export function unprotectPublic(
  suite: CipherSuite,
  membershipKey: Uint8Array,
  message: PublicMessage,
  groupContext: Uint8Array,
): AuthenticatedContent {
  const { content, auth } = message
  checkSender(content, 'mls_public_message')
  if (content.sender.senderType === 'member') {
    const expected = membershipTag(suite, membershipKey, content, auth, groupContext)
    if (message.membershipTag === undefined || !equalConstantTime(expected, message.membershipTag)) {
      throw invalid('bad_membership_tag', 'the membership tag of a message does not match') // RFC 9420 §6.2
    }
  }
  return { wireFormat: 'mls_public_message', content, auth }
}

/** A commit carries a confirmation tag, nothing else does (RFC 9420 §6.1). */
export function checkConfirmationTag({ content, auth }: AuthenticatedContent): void {
  if ((content.content.contentType === 'commit') !== (auth.confirmationTag !== undefined)) {
    throw usage('bad_confirmation_tag', 'commits, and only commits, carry a confirmation tag')
  }
}
