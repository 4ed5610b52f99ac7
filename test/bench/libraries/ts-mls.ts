/** `ts-mls` 1.6.4 with its default provider, which is WebCrypto. */
import { utf8 } from '@dmls/crypto'
import {
  type CiphersuiteImpl,
  type ClientState,
  createApplicationMessage,
  createCommit,
  createGroup,
  decodeMlsMessage,
  defaultCapabilities,
  emptyPskIndex,
  encodeMlsMessage,
  generateKeyPackage,
  getCiphersuiteFromName,
  getCiphersuiteImpl,
  joinGroup,
  type KeyPackage,
  type MLSMessage,
  type PrivateKeyPackage,
  processPrivateMessage,
} from 'ts-mls'
import { LIFETIME } from '../builder/warm-group.ts'
import type { BenchLibrary, BenchMember, Computed, MadeCommit } from './library.ts'

const SUITE = 'MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519'

/** At 10 000 members the stack overflows: its encoder of vectors calls itself once for each element. */
const SIZE_MAX = 1000

export function tsMlsLibrary(): BenchLibrary {
  return {
    name: 'ts-mls 1.6.4',
    repeats: 1,
    foundings: 1,
    sizeMax: SIZE_MAX,
    bareSizeMax: SIZE_MAX,
    member: async (name) => new TsMlsMember(name, await getCiphersuiteImpl(getCiphersuiteFromName(SUITE))),
  }
}

class TsMlsMember implements BenchMember {
  readonly #name: string
  readonly #impl: CiphersuiteImpl
  #bundle: { readonly publicPackage: KeyPackage; readonly privatePackage: PrivateKeyPackage } | undefined
  #state: ClientState | undefined

  constructor(name: string, impl: CiphersuiteImpl) {
    this.#name = name
    this.#impl = impl
  }

  get #current(): ClientState {
    if (this.#state === undefined) throw new Error(`${this.#name} is in no group`)
    return this.#state
  }

  async #newBundle(): Promise<{ readonly publicPackage: KeyPackage; readonly privatePackage: PrivateKeyPackage }> {
    const credential = { credentialType: 'basic', identity: utf8(this.#name) } as const
    return generateKeyPackage(credential, defaultCapabilities(), LIFETIME, [], this.#impl)
  }

  async keyPackage(): Promise<Uint8Array> {
    this.#bundle = await this.#newBundle()
    return encodeMlsMessage({
      version: 'mls10',
      wireformat: 'mls_key_package',
      keyPackage: this.#bundle.publicPackage,
    })
  }

  async create(groupId: Uint8Array): Promise<void> {
    const { publicPackage, privatePackage } = await this.#newBundle()
    this.#state = await createGroup(groupId, publicPackage, privatePackage, [], this.#impl)
  }

  async commit(keyPackages: readonly Uint8Array[]): Promise<MadeCommit> {
    const extraProposals = keyPackages.map((bytes) => {
      const message = decode(bytes)
      if (message.wireformat !== 'mls_key_package') throw new Error('not a key package')
      return { proposalType: 'add', add: { keyPackage: message.keyPackage } } as const
    })
    const context = { state: this.#current, cipherSuite: this.#impl, pskIndex: emptyPskIndex }
    const made = await createCommit(context, { extraProposals, ratchetTreeExtension: true })
    return {
      commit: encodeMlsMessage(made.commit),
      welcome: made.welcome && encodeMlsMessage({ version: 'mls10', wireformat: 'mls_welcome', welcome: made.welcome }),
      take: () => {
        this.#state = made.newState
      },
    }
  }

  async join(welcome: Uint8Array): Promise<Computed> {
    const message = decode(welcome)
    if (message.wireformat !== 'mls_welcome' || this.#bundle === undefined) throw new Error('not a Welcome for us')
    const { publicPackage, privatePackage } = this.#bundle
    const state = await joinGroup(message.welcome, publicPackage, privatePackage, emptyPskIndex, this.#impl)
    return {
      take: () => {
        this.#state = state
      },
    }
  }

  forgetCaches(): void {
    // it has none
  }

  async process(commit: Uint8Array): Promise<Computed> {
    const message = decode(commit)
    if (message.wireformat !== 'mls_private_message') throw new Error('not a commit')
    const { newState } = await processPrivateMessage(this.#current, message.privateMessage, emptyPskIndex, this.#impl)
    return {
      take: () => {
        this.#state = newState
      },
    }
  }

  async encrypt(data: Uint8Array): Promise<Uint8Array> {
    const { newState, privateMessage } = await createApplicationMessage(this.#current, data, this.#impl)
    this.#state = newState
    return encodeMlsMessage({ version: 'mls10', wireformat: 'mls_private_message', privateMessage })
  }

  async decrypt(bytes: Uint8Array): Promise<Uint8Array> {
    const message = decode(bytes)
    if (message.wireformat !== 'mls_private_message') throw new Error('not an application message')
    const processed = await processPrivateMessage(this.#current, message.privateMessage, emptyPskIndex, this.#impl)
    if (processed.kind !== 'applicationMessage') throw new Error('not an application message')
    this.#state = processed.newState
    return processed.message
  }
}

function decode(bytes: Uint8Array): MLSMessage {
  const decoded = decodeMlsMessage(bytes, 0)
  if (decoded === undefined) throw new Error('ts-mls cannot read the message')
  return decoded[0]
}
