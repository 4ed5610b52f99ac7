/**
 * Our own key packages: made with fresh keys, stored before anybody sees them, found again when a Welcome uses one.
 * A used one is kept until its epoch is stable, because a merge may invite the same instance again (protocol §7.2).
 */
import { signerFromPrivateKey, toHex } from '@dmls/crypto'
import { leafOptions } from '@dmls/dmls'
import {
  createKeyPackage,
  decodeKeyPackage,
  decodeWhole,
  encodeKeyPackage,
  type KeyPackageBundle,
  mlsMessageBytes,
  Writer,
} from '@dmls/mls'
import type { ClientContext } from './context.ts'
import type { SigningKey } from './group/group-records.ts'
import { certifyGroupKey } from './identity.ts'
import type { StoreOperation } from './ports.ts'
import { KEY_PACKAGE_PREFIX, keyPackageKey } from './store-keys.ts'

/** A key package, its private keys, and the signature key of its leaf. Secret. */
export interface OwnKeyPackage {
  readonly bundle: KeyPackageBundle
  readonly signingKey: SigningKey
  /** Whether a Welcome used it already: it is not offered any more. */
  readonly used: boolean
}

/** How long others may add us with one. */
const LIFETIME_SECONDS = 90n * 86_400n
/** Clocks differ: a key package is good from an hour before it was made (RFC 9420 §7.2). */
const SKEW_SECONDS = 3600n

export class KeyPackages {
  readonly #context: ClientContext
  readonly #own = new Map<string, OwnKeyPackage>()

  private constructor(context: ClientContext) {
    this.#context = context
  }

  static async open(context: ClientContext): Promise<KeyPackages> {
    const keyPackages = new KeyPackages(context)
    for await (const [, value] of context.store.entries({ prefix: KEY_PACKAGE_PREFIX })) {
      const own = decodeOwn(value)
      keyPackages.#own.set(toHex(own.bundle.reference), own)
    }
    return keyPackages
  }

  /** A fresh key package, stored. */
  async create(): Promise<OwnKeyPackage> {
    const { suite, random, clock, store, identity } = this.#context
    const key = await suite.generateSignatureKeyPair(random)
    const signer = await signerFromPrivateKey(suite, key.privateKey)
    const now = BigInt(Math.floor(clock.nowMs() / 1000))
    const bundle = await createKeyPackage(
      {
        suite,
        signer,
        lifetime: { notBefore: now - SKEW_SECONDS, notAfter: now + LIFETIME_SECONDS },
        ...leafOptions(suite, await certifyGroupKey(identity, key.publicKey)),
      },
      { random },
    )
    const own: OwnKeyPackage = { bundle, signingKey: key, used: false }
    await store.write([{ type: 'put', key: keyPackageKey(bundle.reference), value: encodeOwn(own) }])
    this.#own.set(toHex(bundle.reference), own)
    return own
  }

  /** All that a Welcome may be for. */
  all(): readonly OwnKeyPackage[] {
    return [...this.#own.values()]
  }

  find(reference: Uint8Array): OwnKeyPackage | undefined {
    return this.#own.get(toHex(reference))
  }

  /** One that nobody used yet, made if there is none. */
  async offer(): Promise<OwnKeyPackage> {
    return this.all().find((own) => !own.used) ?? (await this.create())
  }

  /** What to write so that it is not offered again, and what to call once that is written. */
  use(own: OwnKeyPackage): { readonly operations: readonly StoreOperation[]; readonly written: () => void } {
    const used: OwnKeyPackage = { ...own, used: true }
    return {
      operations: [{ type: 'put', key: keyPackageKey(own.bundle.reference), value: encodeOwn(used) }],
      written: () => {
        this.#own.set(toHex(own.bundle.reference), used)
      },
    }
  }
}

/** The encoded MLSMessage that is handed to others. */
export function keyPackageMessage(own: OwnKeyPackage): Uint8Array {
  return mlsMessageBytes({ wireFormat: 'mls_key_package', keyPackage: own.bundle.keyPackage })
}

function encodeOwn({ bundle, signingKey, used }: OwnKeyPackage): Uint8Array {
  const writer = new Writer()
  encodeKeyPackage(writer, bundle.keyPackage)
  return writer
    .opaque(bundle.reference)
    .opaque(bundle.initPrivateKey)
    .opaque(bundle.encryptionPrivateKey)
    .opaque(signingKey.publicKey)
    .opaque(signingKey.privateKey)
    .uint8(used ? 1 : 0)
    .finish()
}

function decodeOwn(bytes: Uint8Array): OwnKeyPackage {
  return decodeWhole(bytes, (reader) => ({
    bundle: {
      keyPackage: decodeKeyPackage(reader),
      reference: reader.opaque(),
      initPrivateKey: reader.opaque(),
      encryptionPrivateKey: reader.opaque(),
    },
    signingKey: { publicKey: reader.opaque(), privateKey: reader.opaque() },
    used: reader.uint8() === 1,
  }))
}
