/**
 * Our own key packages: made with fresh keys, stored before anybody sees them, found again when a Welcome uses one.
 * A used one is kept until the epochs that it led into are stable, because a merge may invite the same instance again
 * (protocol §7.2); then its private keys go, or they would open the Welcome for ever. One that nobody used goes when its
 * lifetime is over.
 */
import { equalBytes, signerFromPrivateKey, toHex, wipe } from '@dmls/crypto'
import { type DmlsEpoch, dmlsEpoch, identifierBytes, leafOptions } from '@dmls/dmls'
import {
  createKeyPackage,
  decodeKeyPackage,
  decodeWhole,
  type Extension,
  encodeKeyPackage,
  type KeyPackage,
  type KeyPackageBundle,
  mlsMessageBytes,
  Writer,
} from '@dmls/mls'
import type { ClientContext } from './context.ts'
import type { SigningKey } from './group/group-records.ts'
import type { Pending } from './group/message-ledger.ts'
import { certifyGroupKey } from './identity.ts'
import type { Clock } from './ports.ts'
import { SerialQueue } from './serial-queue.ts'
import { KEY_PACKAGE_PREFIX, keyPackageKey } from './store-keys.ts'

/** A key package, its private keys, and the signature key of its leaf. Secret. */
export interface OwnKeyPackage {
  readonly bundle: KeyPackageBundle
  readonly signingKey: SigningKey
  /** `offered` to everybody; `returning`: for coming back to its group; `used` by a Welcome into its group. */
  readonly use: 'offered' | 'returning' | 'used'
  /** The group that it is for; undefined as long as it is offered. */
  readonly groupId: Uint8Array | undefined
  /** The epochs that Welcomes to it led into. */
  readonly entered: readonly DmlsEpoch[]
}

/** How long others may add us with one. */
const LIFETIME_SECONDS = 90n * 86_400n
/**
 * One is offered as long as a quarter of its lifetime is left, 22.5 days: time for whoever fetched it to add us, and for
 * the Welcome to reach us before the private keys are deleted.
 */
const OFFERED_SECONDS_MIN = LIFETIME_SECONDS / 4n
/** Clocks differ: a key package is good from an hour before it was made (RFC 9420 §7.2). */
const SKEW_SECONDS = 3600n

export class KeyPackages {
  readonly #context: ClientContext
  readonly #own = new Map<string, OwnKeyPackage>()
  /** Several may ask at once; one key package is made for them. */
  readonly #offers = new SerialQueue()

  private constructor(context: ClientContext) {
    this.#context = context
  }

  static async open(context: ClientContext): Promise<KeyPackages> {
    const keyPackages = new KeyPackages(context)
    for await (const [, value] of context.store.entries({ prefix: KEY_PACKAGE_PREFIX })) {
      const own = decodeOwn(value)
      wipe(value)
      keyPackages.#own.set(toHex(own.bundle.reference), own)
    }
    await keyPackages.#deleteExpired()
    return keyPackages
  }

  /** A fresh key package that may be offered, stored. */
  create(): Promise<OwnKeyPackage> {
    return this.#create({ use: 'offered', groupId: undefined, entered: [] }, [])
  }

  async createForReturn(groupId: Uint8Array, extensions: readonly Extension[]): Promise<KeyPackage> {
    const own = await this.#create({ use: 'returning', groupId, entered: [] }, extensions)
    return own.bundle.keyPackage
  }

  /** One for letting ourselves into a group. Not stored: {@link use} does that, with the group. */
  makeForEntry(groupId: Uint8Array): Promise<OwnKeyPackage> {
    return this.#make({ use: 'used', groupId, entered: [] }, [])
  }

