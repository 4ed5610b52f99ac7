/** Where signatures are verified: on the thread that asks, or on the threads of libuv's pool. */

import { type KeyObject, verify } from 'node:crypto'

/** The verdict on a signature; throws or rejects if there is none. `algorithm` is null for EdDSA. */
export type Verify = (
  algorithm: string | null,
  message: Uint8Array,
  publicKey: KeyObject,
  signature: Uint8Array,
) => boolean | Promise<boolean>

export const verifyOnCaller: Verify = verify

/** Node copies message and signature before it returns. */
export const verifyOnThreads: Verify = (algorithm, message, publicKey, signature) =>
  new Promise((resolve, reject) => {
    verify(algorithm, message, publicKey, signature, (error, isValid) => {
      if (error) reject(error)
      else resolve(isValid)
    })
  })
