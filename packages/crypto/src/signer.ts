/** Signers whose key is in memory. */

import type { CipherSuite, Signer } from './cipher-suite.ts'

/**
 * A {@link Signer} for a private key of `suite`, in the encoding of RFC 9420 §5.1.2. The bytes are copied or imported at
 * once: the caller may wipe them after the promise settles. The key lives as long as the signer.
 * @throws CryptoError `invalid_private_key`
 */
export function signerFromPrivateKey(suite: CipherSuite, privateKey: Uint8Array): Promise<Signer> {
  return suite.importSigner(privateKey)
}
