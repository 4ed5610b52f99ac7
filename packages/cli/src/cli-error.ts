/** A failure that the user can do something about: one line that says what, and the exit status that goes with it. */

export const EXIT_FAILED = 1
export const EXIT_USAGE = 2
/** What shells report for a program that Ctrl-C ended. */
export const EXIT_INTERRUPTED = 130

export interface CliErrorOptions extends ErrorOptions {
  readonly exitStatus?: number
  /** Lines that follow the message, for somebody who wants to find out more. */
  readonly details?: readonly string[]
}

export class CliError extends Error {
  override readonly name = 'CliError'
  readonly exitStatus: number
  readonly details: readonly string[]

  constructor(message: string, options: CliErrorOptions = {}) {
    super(message, options)
    this.exitStatus = options.exitStatus ?? EXIT_FAILED
    this.details = options.details ?? []
  }
}

/** The user asked for something that makes no sense. */
export function usageError(message: string): CliError {
  return new CliError(message, { exitStatus: EXIT_USAGE })
}
