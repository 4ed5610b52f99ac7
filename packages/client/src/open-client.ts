/** Opening a client: reads everything back from the store, takes part in its topics, and wires the parts together. */
import { signerFromPrivateKey, systemRandom, toHex, wipe } from '@dmls/crypto'
import { createDmlsProfile, dmlsEpoch, leafOptions, policyIn } from '@dmls/dmls'
import { decodeMlsMessage, type GroupInfo, type Joined, MlsError, usage, type Watch, wipeGroupState } from '@dmls/mls'
import type { CallOptions, CreateGroupOptions, DmlsClient, DmlsClientOptions, DmlsGroup } from './api.ts'
import { type ClientContext, DEFAULT_LIMITS, DEFAULT_TIMING, watchedByBoth, watchOf } from './context.ts'
import { createGroup, enterGroup, joinGroup, loadGroup, type OwnLeaf } from './group/group-beginning.ts'
import { GroupHandle } from './group/group-handle.ts'
import type { SigningKey } from './group/group-records.ts'
import type { Pending } from './group/message-ledger.ts'
import { type Outside, RunningGroup, type WaitingWelcomes } from './group/running-group.ts'
import type { RunningState } from './group/running-state.ts'
import { certifyGroupKey, selfCertifyingAuthenticator } from './identity.ts'
import { fetchKeyPackage, offerKeyPackages } from './key-package-exchange.ts'
import { KeyPackages, keyPackageMessage, type OwnKeyPackage } from './key-packages.ts'
import { Listeners } from './listeners.ts'
import { OutgoingWelcomes } from './outgoing-welcomes.ts'
import { SerialQueue } from './serial-queue.ts'
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
  const { onJoinProgress, onCommitProgress, signal } = options
  const closing = new AbortController()
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
    joining: watchedByBoth({ signal: closing.signal }, watchOf({ signal, onProgress: onJoinProgress })),
    receiving: (groupId) => ({
      signal: closing.signal,
      progress: async (done, total) => {
        try {
          await onCommitProgress?.({ groupId, done, total })
        } catch {
          // whoever cannot show progress does not refuse the commit
        }
      },
    }),
  }
  return RunningClient.open(context, closing)
}

class RunningClient implements DmlsClient {
  readonly identity: Uint8Array
  readonly #context: ClientContext
  readonly #keyPackages: KeyPackages
  readonly #welcomes: OutgoingWelcomes
  readonly #groups = new Map<string, { readonly running: RunningGroup; readonly handle: DmlsGroup }>()
  readonly #joined = new Listeners<DmlsGroup>()
  /** One group begins at a time, so that none begins twice. */
  readonly #beginnings = new SerialQueue()
  readonly #endings = new SerialQueue()
  /** Ends joins that are under way. */
  readonly #closing: AbortController
  #inbox: WelcomeInbox | undefined
  #stopOffering: (() => Promise<void>) | undefined

  private constructor(
    context: ClientContext,
    closing: AbortController,
    keyPackages: KeyPackages,
    welcomes: OutgoingWelcomes,
  ) {
    this.#context = context
    this.#closing = closing
    this.#keyPackages = keyPackages
    this.#welcomes = welcomes
    this.identity = context.identity.publicKey
  }

