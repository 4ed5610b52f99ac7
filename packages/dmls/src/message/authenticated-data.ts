/**
 * What every message of the profile carries in its authenticated_data (protocol §4, §7): the sender's counter, the heads
 * that a commit resolves, and the application's own bytes.
 *
 * ```
 * struct { opaque head<V>; opaque fork_point<V>; } ResolvedHead;
 * struct { uint8 version = 1; uint64 counter; ResolvedHead resolves<V>; opaque application<V>; } AuthenticatedData;
 * ```
 * Messages of senders outside the group are not bound to a GroupContext by RFC 9420 §6.1: theirs starts with the raw
 * dmls_epoch, before the structure.
 */
import { concatBytes, equalBytes } from '@dmls/crypto'
import { decodeWhole, encodeWhole, invalid, malformed, type Reader, type Writer } from '@dmls/mls'
import type { ResolvedHead } from '../dag/epoch-facts.ts'
import { compareText } from '../dag/identifiers.ts'
import { readDmlsEpoch, writeIdentifier } from './identifier-codec.ts'

export interface AuthenticatedData {
  /** Orders the messages of one sender; 1 for its first. */
  readonly counter: bigint
  /** Of a commit; distinct heads. */
  readonly resolves: readonly ResolvedHead[]
  /** The application's own. */
  readonly application: Uint8Array
}

const VERSION = 1

/** More branches than this are not resolved by one commit. */
export const RESOLVED_HEADS_MAX = 1024

function writeResolvedHead(writer: Writer, { head, forkPoint }: ResolvedHead): void {
  writeIdentifier(writer, head)
  writeIdentifier(writer, forkPoint)
}

function readResolvedHead(reader: Reader): ResolvedHead {
  return { head: readDmlsEpoch(reader), forkPoint: readDmlsEpoch(reader) }
}

function writeAuthenticatedData(writer: Writer, { counter, resolves, application }: AuthenticatedData): void {
  const ascending = [...resolves].sort((a, b) => compareText(a.head, b.head))
  writer.uint8(VERSION).uint64(counter).vector(ascending, writeResolvedHead).opaque(application)
}

/** Heads are written in ascending order, so that equal content is equal bytes. */
export function encodeAuthenticatedData(data: AuthenticatedData): Uint8Array {
  return encodeWhole(data, writeAuthenticatedData)
}

/**
 * @throws MlsError `malformed`: `unsupported_authenticated_data` for another version, `bad_resolved_heads` when they are
 * too many, not ascending or not distinct, and the faults of the encoding
 */
export function decodeAuthenticatedData(bytes: Uint8Array): AuthenticatedData {
  return decodeWhole(bytes, (reader) => {
    if (reader.uint8() !== VERSION) {
      throw malformed('unsupported_authenticated_data', 'the authenticated data has another version')
    }
    const counter = reader.uint64()
    const resolves = reader.vector(readResolvedHead)
    const ascending = resolves.every(({ head }, i) => i === 0 || (resolves[i - 1] as ResolvedHead).head < head)
    if (!ascending || resolves.length > RESOLVED_HEADS_MAX) {
      throw malformed('bad_resolved_heads', 'resolved heads are distinct, ascending and not too many')
    }
    return { counter, resolves, application: reader.opaque() }
  })
}

/** The authenticated_data of a sender outside the group, for one epoch. */
export function encodeExternalAuthenticatedData(dmlsEpoch: Uint8Array, data: AuthenticatedData): Uint8Array {
  return concatBytes(dmlsEpoch, encodeAuthenticatedData(data))
}

/** Whether authenticated_data of a sender outside the group names the epoch. */
export function namesEpoch(authenticatedData: Uint8Array, dmlsEpoch: Uint8Array): boolean {
  return equalBytes(authenticatedData.subarray(0, dmlsEpoch.length), dmlsEpoch)
}

/** @throws MlsError `invalid`/`unbound_external_message` when it names another epoch; and like {@link decodeAuthenticatedData} */
export function decodeExternalAuthenticatedData(
  dmlsEpoch: Uint8Array,
  authenticatedData: Uint8Array,
): AuthenticatedData {
  if (!namesEpoch(authenticatedData, dmlsEpoch)) {
    throw invalid('unbound_external_message', 'a sender outside the group does not name the epoch that it means')
  }
  return decodeAuthenticatedData(authenticatedData.slice(dmlsEpoch.length))
}
