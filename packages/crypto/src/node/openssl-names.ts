/** How OpenSSL calls the NIST curves and the hash functions. */

import type { HashName, NistCurveName } from '../suite-table.ts'

export const OPENSSL_CURVE: Readonly<Record<NistCurveName, string>> = {
  'P-256': 'prime256v1',
  'P-384': 'secp384r1',
  'P-521': 'secp521r1',
}

export const OPENSSL_HASH: Readonly<Record<HashName, string>> = {
  'SHA-256': 'sha256',
  'SHA-384': 'sha384',
  'SHA-512': 'sha512',
}