  static async open(context: ClientContext, closing: AbortController): Promise<RunningClient> {
    const keyPackages = await KeyPackages.open(context)
    const client = new RunningClient(context, closing, keyPackages, await OutgoingWelcomes.open(context))
    const groupIds: Uint8Array[] = []
    for await (const [key] of context.store.entries({ prefix: GROUP_LIST_PREFIX })) {
      groupIds.push(key.slice(GROUP_LIST_PREFIX.length))
    }
    for (const groupId of groupIds) {
      await client.#start(await loadGroup(context, groupId), 'stored')
    }
    client.#inbox = await WelcomeInbox.open(context, client.#keyPackages, (joined, own, use) =>
      client.#useWelcome(joined, own, use),
    )
    client.#stopOffering = await offerKeyPackages(context, client.#keyPackages)
    return client
  }

  get #outside(): Outside {
    const inbox: WaitingWelcomes = {
      retry: async () => this.#inbox?.retry(),
      invitationsTo: (groupId) => this.#inbox?.invitationsTo(groupId) ?? [],
    }
    return { welcomes: this.#welcomes, keyPackages: this.#keyPackages, inbox }
  }

  async #start(state: RunningState, origin: 'begun' | 'stored'): Promise<{ running: RunningGroup; handle: DmlsGroup }> {
    const running = await RunningGroup.start(this.#context, this.#outside, state, origin)
    const group = { running, handle: new GroupHandle(running) }
    this.#groups.set(toHex(running.id), group)
    return group
  }

  createGroup(options: CreateGroupOptions = {}): Promise<DmlsGroup> {
    return this.#beginnings.run(() => this.#createGroup(options))
  }

  #requireOpen(): void {
    this.#closing.signal.throwIfAborted()
  }

  async #createGroup(options: CreateGroupOptions): Promise<DmlsGroup> {
    this.#requireOpen()
    const { suite, random } = this.#context
    const groupId = options.groupId ?? random(GROUP_ID_SIZE)
    this.#requireNew(groupId)
    const own = await this.#ownLeaf(await suite.generateSignatureKeyPair(random))
    const state = await createGroup(this.#context, own, { groupId, policy: options.policy ?? {} })
    return (await this.#start(state, 'begun')).handle
  }

  joinGroup(joinInfo: Uint8Array, options: CallOptions = {}): Promise<DmlsGroup> {
    const watch = watchedByBoth(this.#context.joining, watchOf(options))
    return this.#beginnings.run(() => this.#joinGroup(joinInfo, watch))
  }

  async #joinGroup(joinInfo: Uint8Array, watch: Watch): Promise<DmlsGroup> {
    this.#requireOpen()
    watch.signal?.throwIfAborted()
    const groupInfo = readJoinInfo(joinInfo)
    const { groupId } = groupInfo.groupContext
    this.#requireNew(groupId)
    const keyPackage = await this.#keyPackages.makeForEntry(groupId)
    const { running, wire } = await enterGroup(this.#context, await this.#ownLeaf(keyPackage.signingKey), {
      groupInfo,
      watch,
      keyPackage: keyPackage.bundle.keyPackage,
      alongside: ({ epoch }) => this.#keyPackages.use(keyPackage, groupId, epoch),
    })
    const group = await this.#start(running, 'begun')
    await group.running.publish([wire])
    return group.handle
  }

  #requireNew(groupId: Uint8Array): void {
    if (this.#groups.has(toHex(groupId))) throw usage('group_exists', 'this client is in a group of that id already')
  }

  async #ownLeaf(key: SigningKey): Promise<OwnLeaf> {
    const { suite, identity } = this.#context
    const signer = await signerFromPrivateKey(suite, key.privateKey)
    return { key, signer, leaf: leafOptions(suite, await certifyGroupKey(identity, key.publicKey)) }
  }

  async #useWelcome(joined: Joined, own: OwnKeyPackage, use: Pending): Promise<void> {
    let isTaken = false
    try {
      await this.#follow(joined, own, use, () => {
        isTaken = true
      })
    } catch (error) {
      // where the disk refuses, the group may have taken the key already
      if (!isTaken && error instanceof MlsError) wipe(own.signingKey.privateKey)
      throw error
    } finally {
      // it waits for something, or leads nowhere; what comes of it later is computed anew
      if (!isTaken) wipeGroupState(joined.state)
    }
  }

  /** Follows a Welcome, if it is to be followed; `taken` is called as soon as its state is ours. */
  async #follow(joined: Joined, own: OwnKeyPackage, use: Pending, taken: () => void): Promise<void> {
    const id = toHex(joined.state.context.groupId)
    const entering: Pending = {
      get operations() {
        return use.operations
      },
      written: () => {
        taken()
        use.written()
      },
    }
    const isKept = (): boolean => this.#keyPackages.all().some(({ bundle }) => bundle === own.bundle)
    const begun = await this.#beginnings.run(async () => {
      if (this.#groups.has(id)) return undefined
      // forgotten meanwhile, and the key package with it
      if (!isKept()) return undefined
      return this.#start(await joinGroup(this.#context, joined, own.signingKey, entering), 'begun')
    })
    if (begun !== undefined) return this.#joined.emit(begun.handle)
    const known = this.#groups.get(id)
    if (known === undefined) return
    if (!known.running.state.dag.has(dmlsEpoch(joined.state.epochId))) {
      return known.running.adopt(joined, own.signingKey, entering)
    }
    if (!isKept()) return
    // RFC 9420 §10: a key package that leads where we are already is used up all the same, and not offered again
    await this.#context.store.write(use.operations)
    use.written()
  }

  forgetGroup(groupId: Uint8Array): Promise<void> {
    return this.#endings.run(async () => {
      // among the beginnings: no Welcome begins it again before it has ended
      await this.#beginnings.run(() => this.#endGroup(groupId))
      // a Welcome may have come while it ended
      this.#inbox?.retry().catch(() => undefined)
      await this.#context.store.forget()
    })
  }

  async #endGroup(groupId: Uint8Array): Promise<void> {
    this.#requireOpen()
    const name = toHex(groupId)
    const group = this.#groups.get(name)
    if (group === undefined) throw usage('no_such_group', 'this client is in no group of that id')
    const nothing: Pending = { operations: [], written: () => undefined }
    await group.running.end(() => this.#inbox?.letGo(groupId) ?? nothing)
    this.#groups.delete(name)
  }

  groups(): readonly DmlsGroup[] {
    return [...this.#groups.values()].map(({ handle }) => handle)
  }

  group(groupId: Uint8Array): DmlsGroup | undefined {
    return this.#groups.get(toHex(groupId))?.handle
  }

  async createKeyPackage(): Promise<Uint8Array> {
    this.#requireOpen()
    return keyPackageMessage(await this.#keyPackages.create())
  }

  async fetchKeyPackage(identity: Uint8Array, timeoutMs: number = KEY_PACKAGE_TIMEOUT_MS): Promise<Uint8Array> {
    this.#requireOpen()
    return fetchKeyPackage(this.#context, identity, timeoutMs)
  }

  onGroup(listener: (group: DmlsGroup) => void): () => void {
    return this.#joined.add(listener)
  }

  async close(): Promise<void> {
    this.#closing.abort(usage('client_closed', 'the client was closed'))
    await this.#stopOffering?.()
    await this.#endings.idle()
    await this.#inbox?.close()
    // one that was about to begin is closed with the others
    await this.#beginnings.idle()
    for (const { running } of this.#groups.values()) await running.close()
    await this.#welcomes.close()
  }
}

/** @throws MlsError `usage` `not_join_info`, `external_commits_refused`; `malformed`; `invalid` `unsupported_policy` */
function readJoinInfo(bytes: Uint8Array): GroupInfo {
  const message = decodeMlsMessage(bytes)
  if (message.wireFormat !== 'mls_group_info') throw usage('not_join_info', 'these bytes do not lead into a group')
  const { groupInfo } = message
  if (policyIn(groupInfo.groupContext.extensions).externalCommits !== 'allowed') {
    throw usage('external_commits_refused', 'the policy of the group lets nobody join by itself')
  }
  return groupInfo
}
