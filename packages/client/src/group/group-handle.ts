/**
 * A group that is running: one step at a time over an immutable state, and for each step one atomic batch in the store,
 * then the swap, then the wiping of what the old state alone held, and only then publishing and telling.
 */
import { fromHex, type Signer, signerFromPrivateKey, toHex, wipe } from '@dmls/crypto'
import {
  adoptWelcome,
  type CommitRequest,
  createDmlsGroup,
  type Dag,
  DEFAULT_GROUP_POLICY,
  type DmlsEpoch,
  type DmlsGroupState,
  type DmlsMessage,
  type DmlsServices,
  decodeDmlsMessage,
  headGroup,
  type InstanceId,
  joinDmlsGroup,
  makeCommit,
  messageId,
  type Received,
  receiveMessage,
  retire,
  type Step,
  sendMessage,
} from '@dmls/dmls'
import {
  decodeMlsMessage,
  epochAuthenticator,
  exportSecret,
  type Joined,
  type KeyPackage,
  type LeafOptions,
  MlsError,
  messageHeader,
  mlsMessageBytes,
  usage,
} from '@dmls/mls'
import type { DmlsGroup, GroupEvent, Member } from '../api.ts'
import { authenticateWith, type ClientContext } from '../context.ts'
import { Listeners } from '../listeners.ts'
import type { StoreOperation, TopicHandler, Verdict } from '../ports.ts'
import { SerialQueue } from '../serial-queue.ts'
import { groupRecordKey } from '../store-keys.ts'
import { TopicLog } from '../topic-log.ts'
import { groupTopic } from '../topic-names.ts'
import { eventsOf } from './events.ts'
import { GroupRecords, type SigningKey } from './group-records.ts'
import { Maintenance } from './maintenance.ts'
import { memberOf, membersOf } from './members.ts'
import { MessageInbox } from './message-inbox.ts'
import { WaitingRoom } from './waiting-room.ts'

/** Sends a Welcome to people who may be offline; returns what to write with the commit that adds them. */
export interface WelcomeSender {
  prepare(
    welcome: Uint8Array,
    recipients: readonly KeyPackage[],
  ): Promise<{ readonly operations: readonly StoreOperation[]; readonly written: () => Promise<void> }>
}

interface Parts {
  readonly context: ClientContext
  readonly welcomes: WelcomeSender
  readonly state: DmlsGroupState
  readonly records: GroupRecords
  readonly signingKeys: readonly SigningKey[]
  readonly log: TopicLog
  readonly inbox: MessageInbox
}

/** What is done with a step besides its own records. */
interface Alongside {
  readonly operations?: readonly StoreOperation[]
  readonly written?: () => void | Promise<void>
  readonly signingKeys?: readonly SigningKey[]
}

export class GroupHandle implements DmlsGroup {
  readonly id: Uint8Array
  readonly #context: ClientContext
  readonly #welcomes: WelcomeSender
  readonly #records: GroupRecords
  readonly #log: TopicLog
  readonly #inbox: MessageInbox
  readonly #queue = new SerialQueue()
  readonly #events = new SerialQueue()
  readonly #listeners = new Listeners<GroupEvent>()
  readonly #waiting: WaitingRoom
  /** Identifiers of inner messages that were processed; hexadecimal. */
  readonly #processed = new Set<string>()
  /** Identifiers of messages that were refused, so that they are not fetched again; hexadecimal, oldest first. */
  readonly #refused = new Set<string>()
  readonly #maintenance: Maintenance
  readonly #signers = new Map<string, Signer>()
  #signingKeys: readonly SigningKey[]
  #state: DmlsGroupState
  #unsubscribe: (() => Promise<void>) | undefined
  /** The head in which we last asked to be removed. */
  #askedIn: DmlsEpoch | undefined
  #onHandover: () => void = () => undefined
  #closed = false

