/**
 * RFC 9420 §5.3: the public key of an end-entity certificate must be the leaf's signature key. A SubjectPublicKeyInfo in
 * DER (RFC 5480, RFC 8410) is a fixed header for each scheme and then the key as MLS writes it, so the two are compared as
 * bytes, without parsing.
 */
import { concatBytes, equalBytes, fromHex } from '@dmls/crypto'

const ED25519 = '302a300506032b6570032100'
const ED448 = '3043300506032b6571033a00'
const P256 = '3059301306072a8648ce3d020106082a8648ce3d030107034200'
const P384 = '3076301006072a8648ce3d020106052b81040022036200'
const P521 = '30819b301006072a8648ce3d020106052b8104002303818600'

/** By cipher suite, RFC 9420 §17.1. */
const HEADERS: ReadonlyMap<number, string> = new Map([
  [1, ED25519],
  [2, P256],
  [3, ED25519],
  [4, ED448],
  [5, P521],
  [6, ED448],
  [7, P384],
])

/** Whether a SubjectPublicKeyInfo holds exactly this signature key of a cipher suite. */
export function isSubjectPublicKey(info: Uint8Array, cipherSuite: number, signatureKey: Uint8Array): boolean {
  const header = HEADERS.get(cipherSuite)
  return header !== undefined && equalBytes(info, concatBytes(fromHex(header), signatureKey))
}
