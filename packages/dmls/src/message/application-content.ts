/**
 * What an application message of the profile says, inside its encryption: the application's own bytes, or one of the
 * control messages of protocol §7.
 *
 * ```
 * struct {
 *   uint8 kind;
 *   select (kind) {
 *     case 1: opaque data<V>;                                           // application
 *     case 2: opaque resolved_by<V>; opaque fork_point<V>;
 *             Head heads<V>; Head entrances<V>; Instance gone<V>;       // handover
 *     case 3: struct {};                                                // leave_request
 *     case 4: struct {};                                                // presence
 *   };
 * } ApplicationContent;
 * ```
 */
import { decodeWhole, type Reader, usage, Writer } from '@dmls/mls'
import { type DmlsEpoch, identifierBytes } from '../dag/identifiers.ts'
import { readDmlsEpoch, readInstanceId } from './identifier-codec.ts'

export type ApplicationContent =
  | { readonly kind: 'application'; readonly data: Uint8Array }
  /**
   * Names the epoch that resolves these heads, to those who live on one of them (protocol §7.6), where the two parted,
   * the ancestors of that epoch into which some of them have a Welcome already, and who of those that came after the
   * parting is no member any more, because what invited it fell.
   */
  | {
      readonly kind: 'handover'
      readonly resolvedBy: Uint8Array
      readonly forkPoint: Uint8Array
      readonly heads: readonly Uint8Array[]
      readonly entrances: readonly Uint8Array[]
      readonly gone: readonly Uint8Array[]
    }
  /** The sender asks to be removed. */
  | { readonly kind: 'leave_request' }
  /** Nothing but that the sender is here, in this epoch. */
  | { readonly kind: 'presence' }
  /** A kind of a later version, ignored. */
  | { readonly kind: 'unknown'; readonly type: number }

const APPLICATION = 1
const HANDOVER = 2
const LEAVE_REQUEST = 3
const PRESENCE = 4

/**
 * Whether a message counts as its sender's word for the epoch that it is said in. A handover does not: its author stands
 * elsewhere, and whoever waits for it at the fork must not take it for somebody who has left the fork behind.
 */
export function speaksFor({ kind }: ApplicationContent): boolean {
  return kind !== 'handover'
}

/** @throws MlsError `usage`/`unknown_content` for what this version cannot say. */
export function encodeApplicationContent(content: ApplicationContent): Uint8Array {
  const writer = new Writer()
  switch (content.kind) {
    case 'application':
      return writer.uint8(APPLICATION).opaque(content.data).finish()
    case 'handover':
      return writer
        .uint8(HANDOVER)
        .opaque(content.resolvedBy)
        .opaque(content.forkPoint)
        .vector(content.heads, (w, head) => w.opaque(head))
        .vector(content.entrances, (w, epoch) => w.opaque(epoch))
        .vector(content.gone, (w, instance) => w.opaque(instance))
        .finish()
    case 'leave_request':
      return writer.uint8(LEAVE_REQUEST).finish()
    case 'presence':
      return writer.uint8(PRESENCE).finish()
    case 'unknown':
      throw usage('unknown_content', 'content of a later version can be received, not sent')
  }
}

function readEpochBytes(reader: Reader): Uint8Array {
  const epoch: DmlsEpoch = readDmlsEpoch(reader)
  return identifierBytes(epoch)
}

/** @throws MlsError `malformed` for bytes that are none; a kind of a later version is no error. */
export function decodeApplicationContent(bytes: Uint8Array): ApplicationContent {
  return decodeWhole(bytes, (reader): ApplicationContent => {
    const type = reader.uint8()
    switch (type) {
      case APPLICATION:
        return { kind: 'application', data: reader.opaque() }
      case HANDOVER:
        return {
          kind: 'handover',
          resolvedBy: readEpochBytes(reader),
          forkPoint: readEpochBytes(reader),
          heads: reader.vector(readEpochBytes),
          entrances: reader.vector(readEpochBytes),
          gone: reader.vector((r) => identifierBytes(readInstanceId(r))),
        }
      case LEAVE_REQUEST:
        return { kind: 'leave_request' }
      case PRESENCE:
        return { kind: 'presence' }
      default:
        reader.fixed(reader.remaining)
        return { kind: 'unknown', type }
    }
  })
}
