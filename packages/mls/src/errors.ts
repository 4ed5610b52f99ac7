/**
 * The one error type of the package: a code, who is to blame, and fields. Parsers and steps throw it; no message
 * contains a secret.
 */

/**
 * Who is to blame. `malformed`: every honest peer would refuse these bytes, whatever its state. `invalid`: this state
 * refuses them. `missing`: something that may still arrive is not here. `usage`: the calling program. `internal`: us.
 */
export type Blame = 'malformed' | 'invalid' | 'missing' | 'usage' | 'internal'

export class MlsError extends Error {
  override readonly name = 'MlsError'
  readonly blame: Blame
  /** What went wrong, in snake case; stable across releases. */
  readonly code: string
  readonly fields: Readonly<Record<string, string | number | boolean>>

  constructor(
    blame: Blame,
    code: string,
    message: string,
    fields: Readonly<Record<string, string | number | boolean>> = {},
    options?: ErrorOptions,
  ) {
    super(message, options)
    this.blame = blame
    this.code = code
    this.fields = fields
  }
}

/** Shorthands, so that a check reads as one line. */
export function malformed(code: string, message: string): MlsError {
  return new MlsError('malformed', code, message)
}
export function invalid(
  code: string,
  message: string,
  fields?: Readonly<Record<string, string | number | boolean>>,
): MlsError {
  return new MlsError('invalid', code, message, fields)
}
export function missing(
  code: string,
  message: string,
  fields?: Readonly<Record<string, string | number | boolean>>,
): MlsError {
  return new MlsError('missing', code, message, fields)
}
export function usage(code: string, message: string): MlsError {
  return new MlsError('usage', code, message)
}
