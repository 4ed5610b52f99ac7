/** Identifiers on the wire: `opaque<V>` of 1 to 64 bytes. */
import { malformed, type Reader, type Writer } from '@dmls/mls'
import { type DmlsEpoch, dmlsEpoch, type InstanceId, identifierBytes, instanceId } from '../dag/identifiers.ts'

function readIdentifier(reader: Reader): Uint8Array {
  const bytes = reader.opaque()
  if (bytes.length === 0 || bytes.length > 64) throw malformed('bad_identifier', 'an identifier is 1 to 64 bytes')
  return bytes
}

/** @throws MlsError `malformed`/`bad_identifier` */
export function readDmlsEpoch(reader: Reader): DmlsEpoch {
  return dmlsEpoch(readIdentifier(reader))
}

/** @throws MlsError `malformed`/`bad_identifier` */
export function readInstanceId(reader: Reader): InstanceId {
  return instanceId(readIdentifier(reader))
}

export function writeIdentifier(writer: Writer, identifier: DmlsEpoch | InstanceId): void {
  writer.opaque(identifierBytes(identifier))
}
