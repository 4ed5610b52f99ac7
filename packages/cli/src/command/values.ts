/** Reads what the user wrote after an option, or says in one line what was expected. */
import { usageError } from '../cli-error.ts'

/** A whole number within bounds; the fallback if the option was not given. */
export function wholeNumber(
  option: string,
  text: string | undefined,
  bounds: { readonly min: number; readonly max: number; readonly fallback: number },
): number {
  if (text === undefined) return bounds.fallback
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
  if (!(value >= bounds.min && value <= bounds.max)) {
    throw usageError(`--${option} wants a whole number from ${bounds.min} to ${bounds.max}, not "${text}"`)
  }
  return value
}

/** A value that must be there. */
export function required(command: string, option: string, text: string | undefined): string {
  if (text === undefined || text === '') throw usageError(`dmls ${command} needs --${option}`)
  return text
}
