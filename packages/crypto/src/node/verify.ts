/** Where signatures are verified: on the thread that asks, or, many at once, on the threads of libuv's pool. */

import { type KeyObject, verify } from 'node:crypto'

/** Whether a signature is valid; one that cannot be judged is not. Never rejects. `algorithm` is null for EdDSA. */
export type Verify = (
  algorithm: string | null,
  message: Uint8Array,
  publicKey: KeyObject,
  signature: Uint8Array,
) => Promise<boolean>

export interface Verifier {
  readonly verify: Verify
  /** See CipherSuite. */
  readonly verificationsAtOnce: number
}

export const onCaller: Verifier = { verify: (...args) => Promise.resolve(verdict(args)), verificationsAtOnce: 1 }

/** Fewer than this are verified sooner than they are handed over. */
const WORTH_THREADS_MIN = 4
/** So many are handed over while the caller prepares the next: the threads start before a large tree is read to its end. */
const HANDED_OVER_AT = 32
/** 15 ms of four threads with Ed25519: longer than the caller is busy with something else between two looks at them. */
const AT_ONCE = 1024

/** A signature to be verified, and who waits for the verdict. */
interface Waiting {
  readonly arguments: Parameters<Verify>
  readonly resolve: (isValid: boolean) => void
}

/**
 * Signatures that are asked for together, before any of them is awaited, go to the pool; one by itself, as a message has,
 * stays on the calling thread.
 */
export function onThreads(): Verifier {
  let waiting: Waiting[] = []
  function flush(): void {
    const together = waiting
    waiting = []
    const start = together.length < WORTH_THREADS_MIN ? startOnCaller : startOnThread
    for (const each of together) start(each)
  }
  const verifyTogether: Verify = (...args) =>
    new Promise((resolve) => {
      if (waiting.length === 0) queueMicrotask(flush)
      waiting.push({ arguments: args, resolve })
      if (waiting.length === HANDED_OVER_AT) flush()
    })
  return { verify: verifyTogether, verificationsAtOnce: AT_ONCE }
}

function verdict(args: Parameters<Verify>): boolean {
  try {
    return verify(...args)
  } catch {
    return false
  }
}

function startOnCaller({ arguments: args, resolve }: Waiting): void {
  resolve(verdict(args))
}

/** Node copies message and signature before it returns. */
function startOnThread({ arguments: [algorithm, message, publicKey, signature], resolve }: Waiting): void {
  try {
    verify(algorithm, message, publicKey, signature, (error, isValid) => {
      resolve(error ? false : isValid)
    })
  } catch {
    resolve(false)
  }
}
