/** Where signatures are verified: on the thread that asks, or, many at once, on the threads of libuv's pool. */

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
const verifyOnThread: Verify = (algorithm, message, publicKey, signature) =>
  new Promise((resolve, reject) => {
    verify(algorithm, message, publicKey, signature, (error, isValid) => {
      if (error) reject(error)
      else resolve(isValid)
    })
  })

/** Fewer than this are verified sooner than they are handed over. */
const WORTH_THREADS_MIN = 4

/**
 * Signatures that are asked for together, before any of them is awaited, go to the pool; one by itself, as a message has,
 * stays on the calling thread.
 */
export function verifyOnThreads(): Verify {
  let waiting: ((where: Verify) => void)[] = []
  function flush(): void {
    const together = waiting
    waiting = []
    const where = together.length < WORTH_THREADS_MIN ? verifyOnCaller : verifyOnThread
    for (const start of together) start(where)
  }
  return (algorithm, message, publicKey, signature) =>
    new Promise((resolve, reject) => {
      if (waiting.length === 0) queueMicrotask(flush)
      waiting.push((where) => {
        try {
          resolve(where(algorithm, message, publicKey, signature))
        } catch (error) {
          reject(error as Error)
        }
      })
    })
}