  private constructor(parts: Parts) {
    this.#context = parts.context
    this.#welcomes = parts.welcomes
    this.#records = parts.records
    this.#log = parts.log
    this.#inbox = parts.inbox
    this.#signingKeys = parts.signingKeys
    this.#state = parts.state
    this.id = parts.state.groupId
    this.#waiting = new WaitingRoom(parts.context.limits.waitingMax)
    this.#maintenance = new Maintenance(parts.context, {
      state: () => this.#state,
      commit: (request) => this.#commitIfStillNeeded(request),
      report: (event) => this.#tell([event]),
      retire: () => this.#queue.run(() => this.#retire()),
    })
  }

  /** Begins a group with ourselves as its only member, and stores it. */
  static async create(
    context: ClientContext,
    welcomes: WelcomeSender,
    options: { readonly groupId: Uint8Array; readonly own: OwnLeaf },
  ): Promise<GroupHandle> {
    const { own } = options
    const now = BigInt(Math.floor(context.clock.nowMs() / 1000))
    const step = await createDmlsGroup(
      {
        profile: context.profile,
        suite: context.suite,
        groupId: options.groupId,
        signer: own.signer,
        leaf: own.leaf,
        lifetime: { notBefore: now - 3600n, notAfter: now + 365n * 86_400n },
        policy: DEFAULT_GROUP_POLICY,
      },
      servicesOf(context, () => own.signer),
    )
    return GroupHandle.#begin(context, welcomes, step, [own.key], [])
  }

  /** Becomes a member by a Welcome, and stores the group together with `operations`. */
  static async join(
    context: ClientContext,
    welcomes: WelcomeSender,
    joined: Joined,
    key: SigningKey,
    operations: readonly StoreOperation[],
  ): Promise<GroupHandle> {
    const step = joinDmlsGroup(joined, context.profile, servicesOf(context, noSigner))
    return GroupHandle.#begin(context, welcomes, step, [key], operations)
  }

  static async #begin(
    context: ClientContext,
    welcomes: WelcomeSender,
    step: Step,
    signingKeys: readonly SigningKey[],
    operations: readonly StoreOperation[],
  ): Promise<GroupHandle> {
    const { state } = step
    const records = GroupRecords.fresh(state.groupId)
    const batch = records.operations(state, step.changes, signingKeys)
    await context.store.write([...operations, ...batch.operations])
    batch.written()
    const log = await TopicLog.open(context.store, groupTopic(context.digest, state.groupId), context.digest)
    const inbox = await MessageInbox.open(context.store, state.groupId)
    const handle = new GroupHandle({ context, welcomes, state, records, signingKeys, log, inbox })
    await handle.#start()
    return handle
  }

  /** Reads a group back from the store. */
  static async load(context: ClientContext, welcomes: WelcomeSender, groupId: Uint8Array): Promise<GroupHandle> {
    const { records, group } = await GroupRecords.load(context.store, groupId, context.suite, context.profile)
    const log = await TopicLog.open(context.store, groupTopic(context.digest, groupId), context.digest)
    const inbox = await MessageInbox.open(context.store, groupId)
    const handle = new GroupHandle({ context, welcomes, ...group, records, log, inbox })
    await handle.#recognise()
    await handle.#start()
    return handle
  }

  /** After a restart: which messages of the log were processed, and which still wait. */
  async #recognise(): Promise<void> {
    for (const id of [...this.#log.ids()]) {
      const waitsFor = await this.#context.store.get(groupRecordKey(this.id, 'waiting', fromHex(id)))
      if (waitsFor !== undefined) {
        this.#waiting.add(id, toHex(waitsFor))
        continue
      }
      const bytes = await this.#log.load(id)
      if (bytes !== undefined) this.#processed.add(this.#innerId(decodeDmlsMessage(bytes)))
    }
  }

  async #start(): Promise<void> {
    for (const key of this.#signingKeys) {
      this.#signers.set(toHex(key.publicKey), await signerFromPrivateKey(this.#context.suite, key.privateKey))
    }
    const handler: TopicHandler = {
      receive: (message) => this.#queue.run(() => this.#receive(message)),
      held: () => this.#held(),
      load: (id) => this.#log.load(toHex(id)),
    }
    this.#unsubscribe = await this.#context.delivery.subscribe(groupTopic(this.#context.digest, this.id), handler)
    this.#maintenance.reconsider()
  }

  async *#held(): AsyncGenerator<Uint8Array, void, undefined> {
    for (const id of this.#log.ids()) yield fromHex(id)
    for (const id of this.#refused) yield fromHex(id)
  }

  // What an application reads

  get head(): DmlsEpoch {
    return this.#state.head
  }

  get epoch(): bigint {
    return headGroup(this.#state).context.epoch
  }

  get isMember(): boolean {
    return this.#state.removal === undefined
  }

  epochAuthenticator(): Uint8Array {
    return epochAuthenticator(headGroup(this.#state))
  }

  members(): readonly Member[] {
    return membersOf(this.#state)
  }

  dag(): Dag {
    return this.#state.dag
  }

  openHeads(): readonly DmlsEpoch[] {
    return this.#state.dag.unresolvedHeads()
  }

  exportSecret(label: string, context: Uint8Array, length: number): Uint8Array {
    return exportSecret(headGroup(this.#state), { label, context, length })
  }

  on(listener: (event: GroupEvent) => void | Promise<void>): () => void {
    const remove = this.#listeners.add(listener)
    this.#deliverInbox()
    return remove
  }

  // What an application does

  send(data: Uint8Array): Promise<Uint8Array> {
    return this.#queue.run(async () => {
      this.#requireMember()
      return this.#say({ kind: 'application', data })
    })
  }

  add(keyPackages: readonly Uint8Array[]): Promise<void> {
    const add = keyPackages.map(readKeyPackage)
    return this.#queue.run(() => this.#commit({ add }))
  }

  remove(who: readonly (InstanceId | Uint8Array)[]): Promise<void> {
    return this.#queue.run(async () => {
      const members = this.members()
      const remove = who.flatMap((name) => {
        const found = members.filter((member) =>
          typeof name === 'string' ? member.instance === name : toHex(member.identity) === toHex(name),
        )
        if (found.length === 0) throw usage('no_such_member', 'nobody of that name is a member')
        return found.map((member) => member.instance)
      })
      // RFC 9420 §12.2: a committer cannot remove itself
      if (members.some((member) => member.isSelf && remove.includes(member.instance))) {
        throw usage('removes_self', 'a member leaves with leave(), not by removing itself')
      }
      await this.#commit({ remove })
    })
  }

  update(): Promise<void> {
    return this.#queue.run(() => this.#commit({}))
  }

  leave(): Promise<void> {
    return this.#queue.run(async () => {
      this.#requireMember()
      await this.#say({ kind: 'leave_request' })
    })
  }

  #requireMember(): void {
    if (!this.isMember) throw usage('not_a_member', 'this client was removed from the group')
  }

  // Steps: compute, write, swap, wipe, then publish and tell

  #services(): DmlsServices {
    return servicesOf(this.#context, (publicKey) => this.#signers.get(toHex(publicKey)))
  }

  async #apply(step: Step, alongside: Alongside = {}): Promise<void> {
    const before = this.#state
    const signingKeys = alongside.signingKeys ?? this.#signingKeys
    const batch = this.#records.operations(step.state, step.changes, signingKeys)
    const operations = [...batch.operations, ...(alongside.operations ?? [])]
    if (operations.length > 0) await this.#context.store.write(operations)
    batch.written()
    this.#state = step.state
    this.#signingKeys = signingKeys
    wipe(...step.superseded)
    await alongside.written?.()
    this.#tell(eventsOf(before, step.state, step.changes))
    this.#maintenance.reconsider()
  }

  async #say(content: Parameters<typeof sendMessage>[1]): Promise<Uint8Array> {
    const sent = await sendMessage(this.#state, content, this.#services())
    const logged = this.#log.append(sent.wire)
    await this.#apply(sent, { operations: logged.operations, written: logged.written })
    const id = this.#messageId(decodeDmlsMessage(sent.wire))
    this.#processed.add(toHex(id))
    await this.#publish([sent.wire])
    return id
  }

  async #commit(request: CommitRequest): Promise<void> {
    this.#requireMember()
    const made = await makeCommit(this.#state, request, this.#services())
    const wires = [made.wire, ...made.handovers]
    const logged = wires.map((wire) => this.#log.append(wire))
    const welcome =
      made.welcome === undefined
        ? undefined
        : await this.#welcomes.prepare(made.welcome.message, made.welcome.recipients)
    await this.#apply(made, {
      operations: [...logged.flatMap((entry) => entry.operations), ...(welcome?.operations ?? [])],
      written: () => {
        for (const entry of logged) entry.written()
        for (const wire of wires) this.#processed.add(this.#innerId(decodeDmlsMessage(wire)))
      },
    })
    await this.#publish(wires)
    await welcome?.written()
    await this.#retry(made.epoch)
  }

  #commitIfStillNeeded(request: () => CommitRequest | undefined): Promise<void> {
    return this.#queue.run(async () => {
      const wanted = this.#closed || !this.isMember ? undefined : request()
      if (wanted !== undefined) await this.#commit(wanted)
    })
  }

  /** Deletes the secrets that the group's policy no longer keeps, in memory and in the store's files. */
  async #retire(): Promise<void> {
    if (this.#closed) return
    const nowMs = this.#context.clock.nowMs()
    const step = retire(this.#state, { nowMs, sizeOf: (epoch) => this.#records.sizeOf(epoch) })
    if (step === undefined) return
    const sweep = this.#records.sweep(step.state)
    await this.#apply(step, { operations: sweep.operations, written: sweep.written })
    step.wipe()
    await this.#context.store.forget()
  }

  /** Best effort: what nobody receives now is found later by backfill, for it is in the log. */
  async #publish(wires: readonly Uint8Array[]): Promise<void> {
    const topic = groupTopic(this.#context.digest, this.id)
    for (const wire of wires) await this.#context.delivery.publish(topic, wire).catch(() => undefined)
  }

  // Receiving

  #messageId({ message }: DmlsMessage): Uint8Array {
    return messageId(this.#context.suite, mlsMessageBytes(message))
  }

  #innerId(message: DmlsMessage): string {
    return toHex(this.#messageId(message))
  }

  async #receive(bytes: Uint8Array): Promise<Verdict> {
    const id = this.#log.id(bytes)
    if (this.#closed || this.#log.has(id) || this.#refused.has(id)) return 'ignore'
    if (bytes.length > this.#context.limits.messageSizeMax) return 'reject'
    let message: DmlsMessage
    try {
      message = decodeDmlsMessage(bytes)
      const header = messageHeader(message.message)
      if (header === undefined || toHex(header.groupId) !== toHex(this.id)) return 'reject'
    } catch {
      return 'reject'
    }
    if (this.#processed.has(this.#innerId(message))) {
      this.#remember(id)
      return 'ignore'
    }
    return this.#process(id, bytes, message)
  }

  async #process(id: string, bytes: Uint8Array, message: DmlsMessage): Promise<Verdict> {
    let received: Received
    try {
      received = await receiveMessage(this.#state, message, this.#services())
    } catch (error) {
      return this.#handleRefusal(id, bytes, error)
    }
    if (received.kind === 'own') {
      this.#remember(id)
      return 'ignore'
    }
    await this.#applyReceived(id, bytes, message, received)
    if (received.kind === 'commit') await this.#retry(received.epoch)
    return 'accept'
  }

  async #applyReceived(
    id: string,
    bytes: Uint8Array,
    message: DmlsMessage,
    received: Exclude<Received, { kind: 'own' }>,
  ): Promise<void> {
    const logged = this.#log.append(bytes)
    const delivered =
      received.kind === 'application' && received.content.kind === 'application'
        ? this.#inbox.append({
            id: this.#messageId(message),
            sender: received.sender,
            epoch: received.epoch,
            data: received.content.data,
          })
        : undefined
    await this.#apply(received, {
      operations: [
        ...logged.operations,
        ...(delivered?.operations ?? []),
        { type: 'delete', key: groupRecordKey(this.id, 'waiting', fromHex(id)) },
      ],
      written: () => {
        logged.written()
        delivered?.written()
        this.#waiting.remove(id)
        this.#processed.add(this.#innerId(message))
      },
    })
    if (delivered !== undefined) this.#deliverInbox()
    if (received.kind === 'application' && received.content.kind === 'handover') this.#onHandover()
    await this.#askToBeRemoved()
    if (received.kind === 'removed') {
      this.#tell([{ type: 'removed', by: memberOf(this.#state, received.by) }])
    }
  }

  async #handleRefusal(id: string, bytes: Uint8Array, error: unknown): Promise<Verdict> {
    if (!(error instanceof MlsError)) {
      this.#remember(id)
      this.#tell([{ type: 'refused', code: 'crypto', reason: 'the message could not be opened', sender: undefined }])
      return 'ignore'
    }
    const awaited = error.fields['epoch']
    if (error.blame === 'missing' && typeof awaited === 'string') {
      await this.#wait(id, bytes, awaited)
      return 'ignore'
    }
    this.#remember(id)
    this.#tell([
      error.code === 'beyond_horizon'
        ? { type: 'beyondHorizon', dmlsEpoch: String(awaited) }
        : { type: 'refused', code: error.code, reason: error.message, sender: undefined },
    ])
    return 'ignore'
  }

  /** Keeps a message until the epoch that it needs is here. */
  async #wait(id: string, bytes: Uint8Array, epoch: string): Promise<void> {
    if (this.#waiting.has(id)) return
    const evicted = this.#waiting.add(id, epoch)
    const logged = this.#log.append(bytes)
    const forgotten = this.#log.remove(evicted === undefined ? [] : [evicted])
    await this.#context.store.write([
      ...logged.operations,
      ...forgotten.operations,
      { type: 'put', key: groupRecordKey(this.id, 'waiting', fromHex(id)), value: fromHex(epoch) },
      ...(evicted === undefined
        ? []
        : [{ type: 'delete' as const, key: groupRecordKey(this.id, 'waiting', fromHex(evicted)) }]),
    ])
    logged.written()
    forgotten.written()
    this.#tell([{ type: 'unknownEpoch', dmlsEpoch: epoch, waiting: this.#waiting.waitingFor(epoch) }])
  }

  /** A member that was removed on one branch asks to be removed where it still stands (protocol §7). */
  async #askToBeRemoved(): Promise<void> {
    const { removal, head } = this.#state
    if (removal === undefined || head === removal.parent || this.#askedIn === head) return
    this.#askedIn = head
    await this.#say({ kind: 'leave_request' })
  }

  /** Remembers a message that is of no use, so that it is not fetched again. */
  #remember(id: string): void {
    this.#refused.add(id)
    if (this.#refused.size > this.#context.limits.refusedMax) {
      const oldest = this.#refused.values().next().value
      if (oldest !== undefined) this.#refused.delete(oldest)
    }
  }

  /** Processes what waited for an epoch, and what waited for the epochs that this brings. */
  async #retry(epoch: string): Promise<void> {
    const ready = [epoch]
    for (let next = ready.shift(); next !== undefined; next = ready.shift()) {
      for (const id of this.#waiting.take(next)) {
        const bytes = await this.#log.load(id)
        if (bytes === undefined) continue
        const message = decodeDmlsMessage(bytes)
        try {
          const received = await receiveMessage(this.#state, message, this.#services())
          if (received.kind === 'own') continue
          await this.#applyReceived(id, bytes, message, received)
          if (received.kind === 'commit') ready.push(received.epoch)
        } catch (error) {
          await this.#settleWaiting(id, error)
        }
      }
    }
  }

  /** A message that waited still cannot be used: it waits for something else, or leaves the log. */
  async #settleWaiting(id: string, error: unknown): Promise<void> {
    const key = groupRecordKey(this.id, 'waiting', fromHex(id))
    const awaited = error instanceof MlsError && error.blame === 'missing' ? error.fields['epoch'] : undefined
    if (typeof awaited === 'string') {
      this.#waiting.add(id, awaited)
      await this.#context.store.write([{ type: 'put', key, value: fromHex(awaited) }])
      return
    }
    const forgotten = this.#log.remove([id])
    await this.#context.store.write([...forgotten.operations, { type: 'delete', key }])
    forgotten.written()
    this.#remember(id)
    const code = error instanceof MlsError ? error.code : 'crypto'
    const reason = error instanceof MlsError ? error.message : 'the message could not be opened'
    this.#tell([{ type: 'refused', code, reason, sender: undefined }])
  }

  /**
   * Follows a Welcome of this group, if a handover says so; returns whether it was used.
   * @throws MlsError `missing` `no_handover` when it must wait for one.
   */
  adopt(joined: Joined, key: SigningKey, operations: readonly StoreOperation[]): Promise<void> {
    return this.#queue.run(async () => {
      const step =
        this.#state.removal === undefined
          ? adoptWelcome(this.#state, joined, this.#services())
          : joinDmlsGroup(joined, this.#context.profile, this.#services())
      const signingKeys = [...this.#signingKeys.filter((k) => toHex(k.publicKey) !== toHex(key.publicKey)), key]
      this.#signers.set(toHex(key.publicKey), await signerFromPrivateKey(this.#context.suite, key.privateKey))
      await this.#apply(step, { operations, signingKeys })
      await this.#retry(this.#state.head)
    })
  }

  /** Calls back when a handover arrived: a Welcome may have waited for it. */
  onHandover(callback: () => void): void {
    this.#onHandover = callback
  }

  // Telling

  #tell(events: readonly GroupEvent[]): void {
    if (events.length === 0) return
    for (const event of events) this.#inTurn(() => this.#listeners.emit(event))
  }

  /** Tells the application outside of the steps, so that a handler may call the group. Its failures are its own. */
  #inTurn(tell: () => Promise<void>): void {
    this.#events.run(tell).catch(() => undefined)
  }

  #deliverInbox(): void {
    if (this.#listeners.size === 0) return
    this.#inTurn(() =>
      this.#inbox.drain(async (message) => {
        const sender = memberOf(this.#state, message.sender, message.epoch)
        if (sender === undefined) return
        const { id, data, epoch } = message
        const branch = this.#branchOf(epoch)
        await this.#listeners.emit({
          type: 'message',
          message: { id, groupId: this.id, sender, data, dmlsEpoch: epoch, branch },
        })
      }),
    )
  }

  #branchOf(epoch: DmlsEpoch): 'chosen' | 'merged' | 'losing' {
    const { dag, head } = this.#state
    if (epoch === head || dag.isAncestor(epoch, head)) return 'chosen'
    return dag.precedes(epoch, head) ? 'merged' : 'losing'
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#maintenance.stop()
    await this.#unsubscribe?.()
    await this.#queue.idle()
    await this.#events.idle()
  }
}

/** How we present ourselves in a group that we begin. */
export interface OwnLeaf {
  readonly key: SigningKey
  readonly signer: Signer
  readonly leaf: LeafOptions
}

function noSigner(): undefined {
  return undefined
}

function servicesOf(context: ClientContext, signerFor: (publicKey: Uint8Array) => Signer | undefined): DmlsServices {
  return {
    random: context.random,
    nowMs: context.clock.nowMs(),
    authenticate: authenticateWith(context.authenticator),
    identityOf: (leaf) => context.authenticator.identity(leaf.credential),
    signerFor: (publicKey) => {
      const signer = signerFor(publicKey)
      if (signer === undefined) throw new MlsError('internal', 'no_signer', 'the private key of our leaf is not here')
      return signer
    },
  }
}

/** @throws MlsError `usage` `not_a_key_package` */
function readKeyPackage(bytes: Uint8Array): KeyPackage {
  const message = decodeMlsMessage(bytes)
  if (message.wireFormat !== 'mls_key_package') throw usage('not_a_key_package', 'these bytes are not a key package')
  return message.keyPackage
}
