/** Where signatures are verified: on the thread that asks, or, many at once, on the threads of libuv's pool. */

import { type KeyObject, verify } from 'node:crypto'

/** The verdict on a signature; throws or rejects if there is none. `algorithm` is null for EdDSA. */
export type Verify = (
  algorithm: string | null,
  message: Uint8Array,
  publicKey: KeyObject,
  signature: Uint8Array,
) => boolean | Promise<boolean>

export interface Verifier {
  readonly verify: Verify
  /** See CipherSuite. */
  readonly verificationsAtOnce: number
}

export const onCaller: Verifier = { verify, verificationsAtOnce: 1 }

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
/** 15 ms of four threads with Ed25519: longer than the caller is busy with something else between two looks at them. */
const AT_ONCE = 1024

/**
 * Signatures that are asked for together, before any of them is awaited, go to the pool; one by itself, as a message has,
 * stays on the calling thread.
 */
export function onThreads(): Verifier {
  let waiting: ((where: Verify) => void)[] = []
  function flush(): void {
    const together = waiting
    waiting = []
    const where = together.length < WORTH_THREADS_MIN ? verify : verifyOnThread
    for (const start of together) start(where)
  }
  const verifyTogether: Verify = (algorithm, message, publicKey, signature) =>
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
  return { verify: verifyTogether, verificationsAtOnce: AT_ONCE }
}
