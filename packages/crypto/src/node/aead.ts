/** AES-GCM and ChaCha20-Poly1305 by node:crypto. Keys go in as KeyObjects, see hash.ts. */

import {
  type CipherChaCha20Poly1305,
  type CipherGCM,
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  type DecipherChaCha20Poly1305,
  type DecipherGCM,
} from 'node:crypto'
import { guarded, requireAeadSizes, requireTag } from '../checks.ts'
import type { Aead } from '../primitives.ts'
import { AEAD, type AeadName, TAG_SIZE } from '../suite-table.ts'
import { plain } from './buffers.ts'
import './kept-shapes.ts'

const OPTIONS = { authTagLength: TAG_SIZE } as const

export function nodeAead(name: AeadName): Aead {
  const { keySize } = AEAD[name]
  return {
    keySize,
    seal(key, nonce, aad, plaintext) {
      requireAeadSizes(key, keySize, nonce)
      return guarded('provider_failed', 'AEAD seal failed', () => {
        const cipher = encryptor(name, key, nonce)
        cipher.setAAD(aad, { plaintextLength: plaintext.length })
        const sealed = new Uint8Array(plaintext.length + TAG_SIZE)
        sealed.set(cipher.update(plaintext))
        cipher.final()
        sealed.set(cipher.getAuthTag(), plaintext.length)
        return sealed
      })
    },
    open(key, nonce, aad, ciphertext) {
      requireAeadSizes(key, keySize, nonce)
      requireTag(ciphertext)
      return guarded('open_failed', 'the tag does not fit', () => {
        const size = ciphertext.length - TAG_SIZE
        const decipher = decryptor(name, key, nonce)
        decipher.setAAD(aad, { plaintextLength: size })
        decipher.setAuthTag(ciphertext.subarray(size))
        const plaintext = decipher.update(ciphertext.subarray(0, size))
        try {
          decipher.final()
        } catch (error) {
          plaintext.fill(0)
          throw error
        }
        return plain(plaintext)
      })
    },
  }
}

function encryptor(name: AeadName, key: Uint8Array, nonce: Uint8Array): CipherGCM | CipherChaCha20Poly1305 {
  switch (name) {
    case 'AES-128-GCM':
      return createCipheriv('aes-128-gcm', createSecretKey(key), nonce, OPTIONS)
    case 'AES-256-GCM':
      return createCipheriv('aes-256-gcm', createSecretKey(key), nonce, OPTIONS)
    case 'ChaCha20-Poly1305':
      return createCipheriv('chacha20-poly1305', createSecretKey(key), nonce, OPTIONS)
  }
}

function decryptor(name: AeadName, key: Uint8Array, nonce: Uint8Array): DecipherGCM | DecipherChaCha20Poly1305 {
  switch (name) {
    case 'AES-128-GCM':
      return createDecipheriv('aes-128-gcm', createSecretKey(key), nonce, OPTIONS)
    case 'AES-256-GCM':
      return createDecipheriv('aes-256-gcm', createSecretKey(key), nonce, OPTIONS)
    case 'ChaCha20-Poly1305':
      return createDecipheriv('chacha20-poly1305', createSecretKey(key), nonce, OPTIONS)
  }
}
