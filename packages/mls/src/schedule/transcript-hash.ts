/** RFC 9420 §8.2, the transcript hashes, and §6.1, the confirmation tag over them. */
import { type CipherSuite, equalConstantTime } from '@dmls/crypto'
import { Scratch } from '../codec/scratch.ts'
import { opaqueSize } from '../codec/writer.ts'
import { invalid } from '../errors.ts'
import {
  type AuthenticatedContent,
  encodeFramedContent,
  framedContentSizeHint,
  wireFormatValue,
} from '../wire/framing.ts'

/**
 * `confirmed_transcript_hash` of the epoch that a commit starts. The confirmation tag of the commit is not part of it and
 * need not be there yet.
 */
export function confirmedTranscriptHash(
  suite: CipherSuite,
  interimBefore: Uint8Array,
  commit: Pick<AuthenticatedContent, 'wireFormat' | 'content'> & { readonly auth: { readonly signature: Uint8Array } },
  scratch: Scratch = new Scratch(),
): Uint8Array {
  const { signature } = commit.auth
  const sizeHint = interimBefore.length + 2 + framedContentSizeHint(commit.content) + opaqueSize(signature.length)
  const writer = scratch.writer(sizeHint).fixed(interimBefore).uint16(wireFormatValue(commit.wireFormat))
  encodeFramedContent(writer, commit.content)
  return suite.hash(writer.opaque(signature).written())
}

/** `interim_transcript_hash` of the same epoch. A group's first epoch has the empty string instead (§8.2). */
export function interimTranscriptHash(
  suite: CipherSuite,
  confirmedTranscriptHash: Uint8Array,
  confirmationTag: Uint8Array,
  scratch: Scratch = new Scratch(),
): Uint8Array {
  const writer = scratch.writer(confirmedTranscriptHash.length + opaqueSize(confirmationTag.length))
  return suite.hash(writer.fixed(confirmedTranscriptHash).opaque(confirmationTag).written())
}

/** RFC 9420 §6.1 `confirmation_tag`, KDF.Nh bytes. */
export function confirmationTag(
  suite: CipherSuite,
  confirmationKey: Uint8Array,
  confirmedTranscriptHash: Uint8Array,
): Uint8Array {
  return suite.mac(confirmationKey, confirmedTranscriptHash)
}

/** @throws MlsError `bad_confirmation_tag` unless the tag is the one that the new epoch's key gives */
export function verifyConfirmationTag(
  suite: CipherSuite,
  confirmationKey: Uint8Array,
  confirmedTranscriptHash: Uint8Array,
  tag: Uint8Array,
): void {
  const expected = confirmationTag(suite, confirmationKey, confirmedTranscriptHash)
  if (!equalConstantTime(expected, tag)) throw invalid('bad_confirmation_tag', 'the confirmation tag does not match') // RFC 9420 §6.1
}
