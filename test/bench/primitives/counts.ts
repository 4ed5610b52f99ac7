/** Counting what a cipher suite is asked to do, so that a result can be held against the cost of the cryptography in it. */
import { type CipherSuite, type Signer, toHex } from '@dmls/crypto'

/** What is counted. Operations over data of any length have a length beside the number of calls. */
export const PRIMITIVES = [
  'hash',
  'hmac',
  'aeadSeal',
  'aeadOpen',
  'hpkeKeyPair',
  'hpkeDerive',
  'hpkeSeal',
  'hpkeOpen',
  'sign',
  'verify',
  /** The first use of an X25519 or Ed25519 public key by this suite: later uses find the imported form. */
  'importHpkeKey',
  'importSignatureKey',
] as const
export type Primitive = (typeof PRIMITIVES)[number]

export interface Count {
  readonly calls: number
  /** Of the data, in total. */
  readonly bytes: number
}
/** Bytes of one call, in the mean. */
export function meanLength({ calls, bytes }: Count): number {
  return calls === 0 ? 0 : Math.round(bytes / calls)
}

export type Counts = Readonly<Record<Primitive, Count>>

type Tally = Record<Primitive, { calls: number; bytes: number }>

function emptyTally(): Tally {
  return Object.fromEntries(PRIMITIVES.map((primitive) => [primitive, { calls: 0, bytes: 0 }])) as Tally
}

export class Counter {
  #tally = emptyTally()
  readonly #seen = new Set<string>()

  note(primitive: Primitive, bytes = 0): void {
    const count = this.#tally[primitive]
    count.calls += 1
    count.bytes += bytes
  }

  /** A public key that may have to be imported. */
  noteKey(primitive: 'importHpkeKey' | 'importSignatureKey', publicKey: Uint8Array): void {
    const name = primitive + toHex(publicKey)
    if (this.#seen.has(name)) return
    this.#seen.add(name)
    this.note(primitive)
  }

  /** What was counted since the last call. */
  take(): Counts {
    const taken = this.#tally
    this.#tally = emptyTally()
    return taken
  }
}

/** The mean of several counts. */
export function meanCounts(all: readonly Counts[]): Counts {
  const mean = emptyTally()
  for (const counts of all) {
    for (const primitive of PRIMITIVES) {
      mean[primitive].calls += counts[primitive].calls / all.length
      mean[primitive].bytes += counts[primitive].bytes / all.length
    }
  }
  return mean
}

/** A suite that counts. HPKE counts as one operation each, whatever is inside, but for the hash of the info. */
export function countingSuite(suite: CipherSuite, counter: Counter): CipherSuite {
  const counted = (signer: Signer): Signer => ({
    publicKey: signer.publicKey,
    sign: (message) => {
      counter.note('sign', message.length)
      return signer.sign(message)
    },
  })
  return {
    ...suite,
    hash: (data) => {
      counter.note('hash', data.length)
      return suite.hash(data)
    },
    mac: (key, data) => {
      counter.note('hmac', data.length)
      return suite.mac(key, data)
    },
    extract: (salt, ikm) => {
      counter.note('hmac', ikm.length)
      return suite.extract(salt, ikm)
    },
    expand: (prk, info, length) => {
      const blocks = Math.ceil(length / suite.hashSize)
      for (let i = 0; i < blocks; i++) counter.note('hmac', info.length + 1 + (i === 0 ? 0 : suite.hashSize))
      return suite.expand(prk, info, length)
    },
    seal: (key, nonce, aad, plaintext) => {
      counter.note('aeadSeal', aad.length + plaintext.length)
      return suite.seal(key, nonce, aad, plaintext)
    },
    open: (key, nonce, aad, ciphertext) => {
      counter.note('aeadOpen', aad.length + ciphertext.length)
      return suite.open(key, nonce, aad, ciphertext)
    },
    generateHpkeKeyPair: (random) => {
      counter.note('hpkeKeyPair')
      return suite.generateHpkeKeyPair(random)
    },
    deriveHpkeKeyPair: (ikm) => {
      counter.note('hpkeDerive')
      return suite.deriveHpkeKeyPair(ikm)
    },
    hpkeSeal: (publicKey, info, aad, plaintext, random) => {
      counter.note('hmac', info.length)
      counter.note('hpkeSeal', plaintext.length)
      counter.noteKey('importHpkeKey', publicKey)
      return suite.hpkeSeal(publicKey, info, aad, plaintext, random)
    },
    hpkeSealAll: (sealings, info, aad, random) => {
      counter.note('hmac', info.length)
      for (const { publicKey, plaintext } of sealings) {
        counter.note('hpkeSeal', plaintext.length)
        counter.noteKey('importHpkeKey', publicKey)
      }
      return suite.hpkeSealAll(sealings, info, aad, random)
    },
    hpkeOpen: (privateKey, ciphertext, info, aad) => {
      counter.note('hmac', info.length)
      counter.note('hpkeOpen', ciphertext.ciphertext.length)
      return suite.hpkeOpen(privateKey, ciphertext, info, aad)
    },
    importSigner: async (privateKey) => counted(await suite.importSigner(privateKey)),
    sign: (privateKey, message) => {
      counter.note('sign', message.length)
      return suite.sign(privateKey, message)
    },
    verify: (publicKey, message, signature) => {
      counter.note('verify', message.length)
      counter.noteKey('importSignatureKey', publicKey)
      return suite.verify(publicKey, message, signature)
    },
  }
}
