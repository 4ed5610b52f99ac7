/** Opening a client: reads everything back from the store, takes part in its topics, and wires the parts together. */
import { signerFromPrivateKey, systemRandom, toHex } from '@dmls/crypto'
import { createDmlsProfile, dmlsEpoch, leafOptions } from '@dmls/dmls'
import { type Joined, usage } from '@dmls/mls'
import type { CreateGroupOptions, DmlsClient, DmlsClientOptions, DmlsGroup } from './api.ts'
import { type ClientContext, DEFAULT_LIMITS, DEFAULT_TIMING } from './context.ts'
import { GroupHandle, type Outside } from './group/group-handle.ts'
import { certifyGroupKey, selfCertifyingAuthenticator } from './identity.ts'
import { fetchKeyPackage, offerKeyPackages } from './key-package-exchange.ts'
import { KeyPackages, keyPackageMessage, type OwnKeyPackage } from './key-packages.ts'
import { Listeners } from './listeners.ts'
import { OutgoingWelcomes } from './outgoing-welcomes.ts'
import type { StoreOperation } from './ports.ts'
import { shareTopics } from './shared-topics.ts'
import { GROUP_LIST_PREFIX } from './store-keys.ts'
import { systemClock } from './system-clock.ts'
import { WelcomeInbox } from './welcome-inbox.ts'

/** Default wait for somebody's key package. */
const KEY_PACKAGE_TIMEOUT_MS = 10_000
const GROUP_ID_SIZE = 32
/** A suite whose hash is SHA-256: identifiers of messages and topics are that, whatever the suite of a group. */
const SHA256_SUITE = 1

/**
 * A running client. Everything that the store holds is loaded before it resolves. The store and the delivery service
 * stay the caller's: close the client first, then them.
 */
export async function openClient(options: DmlsClientOptions): Promise<DmlsClient> {
  const suite = options.provider.cipherSuite(options.cipherSuite ?? 1)
  const sha256 = options.provider.cipherSuite(SHA256_SUITE)
  const context: ClientContext = {
    suite,
    profile: createDmlsProfile(),
    store: options.store,
    delivery: shareTopics(options.delivery),
    identity: options.identity,
    authenticator: options.authenticator ?? selfCertifyingAuthenticator(suite),
    clock: options.clock ?? systemClock,
    random: options.random ?? systemRandom,
    timing: { ...DEFAULT_TIMING, ...options.timing },
    digest: (message) => sha256.hash(message),
    limits: DEFAULT_LIMITS,
    adminRule: options.adminRule,
  }
  return RunningClient.open(context)
}

class RunningClient implements DmlsClient {
  readonly identity: Uint8Array
  readonly #context: ClientContext
  readonly #keyPackages: KeyPackages
  readonly #welcomes: OutgoingWelcomes
  readonly #groups = new Map<string, GroupHandle>()
  readonly #joined = new Listeners<DmlsGroup>()
  #inbox: WelcomeInbox | undefined
  #stopOffering: (() => Promise<void>) | undefined

  private constructor(context: ClientContext, keyPackages: KeyPackages, welcomes: OutgoingWelcomes) {
    this.#context = context
    this.#keyPackages = keyPackages
    this.#welcomes = welcomes
    this.identity = context.identity.publicKey
  }

  static async open(context: ClientContext): Promise<RunningClient> {
    const client = new RunningClient(context, await KeyPackages.open(context), await OutgoingWelcomes.open(context))
    const groupIds: Uint8Array[] = []
    for await (const [key] of context.store.entries({ prefix: GROUP_LIST_PREFIX })) {
      groupIds.push(key.slice(GROUP_LIST_PREFIX.length))
    }
    for (const groupId of groupIds) {
      client.#adopt(await GroupHandle.load(context, client.#outside, groupId))
    }
    client.#inbox = await WelcomeInbox.open(context, client.#keyPackages, (joined, own, operations) =>
      client.#useWelcome(joined, own, operations),
    )
    client.#stopOffering = await offerKeyPackages(context, client.#keyPackages)
    return client
  }

  get #outside(): Outside {
    return { welcomes: this.#welcomes, keyPackages: this.#keyPackages }
  }

  #adopt(group: GroupHandle): void {
    this.#groups.set(toHex(group.id), group)
    // a handover may be what a Welcome was waiting for
    group.onHandover(() => void this.#inbox?.retry())
  }

  async createGroup(options: CreateGroupOptions = {}): Promise<DmlsGroup> {
    const { suite, random, identity } = this.#context
    const groupId = options.groupId ?? random(GROUP_ID_SIZE)
    if (this.#groups.has(toHex(groupId))) throw usage('group_exists', 'this client is in a group of that id already')
    const key = await suite.generateSignatureKeyPair(random)
    const group = await GroupHandle.create(this.#context, this.#outside, groupId, {
      key,
      signer: await signerFromPrivateKey(suite, key.privateKey),
      leaf: leafOptions(suite, await certifyGroupKey(identity, key.publicKey)),
      policy: options.policy ?? {},
    })
    this.#adopt(group)
    return group
  }

  async #useWelcome(joined: Joined, own: OwnKeyPackage, operations: readonly StoreOperation[]): Promise<void> {
    const known = this.#groups.get(toHex(joined.state.context.groupId))
    if (known !== undefined) {
      if (known.dag().has(dmlsEpoch(joined.state.epochId))) return
      await known.adopt(joined, own.signingKey, operations)
      return
    }
    const group = await GroupHandle.join(this.#context, this.#outside, joined, own.signingKey, operations)
    this.#adopt(group)
    await this.#joined.emit(group)
  }

  groups(): readonly DmlsGroup[] {
    return [...this.#groups.values()]
  }

  group(groupId: Uint8Array): DmlsGroup | undefined {
    return this.#groups.get(toHex(groupId))
  }

  async createKeyPackage(): Promise<Uint8Array> {
    return keyPackageMessage(await this.#keyPackages.create())
  }

  fetchKeyPackage(identity: Uint8Array, timeoutMs: number = KEY_PACKAGE_TIMEOUT_MS): Promise<Uint8Array> {
    return fetchKeyPackage(this.#context, identity, timeoutMs)
  }

  onGroup(listener: (group: DmlsGroup) => void): () => void {
    return this.#joined.add(listener)
  }

  async close(): Promise<void> {
    await this.#stopOffering?.()
    await this.#inbox?.close()
    for (const group of this.#groups.values()) await group.close()
    await this.#welcomes.close()
  }
}
