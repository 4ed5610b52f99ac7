/**
 * Errors of the crypto package. No message ever contains key material or plaintext.
 */

/** What went wrong inside a cryptographic operation. */
export type CryptoErrorCode =
  | 'unsupported_cipher_suite'
  | 'invalid_public_key'
  | 'invalid_private_key'
  | 'invalid_length'
  | 'open_failed'
  | 'kem_failed'
  | 'provider_failed'

/** A cryptographic operation refused its input. `open_failed` is the only code an attacker's ciphertext can cause. */
export class CryptoError extends Error {
  override readonly name = 'CryptoError'
  readonly code: CryptoErrorCode

  constructor(code: CryptoErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
