/** AES-GCM and ChaCha20-Poly1305 by @noble/ciphers. */

import { gcm } from '@noble/ciphers/aes.js'
import { chacha20poly1305 } from '@noble/ciphers/chacha.js'
import { guarded, requireAeadSizes, requireTag } from '../checks.ts'
import type { Aead } from '../primitives.ts'
import { AEAD, type AeadName } from '../suite-table.ts'

export function nobleAead(name: AeadName): Aead {
  const { keySize } = AEAD[name]
  const cipher = name === 'ChaCha20-Poly1305' ? chacha20poly1305 : gcm
  return {
    keySize,
    seal(key, nonce, aad, plaintext) {
      requireAeadSizes(key, keySize, nonce)
      return guarded('provider_failed', 'AEAD seal failed', () => cipher(key, nonce, aad).encrypt(plaintext))
    },
    open(key, nonce, aad, ciphertext) {
      requireAeadSizes(key, keySize, nonce)
      requireTag(ciphertext)
      return guarded('open_failed', 'the tag does not fit', () => cipher(key, nonce, aad).decrypt(ciphertext))
    },
  }
}
