/**
 * The primitives of suite 1 written straight on node:crypto, for one purpose: to know what one of each costs at least. No
 * checks, no abstraction, scratch memory at hand, the quickest call that was found for each. What no implementation behind
 * this library's interface can do is left out: results that are secrets never become strings, because nobody could
 * overwrite them, and private keys are imported anew each time, because nobody keeps them.
 */
import { Buffer } from 'node:buffer'
import * as nodeCrypto from 'node:crypto'
import {
  createCipheriv,
  createDecipheriv,
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  hash,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto'

interface NativeKem {
  encapsulate(key: KeyObject): { readonly sharedKey: Uint8Array; readonly ciphertext: Uint8Array }
  decapsulate(key: KeyObject, ciphertext: Uint8Array): Uint8Array
}
const kem = nodeCrypto as unknown as NativeKem

const PREFIX = {
  x25519Private: Buffer.from('302e020100300506032b656e04220420', 'hex'),
  x25519Public: Buffer.from('302a300506032b656e032100', 'hex'),
  ed25519Public: Buffer.from('302a300506032b6570032100', 'hex'),
}

export function importPrivate(key: Uint8Array): KeyObject {
  const body = Buffer.concat([PREFIX.x25519Private, key]).toString('base64')
  return createPrivateKey(`-----BEGIN PRIVATE KEY-----\n${body}\n-----END PRIVATE KEY-----`)
}

export function importHpkeKey(key: Uint8Array): KeyObject {
  const body = Buffer.concat([PREFIX.x25519Public, key]).toString('base64')
  return createPublicKey(`-----BEGIN PUBLIC KEY-----\n${body}\n-----END PUBLIC KEY-----`)
}

export function importSignatureKey(key: Uint8Array): KeyObject {
  const body = Buffer.concat([PREFIX.ed25519Public, key]).toString('base64')
  return createPublicKey(`-----BEGIN PUBLIC KEY-----\n${body}\n-----END PUBLIC KEY-----`)
}

export function publicKeyOf(privateKey: KeyObject): Uint8Array {
  return Buffer.from(createPublicKey(privateKey).export({ format: 'jwk' }).x as string, 'base64url')
}

/** Into a fresh array. */
export function sha256(data: Uint8Array): Uint8Array {
  const digest = new Uint8Array(32)
  const text = hash('sha256', data, 'binary')
  for (let i = 0; i < 32; i++) digest[i] = text.charCodeAt(i)
  return digest
}

const outer = new Uint8Array(96)
const inners = new Map<number, Uint8Array>()

/** HMAC under a key of 32 bytes. */
export function hmac(key: Uint8Array, message: Uint8Array): Uint8Array {
  let inner = inners.get(message.length)
  if (inner === undefined) {
    inner = new Uint8Array(64 + message.length)
    inners.set(message.length, inner)
  }
  for (let i = 0; i < 32; i++) {
    const byte = key[i] as number
    inner[i] = byte ^ 0x36
    outer[i] = byte ^ 0x5c
  }
  inner.fill(0x36, 32, 64)
  outer.fill(0x5c, 32, 64)
  inner.set(message, 64)
  const text = hash('sha256', inner, 'binary')
  for (let i = 0; i < 32; i++) outer[64 + i] = text.charCodeAt(i)
  return hash('sha256', outer, 'buffer')
}

const GCM = { authTagLength: 16 } as const

export function aeadSeal(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, plaintext: Uint8Array): Uint8Array {
  const cipher = createCipheriv('aes-128-gcm', createSecretKey(key), nonce, GCM)
  cipher.setAAD(aad)
  const sealed = new Uint8Array(plaintext.length + 16)
  sealed.set(cipher.update(plaintext))
  cipher.final()
  sealed.set(cipher.getAuthTag(), plaintext.length)
  return sealed
}

export function aeadOpen(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, sealed: Uint8Array): Uint8Array {
  const size = sealed.length - 16
  const decipher = createDecipheriv('aes-128-gcm', createSecretKey(key), nonce, GCM)
  decipher.setAAD(aad)
  decipher.setAuthTag(sealed.subarray(size))
  const plaintext = decipher.update(sealed.subarray(0, size))
  decipher.final()
  return plaintext
}

/** A private key from 32 random bytes, with its public key. */
export function hpkeKeyPair(random: Uint8Array): Uint8Array {
  return publicKeyOf(importPrivate(random))
}

const LABELLED = new Uint8Array(48)

/** RFC 9180 §7.1.3: two HMACs and the key pair. */
export function hpkeDerive(ikm: Uint8Array): Uint8Array {
  const prk = hmac(ikm, LABELLED)
  return hpkeKeyPair(hmac(prk, LABELLED))
}

/** RFC 9180 §5.1 after the KEM, the hash of the info apart: one extraction, a key and a nonce. */
function keySchedule(shared: Uint8Array): { readonly key: Uint8Array; readonly nonce: Uint8Array } {
  const secret = hmac(shared, LABELLED)
  return { key: hmac(secret, LABELLED).subarray(0, 16), nonce: hmac(secret, LABELLED).subarray(0, 12) }
}

const NOTHING = new Uint8Array(0)

/** To a key that is imported already. */
export function hpkeSeal(
  recipient: KeyObject,
  plaintext: Uint8Array,
): { kemOutput: Uint8Array; ciphertext: Uint8Array } {
  const { sharedKey, ciphertext } = kem.encapsulate(recipient)
  const { key, nonce } = keySchedule(sharedKey)
  return { kemOutput: ciphertext, ciphertext: aeadSeal(key, nonce, NOTHING, plaintext) }
}

export function hpkeOpen(privateKey: Uint8Array, kemOutput: Uint8Array, ciphertext: Uint8Array): Uint8Array {
  const shared = kem.decapsulate(importPrivate(privateKey), kemOutput)
  const { key, nonce } = keySchedule(shared)
  return aeadOpen(key, nonce, NOTHING, ciphertext)
}

export function ed25519Sign(key: KeyObject, message: Uint8Array): Uint8Array {
  return sign(null, message, key)
}

export function ed25519Verify(key: KeyObject, message: Uint8Array, signature: Uint8Array): boolean {
  return verify(null, message, key, signature)
}

/** All at once on libuv's threads. */
export function ed25519VerifyAll(
  key: KeyObject,
  messages: readonly Uint8Array[],
  signatures: readonly Uint8Array[],
): Promise<boolean[]> {
  return Promise.all(
    messages.map(
      (message, i) =>
        new Promise<boolean>((resolve, reject) => {
          verify(null, message, key, signatures[i] as Uint8Array, (error, valid) => {
            if (error) reject(error)
            else resolve(valid)
          })
        }),
    ),
  )
}
