/**
 * Every secret that the clients of a story derive, and from what, written down while they run: a provider that watches one
 * client, and what all of them together have seen. It knows the labels of RFC 9420 and of the profile, and no rule: what may
 * still be there at some moment is said by `remains.ts`.
 */
import { type CipherSuite, type CryptoProvider, toHex } from '@dmls/crypto'
import { nodeProvider } from '@dmls/crypto/node'

/** A secret, or the public name of an epoch. */
interface Derived {
  /** Of ExpandWithLabel, without `MLS 1.0 `; `private key`, `extracted`, `given`. */
  readonly label: string
  /** What it was derived from by one step, hexadecimal: whoever has that has this. */
  readonly from: string | undefined
}

/** What one process of a client has made. */
export interface Watched {
  readonly provider: CryptoProvider
  /** Arrays that its cipher suite handed out, with the secret that was in each. */
  readonly handedOut: { readonly bytes: Uint8Array; readonly secret: string }[]
  /** Outputs of PPRFs, in order. */
  readonly initSecrets: string[]
  /** Keys that it encrypted with, in order. */
  readonly sealedWith: string[]
}

const PREFIX = 'MLS 1.0 '
/** Bytes by which a secret is looked up; what is shorter than a nonce is none. */
const LOOKED_UP = 6
const SECRET_SIZE_MIN = 12

export class Derivations {
  readonly #derived = new Map<string, Derived>()
  /** epoch_secret to dmls_epoch. */
  readonly #names = new Map<string, string>()
  /** Secrets by their first bytes. */
  readonly #index = new Map<number, string[]>()
  /** HPKE private keys to public ones. */
  readonly #publicKeys = new Map<string, string>()

  /** A provider for one process. */
  watch(): Watched {
    const watched = { handedOut: [], initSecrets: [], sealedWith: [] }
    const provider: CryptoProvider = {
      ...nodeProvider,
      cipherSuite: (id) => this.#watchSuite(nodeProvider.cipherSuite(id), watched),
    }
    return { provider, ...watched }
  }

  #watchSuite(suite: CipherSuite, watched: Omit<Watched, 'provider'>): CipherSuite {
    const keep = (bytes: Uint8Array, label: string, from?: string): string => {
      const secret = toHex(bytes)
      this.#note(secret, label, from)
      watched.handedOut.push({ bytes, secret })
      return secret
    }
    return {
      ...suite,
      extract: (salt, ikm) => {
        const extracted = suite.extract(salt, ikm)
        keep(extracted, 'extracted')
        return extracted
      },
      expand: (prk, info, length) => {
        const expanded = suite.expand(prk, info, length)
        const { label, hasContext } = readLabel(info)
        const from = toHex(prk)
        this.#note(from, 'given', undefined)
        // the name of an epoch is public
        if (label === 'epoch' && !hasContext) this.#names.set(from, toHex(expanded))
        else {
          const secret = keep(expanded, label, from)
          if (label === 'pprf') watched.initSecrets.push(secret)
        }
        return expanded
      },
      seal: (key, nonce, aad, plaintext) => {
        watched.sealedWith.push(toHex(key))
        return suite.seal(key, nonce, aad, plaintext)
      },
      hpkeOpen: async (...input) => {
        const opened = await suite.hpkeOpen(...input)
        // path secrets have that size, and GroupSecrets another
        if (opened.length === suite.hashSize) keep(opened, 'given')
        return opened
      },
      deriveHpkeKeyPair: async (ikm) => {
        const pair = await suite.deriveHpkeKeyPair(ikm)
        this.#note(toHex(ikm), 'given', undefined)
        this.#publicKeys.set(keep(pair.privateKey, 'private key', toHex(ikm)), toHex(pair.publicKey))
        return pair
      },
      generateHpkeKeyPair: async (random) => {
        const pair = await suite.generateHpkeKeyPair(random)
        this.#publicKeys.set(keep(pair.privateKey, 'private key'), toHex(pair.publicKey))
        return pair
      },
    }
  }

  #note(secret: string, label: string, from: string | undefined): void {
    const known = this.#derived.get(secret)
    // how it was derived may be seen after it was used
    if (known !== undefined && (known.label !== 'given' || label === 'given')) return
    this.#derived.set(secret, { label, from })
    if (known !== undefined || secret.length < 2 * SECRET_SIZE_MIN || isZero(secret)) return
    const start = Number.parseInt(secret.slice(0, 2 * LOOKED_UP), 16)
    const others = this.#index.get(start)
    if (others === undefined) this.#index.set(start, [secret])
    else others.push(secret)
  }

  /** The secrets that stand anywhere in some bytes. */
  standingIn(bytes: Uint8Array): ReadonlySet<string> {
    const found = new Set<string>()
    let start = 0
    for (const [i, byte] of bytes.entries()) {
      start = (start % 2 ** (8 * (LOOKED_UP - 1))) * 256 + byte
      const at = i + 1 - LOOKED_UP
      if (at < 0) continue
      for (const secret of this.#index.get(start) ?? []) {
        if (toHex(bytes.subarray(at, at + secret.length / 2)) === secret) found.add(secret)
      }
    }
    return found
  }

  labelOf(secret: string): string {
    return this.#derived.get(secret)?.label ?? 'unknown'
  }

  /** The secret and what it follows from, the nearest first, up to where an epoch begins. */
  *lineage(secret: string): Generator<string> {
    for (let at: string | undefined = secret; at !== undefined; at = this.#derived.get(at)?.from) {
      yield at
      if (this.#names.has(at)) return
    }
  }

  /** The dmls_epoch that an epoch_secret has. */
  nameOf(epochSecret: string): string | undefined {
    return this.#names.get(epochSecret)
  }

  publicKeyOf(privateKey: string): string | undefined {
    return this.#publicKeys.get(privateKey)
  }
}

/** Secrets that a process's cipher suite handed out and nobody has overwritten. */
export function leftOver({ handedOut }: Watched): ReadonlySet<string> {
  const left = handedOut.filter(({ bytes, secret }) => toHex(bytes) === secret)
  // what is overwritten stays overwritten
  handedOut.splice(0, handedOut.length, ...left)
  return new Set(left.map(({ secret }) => secret).filter((secret) => !isZero(secret)))
}

export function isZero(secret: string): boolean {
  return /^0*$/.test(secret)
}

/** RFC 9420 §8 `KDFLabel`. */
function readLabel(info: Uint8Array): { readonly label: string; readonly hasContext: boolean } {
  const size = info[2] as number
  const label = new TextDecoder().decode(info.subarray(3, 3 + size))
  if (!label.startsWith(PREFIX)) throw new Error(`no label: ${toHex(info)}`)
  return { label: label.slice(PREFIX.length), hasContext: info[3 + size] !== 0 }
}
