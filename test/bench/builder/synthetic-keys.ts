/**
 * Keys of members that exist only as leaves of a large tree: made from a label and a number, so that nothing has to be
 * kept, and with node:crypto directly, because a tree of 100 000 leaves needs as many signatures.
 */
import { Buffer } from 'node:buffer'
import { createPrivateKey, createPublicKey, hash, type KeyObject, sign } from 'node:crypto'
import type { Signer } from '@dmls/crypto'

const ED25519_PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex')

/** 32 bytes that depend on a label and a number only. Any such string is a public key of X25519. */
export function syntheticBytes(label: string, number: number): Uint8Array {
  return new Uint8Array(hash('sha256', `${label} ${number}`, 'buffer'))
}

export interface SyntheticSigner {
  readonly publicKey: Uint8Array
  sign(message: Uint8Array): Uint8Array
}

/** The Ed25519 key of one synthetic member. */
export function syntheticSigner(label: string, number: number): SyntheticSigner {
  const der = Buffer.concat([ED25519_PKCS8, syntheticBytes(`${label} signature key`, number)])
  const key: KeyObject = createPrivateKey(
    `-----BEGIN PRIVATE KEY-----\n${der.toString('base64')}\n-----END PRIVATE KEY-----`,
  )
  const { x } = createPublicKey(key).export({ format: 'jwk' })
  return {
    publicKey: Uint8Array.from(Buffer.from(x as string, 'base64url')),
    sign: (message) => Uint8Array.from(sign(null, message, key)),
  }
}

/** The same as a {@link Signer} of the library. */
export function asSigner(signer: SyntheticSigner): Signer {
  return { publicKey: signer.publicKey, sign: async (message) => signer.sign(message) }
}
