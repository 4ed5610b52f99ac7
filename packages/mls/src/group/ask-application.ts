/** Calls into the application: whatever it throws becomes one typed refusal, so that a step never fails untyped. */
import { MlsError } from '../errors.ts'

function refusal(error: unknown): MlsError {
  if (error instanceof MlsError) return error
  return new MlsError('invalid', 'refused_by_application', 'the application refuses it', {}, { cause: error })
}

/** @throws MlsError `refused_by_application`, or the MlsError that the application throws */
export function askApplication<T>(ask: () => T): T {
  try {
    return ask()
  } catch (error) {
    throw refusal(error)
  }
}

/** The same for a question that takes time. */
export async function askApplicationAsync<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask()
  } catch (error) {
    throw refusal(error)
  }
}
