/**
 * Who is to blame for faults inside encryption. `malformed` means that every peer would refuse the bytes, also those who
 * only pass them on; but a relay does not see what is encrypted, so there the same fault is the sender's: `invalid`.
 */
import { MlsError } from '../errors.ts'

/** The error to throw for a fault in decrypted content. */
export function faultOfSender(error: unknown): unknown {
  if (!(error instanceof MlsError) || error.blame !== 'malformed') return error
  return new MlsError('invalid', error.code, error.message, error.fields, { cause: error })
}
