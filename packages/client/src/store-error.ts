/** The one error type of every Store: what went wrong with the storage itself, never with what is stored. */

/**
 * `store_locked`: another process has it open. `store_version`: written in a format that this release does not read.
 * `store_corrupted`: acknowledged data is missing or damaged. `store_wrong_key`: the cipher given does not open it.
 * `store_read_only`: opened for export only. `store_failed`: the disk refused; what was acknowledged is safe, open it
 * again. `store_closed`: used after `close`.
 */
export type StoreErrorCode =
  | 'store_locked'
  | 'store_version'
  | 'store_corrupted'
  | 'store_wrong_key'
  | 'store_read_only'
  | 'store_failed'
  | 'store_closed'

export class StoreError extends Error {
  override readonly name = 'StoreError'
  readonly code: StoreErrorCode
  readonly fields: Readonly<Record<string, string | number>>

  constructor(
    code: StoreErrorCode,
    message: string,
    fields: Readonly<Record<string, string | number>> = {},
    options?: ErrorOptions,
  ) {
    super(message, options)
    this.code = code
    this.fields = fields
  }
}
