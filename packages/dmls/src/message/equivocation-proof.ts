/**
 * Evidence that a member speaks with two tongues, which convinces somebody who is not in the group: two commits that one
 * key signed under one counter (protocol §6). A member counts its messages, so no honest one signs two contents with one
 * counter; it takes two copies of one state, or a lie. Somebody who changes its signature key between the two leaves no
 * such evidence.
 *
 * ```
 * struct { GroupContext context; opaque signature_key<V>; Credential credential; AuthenticatedContent content; } SignedCommit;
 * struct { uint8 version = 1; opaque one<V>; opaque other<V>; } EquivocationProof;   // each a SignedCommit, ascending
 * ```
 * It holds no secret, but shows what the commits said: whom they added and removed, and their encrypted path.
 */
import { type CipherSuite, compareBytes, equalBytes } from '@dmls/crypto'
import {
  type AuthenticatedContent,
  type Credential,
  decodeAuthenticatedContent,
  decodeCredential,
  decodeGroupContext,
  decodeWhole,
  encodeAuthenticatedContent,
  encodeCredential,
  encodeGroupContext,
  encodeWhole,
  framedContentTbs,
  type GroupContext,
  groupContextBytes,
  invalid,
  malformed,
  type Reader,
  verifyContentSignature,
  type Writer,
} from '@dmls/mls'
import type { DmlsServices } from '../group/state.ts'
import { decodeAuthenticatedData } from './authenticated-data.ts'

/** A commit as its author signed it, with what is needed to verify that. */
export interface SignedCommit {
  /** Of the epoch that it was made in. */
  readonly context: GroupContext
  readonly signatureKey: Uint8Array
  readonly credential: Credential
  readonly content: AuthenticatedContent
}

const VERSION = 1

function writeSignedCommit(writer: Writer, { context, signatureKey, credential, content }: SignedCommit): void {
  encodeGroupContext(writer, context)
  writer.opaque(signatureKey)
  encodeCredential(writer, credential)
  encodeAuthenticatedContent(writer, content)
}

function readSignedCommit(reader: Reader): SignedCommit {
  const context = decodeGroupContext(reader)
  const signatureKey = reader.opaque()
  return { context, signatureKey, credential: decodeCredential(reader), content: decodeAuthenticatedContent(reader) }
}

export function encodeSignedCommit(commit: SignedCommit): Uint8Array {
  return encodeWhole(commit, writeSignedCommit, 4096)
}

/** @throws MlsError `malformed` */
export function decodeSignedCommit(bytes: Uint8Array): SignedCommit {
  return decodeWhole(bytes, readSignedCommit)
}

/** The proof from two encoded SignedCommits, the same whichever came first. */
export function encodeEquivocationProof(one: Uint8Array, other: Uint8Array): Uint8Array {
  const ascending = compareBytes(one, other) < 0 ? [one, other] : [other, one]
  return encodeWhole(ascending, (writer, [first, second]) => {
    writer
      .uint8(VERSION)
      .opaque(first as Uint8Array)
      .opaque(second as Uint8Array)
  })
}

/** What a proof shows. */
export interface ProvenEquivocation {
  readonly groupId: Uint8Array
  /** Whom the Authentication Service knows by the key that signed. */
  readonly identity: Uint8Array
  readonly signatureKey: Uint8Array
  readonly counter: bigint
  /** The integer epochs in which the two commits were made. */
  readonly epochs: readonly [bigint, bigint]
}

/** What somebody needs who checks a proof; it need not be in the group. */
export interface Arbiter {
  /** @throws an error for a suite that it does not have */
  readonly suiteOf: (id: number) => CipherSuite
  /** The Authentication Service for groups of a cipher suite. */
  readonly authorityFor: (suite: CipherSuite) => Pick<DmlsServices, 'authenticate' | 'identityOf'>
  /** Seconds since the Unix epoch, for the Authentication Service. */
  readonly now: bigint
}

/**
 * Checks a proof.
 * @throws MlsError `malformed`; `invalid`: `no_equivocation` when both commits are one, or differ in group, key or
 * counter, `bad_signature`, and what the Authentication Service refuses
 */
export async function verifyEquivocation(proof: Uint8Array, arbiter: Arbiter): Promise<ProvenEquivocation> {
  const [one, other] = decodeProof(proof)
  const { signatureKey, context } = one
  const counter = counterOf(one)
  if (equalBytes(signedBytes(one), signedBytes(other))) throw innocent('the two commits are one')
  if (!equalBytes(context.groupId, other.context.groupId)) throw innocent('the commits are of two groups')
  if (!equalBytes(signatureKey, other.signatureKey)) throw innocent('two keys have signed')
  if (counter !== counterOf(other)) throw innocent('the commits have counters of their own')
  const identity = await checkSigned(one, arbiter)
  if (!equalBytes(identity, await checkSigned(other, arbiter))) throw innocent('two identities have signed')
  return { groupId: context.groupId, identity, signatureKey, counter, epochs: [context.epoch, other.context.epoch] }
}

function decodeProof(proof: Uint8Array): readonly [SignedCommit, SignedCommit] {
  const [one, other] = decodeWhole(proof, (reader) => {
    if (reader.uint8() !== VERSION) throw malformed('unsupported_proof', 'the proof has another version')
    return [reader.opaque(), reader.opaque()] as const
  })
  return [decodeSignedCommit(one), decodeSignedCommit(other)]
}

/** What was signed. The confirmation tag is not: one commit with two tags is one commit. */
function signedBytes({ context, content }: SignedCommit): Uint8Array {
  return framedContentTbs(content.content, content.wireFormat, groupContextBytes(context))
}

function counterOf({ content }: SignedCommit): bigint {
  return decodeAuthenticatedData(content.content.authenticatedData).counter
}

/** Whose commit it is. */
async function checkSigned(commit: SignedCommit, arbiter: Arbiter): Promise<Uint8Array> {
  const { context, signatureKey, credential, content } = commit
  const { sender, groupId, epoch, content: body } = content.content
  if (body.contentType !== 'commit' || sender.senderType !== 'member') throw innocent('only commits of members count')
  // RFC 9420 §6.1: the signature covers the GroupContext of the message's epoch
  if (!equalBytes(groupId, context.groupId) || epoch !== context.epoch) throw innocent('a commit is of another epoch')
  const suite = arbiter.suiteOf(context.cipherSuite)
  await verifyContentSignature(suite, signatureKey, content, groupContextBytes(context))
  const claim = {
    occasion: 'commit',
    credential,
    signatureKey,
    now: arbiter.now,
    groupId,
    previous: undefined,
  } as const
  const { authenticate, identityOf } = arbiter.authorityFor(suite)
  await authenticate(claim)
  return identityOf({ credential })
}

function innocent(message: string): Error {
  return invalid('no_equivocation', message)
}