  async #create(
    purpose: Pick<OwnKeyPackage, 'use' | 'groupId' | 'entered'>,
    keyPackageExtensions: readonly Extension[],
  ): Promise<OwnKeyPackage> {
    const own = await this.#make(purpose, keyPackageExtensions)
    const { reference } = own.bundle
    const value = encodeOwn(own)
    await this.#context.store.write([{ type: 'put', key: keyPackageKey(reference), value }])
    wipe(value)
    this.#own.set(toHex(reference), own)
    return own
  }

  async #make(
    purpose: Pick<OwnKeyPackage, 'use' | 'groupId' | 'entered'>,
    keyPackageExtensions: readonly Extension[],
  ): Promise<OwnKeyPackage> {
    const { suite, random, clock, identity } = this.#context
    const key = await suite.generateSignatureKeyPair(random)
    const signer = await signerFromPrivateKey(suite, key.privateKey)
    const now = secondsNow(clock)
    const bundle = await createKeyPackage(
      {
        suite,
        signer,
        lifetime: { notBefore: now - SKEW_SECONDS, notAfter: now + LIFETIME_SECONDS },
        keyPackageExtensions,
        ...leafOptions(suite, await certifyGroupKey(identity, key.publicKey)),
      },
      { random },
    )
    return { bundle, signingKey: key, ...purpose }
  }

  /** All that a Welcome may be for. */
  all(): readonly OwnKeyPackage[] {
    return [...this.#own.values()]
  }

  /** With a signature key of its own: the group that it leads into keeps that, whatever is wiped here. */
  find(reference: Uint8Array): OwnKeyPackage | undefined {
    const own = this.#own.get(toHex(reference))
    if (own === undefined) return undefined
    const { publicKey, privateKey } = own.signingKey
    return { ...own, signingKey: { publicKey, privateKey: privateKey.slice() } }
  }

  /** One that nobody used yet and that is good for a while, made if there is none. */
  offer(): Promise<OwnKeyPackage> {
    return this.#offers.run(async () => {
      await this.#deleteExpired()
      const leastEnd = secondsNow(this.#context.clock) + OFFERED_SECONDS_MIN
      const good = this.all().find((own) => own.use === 'offered' && lifetimeEnd(own.bundle.keyPackage) >= leastEnd)
      return good ?? this.create()
    })
  }

  /** Deletes those that nobody used in time: no Welcome can use them any more. */
  async #deleteExpired(): Promise<void> {
    const { operations, written } = this.#delete(this.#expired())
    if (operations.length === 0) return
    await this.#context.store.write(operations)
    written()
    // what cannot be forgotten now is forgotten with the next secrets that go
    await this.#context.store.forget().catch(() => undefined)
  }

  #expired(): readonly OwnKeyPackage[] {
    const now = secondsNow(this.#context.clock)
    return this.all().filter((own) => own.use === 'offered' && lifetimeEnd(own.bundle.keyPackage) < now)
  }

  /** What to write so that it is not offered again, and what to call once that is written. */
  use(own: OwnKeyPackage, groupId: Uint8Array, epoch: DmlsEpoch): Pending {
    const used: OwnKeyPackage = { ...own, use: 'used', groupId, entered: [...own.entered, epoch] }
    const { reference } = own.bundle
    let value: Uint8Array | undefined
    return {
      // encoded when it is to be written: of a Welcome that is not followed there is no copy
      get operations() {
        value ??= encodeOwn(used)
        return [{ type: 'put', key: keyPackageKey(reference), value }] as const
      },
      written: () => {
        this.#own.set(toHex(reference), used)
        if (value !== undefined) wipe(value)
      },
    }
  }

  /**
   * Deletes the key packages of a group that no Welcome can lead anywhere new with (RFC 9420 §10: the init key is
   * deleted): used ones, once no epoch that they led into can start a branch, and those with which we do not return any
   * more. With them go those of no group that nobody used in time.
   */
  release(
    groupId: Uint8Array,
    canStillFork: (epoch: DmlsEpoch) => boolean,
    mayReturnWith: (keyPackage: KeyPackage) => boolean,
  ): Pending {
    const over = this.all().filter((own) => {
      if (own.groupId === undefined || !equalBytes(own.groupId, groupId)) return false
      return own.use === 'used' ? !own.entered.some(canStillFork) : !mayReturnWith(own.bundle.keyPackage)
    })
    return this.#delete([...over, ...this.#expired()])
  }

  /** What to write so that key packages are gone, and what to call once that is written: it wipes their private keys. */
  #delete(over: readonly OwnKeyPackage[]): Pending {
    return {
      operations: over.map(({ bundle }) => ({ type: 'delete', key: keyPackageKey(bundle.reference) })),
      written: () => {
        for (const { bundle, signingKey, use } of over) {
          this.#own.delete(toHex(bundle.reference))
          wipe(bundle.initPrivateKey, bundle.encryptionPrivateKey)
          // the signature key of one that was used is the group's now
          if (use !== 'used') wipe(signingKey.privateKey)
        }
      },
    }
  }
}

/** Seconds since the Unix epoch, as lifetimes count them (RFC 9420 §7.2). */
export function secondsNow(clock: Clock): bigint {
  return BigInt(Math.floor(clock.nowMs() / 1000))
}

/** The last second of a key package's lifetime. */
export function lifetimeEnd({ leafNode: { source } }: KeyPackage): bigint {
  return source.leafNodeSource === 'key_package' ? source.lifetime.notAfter : 0n
}

/** The encoded MLSMessage that is handed to others. */
export function keyPackageMessage(own: OwnKeyPackage): Uint8Array {
  return mlsMessageBytes({ wireFormat: 'mls_key_package', keyPackage: own.bundle.keyPackage })
}

const USES = ['offered', 'returning', 'used'] as const

function encodeOwn({ bundle, signingKey, use, groupId, entered }: OwnKeyPackage): Uint8Array {
  const writer = new Writer()
  encodeKeyPackage(writer, bundle.keyPackage)
  return writer
    .opaque(bundle.reference)
    .opaque(bundle.initPrivateKey)
    .opaque(bundle.encryptionPrivateKey)
    .opaque(signingKey.publicKey)
    .opaque(signingKey.privateKey)
    .uint8(USES.indexOf(use))
    .optional(groupId, (w, id) => w.opaque(id))
    .vector(entered, (w, epoch) => w.opaque(identifierBytes(epoch)))
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
    use: USES[reader.uint8()] ?? 'used',
    groupId: reader.optional((r) => r.opaque()),
    entered: reader.vector((r) => dmlsEpoch(r.opaque())),
  }))
}
