/** The one error type of every Delivery. A peer that is away, slow or hostile is never an error: that is the weather. */

/**
 * `delivery_closed`: used after `close`. `topic_taken`: the topic has a handler. `message_too_large`: larger than the
 * network carries. `bad_address`: not an address that this delivery understands. `unreachable`: a peer that was to be
 * dialled did not answer or is not allowed. `delivery_failed`: the transport could not start.
 */
export type DeliveryErrorCode =
  | 'delivery_closed'
  | 'topic_taken'
  | 'message_too_large'
  | 'bad_address'
  | 'unreachable'
  | 'delivery_failed'

export class DeliveryError extends Error {
  override readonly name = 'DeliveryError'
  readonly code: DeliveryErrorCode
  readonly fields: Readonly<Record<string, string | number>>

  constructor(
    code: DeliveryErrorCode,
    message: string,
    fields: Readonly<Record<string, string | number>> = {},
    options?: ErrorOptions,
  ) {
    super(message, options)
    this.code = code
    this.fields = fields
  }
}
