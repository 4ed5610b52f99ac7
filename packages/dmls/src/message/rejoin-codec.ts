/**
 * Coming back (protocol §8): a member that can no longer follow asks to be replaced by a new instance of itself. Its
 * request is a KeyPackage, signed and certified like any other, that says in an extension whom it replaces; so the commit
 * that does it carries the proof. The Welcome answers in a GroupInfo extension from which of the epochs that the member
 * knew the group has come. Both types are of the private-use range (RFC 9420 §17.3).
 *
 * ```
 * enum { out_of_reach(1), state_lost(2) } RejoinReason;
 * struct { uint8 version = 1; opaque group_id<V>; opaque instance<V>; RejoinReason reason; opaque epochs<V><V>;
 *   opaque open<V><V>; opaque invited<V><V>; } RejoinRequest;
 * struct { opaque instance<V>; opaque epoch<V>; opaque branch<V>; uint32 support; } Descent;
 * ```
 */
import { decodeWhole, encodeWhole, malformed } from '@dmls/mls'
import type { DmlsEpoch, InstanceId } from '../dag/identifiers.ts'
import { readDmlsEpoch, readInstanceId, writeIdentifier } from './identifier-codec.ts'

/** KeyPackage extension. */
export const DMLS_REJOIN_EXTENSION = 0xf0d3
/** GroupInfo extension. */
export const DMLS_DESCENT_EXTENSION = 0xf0d4

const VERSION = 1
/** More epochs tell nobody more. */
const EPOCHS_MAX = 64

/** `out_of_reach`: what leads from its epochs to the group's is gone. `state_lost`: what it holds must not be used. */
export type RejoinReason = 'out_of_reach' | 'state_lost'

export interface RejoinRequest {
  readonly groupId: Uint8Array
  /** Whom the new instance replaces. */
  readonly instance: InstanceId
  readonly reason: RejoinReason
  /** Epochs that it knows, latest first. */
  readonly epochs: readonly DmlsEpoch[]
  /** Epochs in which it can still process commits. */
  readonly open: readonly DmlsEpoch[]
  /** Epochs into which it has a Welcome that it does not follow, the latest last: it does not know them from within. */
  readonly invited: readonly DmlsEpoch[]
}

/** Whence the group of a Welcome has come, for one of those whom it brings back. */
export interface Descent {
  /** The new instance. */
  readonly instance: InstanceId
  /** The latest epoch of its request that lies in the past of the group. */
  readonly epoch: DmlsEpoch
  /** The first epoch of the group's branch that follows from it: the name of the branch. */
  readonly branch: DmlsEpoch
  /** How many members of that epoch have spoken on the branch since. */
  readonly support: number
}

export function encodeRejoinRequest(request: RejoinRequest): Uint8Array {
  return encodeWhole(request, (writer, { groupId, instance, reason, epochs, open, invited }) => {
    writeIdentifier(writer.uint8(VERSION).opaque(groupId), instance)
    writer.uint8(reason === 'out_of_reach' ? 1 : 2).vector(epochs.slice(0, EPOCHS_MAX), writeIdentifier)
    writer.vector(open.slice(0, EPOCHS_MAX), writeIdentifier).vector(invited.slice(-EPOCHS_MAX), writeIdentifier)
  })
}

/** @throws MlsError `malformed`/`bad_rejoin_request` and the faults of the encoding */
export function decodeRejoinRequest(data: Uint8Array): RejoinRequest {
  return decodeWhole(data, (reader) => {
    if (reader.uint8() !== VERSION) throw malformed('bad_rejoin_request', 'the request has another version')
    const groupId = reader.opaque()
    const instance = readInstanceId(reader)
    const reason = reader.uint8()
    const epochs = reader.vector(readDmlsEpoch)
    const open = reader.vector(readDmlsEpoch)
    if ((reason !== 1 && reason !== 2) || epochs.length === 0 || epochs.length > EPOCHS_MAX) {
      throw malformed('bad_rejoin_request', 'the request has no reason, or no epochs or too many')
    }
    const invited = reader.vector(readDmlsEpoch)
    if (Math.max(open.length, invited.length) > EPOCHS_MAX) {
      throw malformed('bad_rejoin_request', 'the request can follow too many epochs')
    }
    return { groupId, instance, reason: reason === 1 ? 'out_of_reach' : 'state_lost', epochs, open, invited }
  })
}

export function encodeDescents(descents: readonly Descent[]): Uint8Array {
  return encodeWhole(descents, (writer, list) => {
    writer.vector(list, (w, { instance, epoch, branch, support }) => {
      writeIdentifier(w, instance)
      writeIdentifier(w, epoch)
      writeIdentifier(w, branch)
      w.uint32(support)
    })
  })
}

/** @throws MlsError `malformed` */
export function decodeDescents(data: Uint8Array): readonly Descent[] {
  return decodeWhole(data, (reader) =>
    reader.vector(
      (r): Descent => ({
        instance: readInstanceId(r),
        epoch: readDmlsEpoch(r),
        branch: readDmlsEpoch(r),
        support: r.uint32(),
      }),
    ),
  )
}
