/** This library, with any of its providers and in plain MLS or the decentralized profile's key schedule. */
import { type CipherSuite, type Signer, systemRandom, utf8, wipe } from '@dmls/crypto'
import {
  createCommit,
  createGroup,
  createKeyPackage,
  decodeMlsMessage,
  type GroupState,
  joinGroup,
  type KeyPackageBundle,
  mlsMessageBytes,
  type Profile,
  processMessage,
  protectApplication,
  wipeGroupState,
} from '@dmls/mls'
import { LIFETIME, readKeyPackage, services } from '../builder/warm-group.ts'
import type { BenchLibrary, BenchMember, Computed, MadeCommit } from './library.ts'

export interface DmlsLibraryOptions extends Omit<BenchLibrary, 'member'> {
  readonly profile: Profile
  /** Called for each member: a suite whose caches are its own. */
  readonly newSuite: () => CipherSuite
}

export function dmlsLibrary({ newSuite, profile, ...options }: DmlsLibraryOptions): BenchLibrary {
  return { ...options, member: (name) => DmlsMember.of(name, newSuite, profile) }
}

export class DmlsMember implements BenchMember {
  suite: CipherSuite
  readonly #newSuite: () => CipherSuite
  readonly #name: string
  readonly #profile: Profile
  readonly #signer: Signer
  readonly #bundles: KeyPackageBundle[] = []
  #state: GroupState | undefined

  private constructor(name: string, newSuite: () => CipherSuite, suite: CipherSuite, profile: Profile, signer: Signer) {
    this.#name = name
    this.#newSuite = newSuite
    this.suite = suite
    this.#profile = profile
    this.#signer = signer
  }

  static async of(name: string, newSuite: () => CipherSuite, profile: Profile): Promise<DmlsMember> {
    const suite = newSuite()
    const { privateKey } = await suite.generateSignatureKeyPair(systemRandom)
    return new DmlsMember(name, newSuite, suite, profile, await suite.importSigner(privateKey))
  }

  get state(): GroupState {
    if (this.#state === undefined) throw new Error(`${this.#name} is in no group`)
    return this.#state
  }

  get #leaf(): { readonly credential: { readonly credentialType: 'basic'; readonly identity: Uint8Array } } {
    return { credential: { credentialType: 'basic', identity: utf8(this.#name) } }
  }

  async keyPackage(): Promise<Uint8Array> {
    const { suite } = this
    const options = { suite, signer: this.#signer, lifetime: LIFETIME, ...this.#leaf, grease: 'omit' } as const
    const bundle = await createKeyPackage(options, services)
    this.#bundles.push(bundle)
    return mlsMessageBytes({ wireFormat: 'mls_key_package', keyPackage: bundle.keyPackage })
  }

  async create(groupId: Uint8Array): Promise<void> {
    const leaf = this.#leaf
    const options = {
      profile: this.#profile,
      suite: this.suite,
      groupId,
      signer: this.#signer,
      leaf,
      lifetime: LIFETIME,
    }
    this.#state = await createGroup(options, services)
  }

  async commit(keyPackages: readonly Uint8Array[]): Promise<MadeCommit> {
    const proposals = keyPackages.map((bytes) => ({ proposalType: 'add', keyPackage: readKeyPackage(bytes) }) as const)
    const made = await createCommit(this.state, { signer: this.#signer, proposals }, services)
    return {
      commit: mlsMessageBytes(made.message),
      welcome: made.welcome && mlsMessageBytes(made.welcome),
      take: () => this.#move(made.child, made.parent),
    }
  }

  forgetCaches(): void {
    this.suite = this.#newSuite()
  }

  async join(welcome: Uint8Array): Promise<Computed> {
    const message = decodeMlsMessage(welcome)
    if (message.wireFormat !== 'mls_welcome') throw new Error('not a Welcome')
    const { suite } = this
    const options = { profile: this.#profile, suite, welcome: message.welcome, keyPackages: this.#bundles }
    const { state } = await joinGroup(options, services)
    return { take: () => this.#move(state, this.#state) }
  }

  async process(commit: Uint8Array): Promise<Computed> {
    const processed = await processMessage(this.state, decodeMlsMessage(commit), services)
    if (processed.kind !== 'commit' || processed.child === undefined) throw new Error('not a commit for us')
    const { child, parent } = processed
    return { take: () => this.#move(child, parent) }
  }

  async encrypt(data: Uint8Array): Promise<Uint8Array> {
    const sent = await protectApplication(this.state, data, { signer: this.#signer }, services)
    this.#state = sent.state
    wipe(...sent.superseded)
    return mlsMessageBytes(sent.message)
  }

  async decrypt(message: Uint8Array): Promise<Uint8Array> {
    const processed = await processMessage(this.state, decodeMlsMessage(message), services)
    if (processed.kind !== 'application') throw new Error('not an application message')
    this.#state = processed.state
    wipe(...processed.superseded)
    return processed.applicationData
  }

  #move(child: GroupState, parent: GroupState | undefined): void {
    this.#state = child
    if (parent !== undefined) wipeGroupState(parent)
  }
}
