/**
 * The floor of an operation, measured: as many of the same primitives as were counted in it, on inputs of the same mean
 * length, run bare and timed right after the operation. So both see the same machine in the same mood, and a sum of costs
 * that were each measured in a hot loop of their own does not flatter the floor.
 *
 * Signatures that the operation verifies side by side are verified side by side here.
 */
import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto'
import { timed } from '../sampling.ts'
import { type Counts, meanLength, type Primitive } from './counts.ts'
import * as native from './native.ts'

/** Whether signatures are verified by this thread or by all of libuv's. */
export type Verification = 'one by one' | 'side by side'

const VARIANTS = 16

function fresh(size: number): Uint8Array {
  return new Uint8Array(randomBytes(size))
}

function variants<T>(make: () => T): (i: number) => T {
  const made = Array.from({ length: VARIANTS }, make)
  return (i) => made[i % VARIANTS] as T
}

/** Keeps results alive, so that no call is left out by the compiler. */
let sink: unknown

export class Floor {
  readonly #steps: readonly { readonly times: number; readonly run: (i: number) => unknown }[]
  readonly #verification: (() => Promise<unknown>) | undefined

  constructor(counts: Counts, verification: Verification) {
    const times = (primitive: Primitive): number => Math.round(counts[primitive].calls)
    const meanSize = (primitive: Primitive): number => meanLength(counts[primitive])
    const key = variants(() => fresh(32))
    const aeadKey = fresh(16)
    const nonce = fresh(12)
    const nothing = fresh(0)
    const toHash = fresh(meanSize('hash'))
    const toMac = fresh(meanSize('hmac'))
    const toSeal = fresh(meanSize('aeadSeal'))
    const toOpen = native.aeadSeal(aeadKey, nonce, nothing, fresh(Math.max(0, meanSize('aeadOpen') - 16)))
    const receiver = fresh(32)
    const receiverKey = native.importHpkeKey(native.hpkeKeyPair(receiver))
    const hpkeKeys = variants(() => native.hpkeKeyPair(fresh(32)))
    const recipients = variants(() => native.importHpkeKey(native.hpkeKeyPair(fresh(32))))
    const plaintext = fresh(meanSize('hpkeSeal'))
    const sealed = variants(() => native.hpkeSeal(receiverKey, fresh(Math.max(0, meanSize('hpkeOpen') - 16))))
    const { privateKey, publicKey } = generateKeyPairSync('ed25519')
    const signatureKeys = variants(() => native.publicKeyOf(generateKeyPairSync('ed25519').privateKey))
    const toSign = fresh(meanSize('sign'))
    const toVerify = fresh(meanSize('verify'))
    const signature = native.ed25519Sign(privateKey, toVerify)
    const together = verification === 'side by side'
    this.#verification = together ? verifyAll(privateKey, publicKey, times('verify'), meanSize('verify')) : undefined
    this.#steps = [
      { times: times('importSignatureKey'), run: (i) => native.importSignatureKey(signatureKeys(i)) },
      { times: together ? 0 : times('verify'), run: () => native.ed25519Verify(publicKey, toVerify, signature) },
      { times: times('aeadOpen'), run: () => native.aeadOpen(aeadKey, nonce, nothing, toOpen) },
      { times: times('hmac'), run: (i) => native.hmac(key(i), toMac) },
      { times: times('hash'), run: () => native.sha256(toHash) },
      { times: times('hpkeKeyPair'), run: (i) => native.hpkeKeyPair(key(i)) },
      { times: times('hpkeDerive'), run: (i) => native.hpkeDerive(key(i)) },
      { times: times('hpkeOpen'), run: (i) => native.hpkeOpen(receiver, sealed(i).kemOutput, sealed(i).ciphertext) },
      { times: times('importHpkeKey'), run: (i) => native.importHpkeKey(hpkeKeys(i)) },
      { times: times('hpkeSeal'), run: (i) => native.hpkeSeal(recipients(i), plaintext) },
      { times: times('sign'), run: () => native.ed25519Sign(privateKey, toSign) },
      { times: times('aeadSeal'), run: () => native.aeadSeal(aeadKey, nonce, nothing, toSeal) },
    ]
  }

  /** Milliseconds. */
  async measure(): Promise<number> {
    const { ms } = await timed(() => this.#run())
    if (sink === undefined) throw new Error('nothing was measured')
    return ms
  }

  async #run(): Promise<void> {
    for (const { times, run } of this.#steps) for (let i = 0; i < times; i++) sink = run(i)
    await this.#verification?.()
  }
}

function verifyAll(privateKey: KeyObject, publicKey: KeyObject, count: number, size: number): () => Promise<unknown> {
  const messages = Array.from({ length: count }, () => fresh(size))
  const signatures = messages.map((message) => native.ed25519Sign(privateKey, message))
  return () => native.ed25519VerifyAll(publicKey, messages, signatures)
}
