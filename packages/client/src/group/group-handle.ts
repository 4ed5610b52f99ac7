/**
 * A group that is running, as an application holds it: reads from the current state, and changes it one step at a time.
 */
import type { Signer } from '@dmls/crypto'
import { toHex } from '@dmls/crypto'
import {
  type ApplicationContent,
  adoptWelcome,
  type CommitRequest,
  createDmlsGroup,
  type Dag,
  DEFAULT_GROUP_POLICY,
  type DmlsEpoch,
  type DmlsGroupState,
  decodeDmlsMessage,
  dmlsEpoch,
  headGroup,
  type InstanceId,
  joinDmlsGroup,
  makeCommit,
  openHeads,
  rejoinDmlsGroup,
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
  usage,
} from '@dmls/mls'
import type { DmlsGroup, GroupEvent, Member } from '../api.ts'
import type { ClientContext } from '../context.ts'
import type { StoreOperation } from '../ports.ts'
import { SerialQueue } from '../serial-queue.ts'
import { groupTopic } from '../topic-names.ts'
import { Announcer } from './announcer.ts'
import { eventsOf } from './events.ts'
import { GroupRecords, type SigningKey } from './group-records.ts'
import { Intake, type ReceivedStep } from './intake.ts'
import { Maintenance } from './maintenance.ts'
import { memberOf, membersOf } from './members.ts'
import { MessageInbox } from './message-inbox.ts'
import { MessageLedger, type Pending } from './message-ledger.ts'
import { RunningState, servicesOf } from './running-state.ts'

/** Sends a Welcome to people who may be offline. */
export interface WelcomeSender {
  /** What to write with the commit that adds them, and how to send it once that is written. */
  prepare(
    welcome: Uint8Array,
    epoch: DmlsEpoch,
    recipients: readonly KeyPackage[],
  ): Promise<Pending & { readonly send: () => Promise<void> }>
  /** Somebody was heard; `covers` tells whether that was in an epoch or after it. */
  heard(instance: InstanceId, covers: (epoch: DmlsEpoch) => boolean): Promise<void>
}

/** How we present ourselves in a group that we begin. */
export interface OwnLeaf {
  readonly key: SigningKey
  readonly signer: Signer
  readonly leaf: LeafOptions
}

const CREATOR_LIFETIME_SECONDS = 365n * 86_400n
const SKEW_SECONDS = 3600n

export class GroupHandle implements DmlsGroup {
  readonly id: Uint8Array
  readonly #context: ClientContext
  readonly #welcomes: WelcomeSender
  readonly #running: RunningState
  readonly #ledger: MessageLedger
  readonly #intake: Intake
  readonly #announcer: Announcer
  readonly #maintenance: Maintenance
  readonly #queue = new SerialQueue()
  #unsubscribe: (() => Promise<void>) | undefined
  #onHandover: (() => void) | undefined
  /** The head in which we last asked to be removed. */
  #askedIn: DmlsEpoch | undefined
  #closed = false

  private constructor(
    context: ClientContext,
    welcomes: WelcomeSender,
    running: RunningState,
    ledger: MessageLedger,
    inbox: MessageInbox,
  ) {
    this.#context = context
    this.#welcomes = welcomes
    this.#running = running
    this.#ledger = ledger
    this.id = running.current.groupId
    this.#announcer = new Announcer(inbox, () => running.current)
    this.#intake = new Intake({
      context,
      running,
      ledger,
      inbox,
      tell: (events) => this.#announcer.tell(events),
      applied: (received, before) => this.#received(received, before),
    })
    this.#maintenance = new Maintenance(context, {
      state: () => running.current,
      commit: (request) => this.#commitIfStillNeeded(request),
      report: (event) => this.#announcer.tell([event]),
      retire: () => this.#retire(),
    })
  }

  /** Begins a group with ourselves as its only member, and stores it. */
  static async create(
    context: ClientContext,
    welcomes: WelcomeSender,
    groupId: Uint8Array,
    own: OwnLeaf,
  ): Promise<GroupHandle> {
    const now = BigInt(Math.floor(context.clock.nowMs() / 1000))
    const step = await createDmlsGroup(
      {
        profile: context.profile,
        suite: context.suite,
        groupId,
        signer: own.signer,
        leaf: own.leaf,
        lifetime: { notBefore: now - SKEW_SECONDS, notAfter: now + CREATOR_LIFETIME_SECONDS },
        policy: DEFAULT_GROUP_POLICY,
      },
      servicesOf(context, () => own.signer),
    )
    return GroupHandle.#begin(context, welcomes, step, own.key, [])
  }

  /** Becomes a member by a Welcome, and stores the group together with `operations`. */
  static async join(
    context: ClientContext,
    welcomes: WelcomeSender,
    joined: Joined,
    key: SigningKey,
    operations: readonly StoreOperation[],
  ): Promise<GroupHandle> {
    const services = servicesOf(context, () => undefined)
    const step = joinDmlsGroup(joined, context.profile, services)
    return GroupHandle.#begin(context, welcomes, step, key, operations)
  }

  static async #begin(
    context: ClientContext,
    welcomes: WelcomeSender,
    step: Step,
    key: SigningKey,
    operations: readonly StoreOperation[],
  ): Promise<GroupHandle> {
    const records = GroupRecords.fresh(step.state.groupId)
    const running = await RunningState.of(context, records, step.state, [key])
    await running.apply(step, { operations, written: () => undefined })
    return GroupHandle.#start(context, welcomes, running)
  }

  /** Reads a group back from the store. */
  static async load(context: ClientContext, welcomes: WelcomeSender, groupId: Uint8Array): Promise<GroupHandle> {
    const { records, group } = await GroupRecords.load(context.store, groupId, context.suite, context.profile)
    const running = await RunningState.of(context, records, group.state, group.signingKeys)
    return GroupHandle.#start(context, welcomes, running)
  }

  static async #start(context: ClientContext, welcomes: WelcomeSender, running: RunningState): Promise<GroupHandle> {
    const { groupId } = running.current
    const ledger = await MessageLedger.open(context, groupId)
    const inbox = await MessageInbox.open(context.store, groupId)
    const handle = new GroupHandle(context, welcomes, running, ledger, inbox)
    // a crash may have come between an epoch and the messages that waited for it
    for (const epoch of ledger.awaited()) {
      if (running.current.dag.has(dmlsEpoch(epoch))) await handle.#intake.retry(epoch)
    }
    handle.#unsubscribe = await context.delivery.subscribe(groupTopic(context.digest, groupId), {
      receive: (message) =>
        handle.#queue.run(async () => (handle.#closed ? 'ignore' : handle.#intake.receive(message))),
      held: () => ledger.held(),
      load: (id) => ledger.load(toHex(id)),
    })
    handle.#maintenance.reconsider()
    return handle
  }

  get #state(): DmlsGroupState {
    return this.#running.current
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
    return openHeads(this.#state)
  }

  exportSecret(label: string, context: Uint8Array, length: number): Uint8Array {
    return exportSecret(headGroup(this.#state), { label, context, length })
  }

  on(listener: (event: GroupEvent) => void | Promise<void>): () => void {
    return this.#announcer.add(listener)
  }

  // What an application does

  send(data: Uint8Array): Promise<Uint8Array> {
    return this.#queue.run(async () => {
      this.#requireMember()
      return this.#say({ kind: 'application', data })
    })
  }

  add(keyPackages: readonly Uint8Array[]): Promise<void> {
    return this.#queue.run(() => this.#commit({ add: keyPackages.map(readKeyPackage) }))
  }

  remove(who: readonly (InstanceId | Uint8Array)[]): Promise<void> {
    return this.#queue.run(() => this.#commit({ remove: this.#instancesOf(who) }))
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

  #instancesOf(who: readonly (InstanceId | Uint8Array)[]): InstanceId[] {
    const members = this.members()
    return who.flatMap((name) => {
      const found = members.filter((member) =>
        typeof name === 'string' ? member.instance === name : toHex(member.identity) === toHex(name),
      )
      if (found.length === 0) throw usage('no_such_member', 'nobody of that name is a member')
      // RFC 9420 §12.2: a committer cannot remove itself
      if (found.some((member) => member.isSelf)) throw usage('removes_self', 'a member leaves by asking the others')
      return found.map((member) => member.instance)
    })
  }

  // Steps: computed, written and swapped by the running state; then published and told here

  async #say(content: ApplicationContent): Promise<Uint8Array> {
    const before = this.#state
    const sent = await sendMessage(before, content, this.#running.services())
    await this.#running.apply(sent, this.#ledger.process([sent.wire]))
    this.#stepped(before, sent)
    await this.#publish([sent.wire])
    return this.#ledger.messageId(decodeDmlsMessage(sent.wire))
  }

  async #commit(request: CommitRequest): Promise<void> {
    this.#requireMember()
    const before = this.#state
    const made = await makeCommit(before, request, this.#running.services())
    const wires = [made.wire, ...made.handovers]
    const welcome =
      made.welcome && (await this.#welcomes.prepare(made.welcome.message, made.epoch, made.welcome.recipients))
    await this.#running.apply(made, this.#ledger.process(wires), ...(welcome === undefined ? [] : [welcome]))
    this.#stepped(before, made)
    await this.#publish(wires)
    await welcome?.send()
    await this.#intake.retry(made.epoch)
  }

  #commitIfStillNeeded(request: () => CommitRequest | undefined): Promise<void> {
    return this.#queue.run(async () => {
      const wanted = this.#closed || !this.isMember ? undefined : request()
      if (wanted !== undefined) await this.#commit(wanted)
    })
  }

  /** Deletes the secrets that the group's policy no longer keeps, in memory and in the store's files. */
  async #retire(): Promise<void> {
    const somethingWent = await this.#queue.run(() => this.#retireNow())
    // slow, and in nobody's way here
    if (somethingWent && !this.#closed) await this.#context.store.forget()
  }

  async #retireNow(): Promise<boolean> {
    if (this.#closed) return false
    const { records } = this.#running
    const nowMs = this.#context.clock.nowMs()
    const step = retire(this.#state, { nowMs, sizeOf: (epoch) => records.sizeOf(epoch) })
    if (step === undefined) return false
    const unneeded = this.#ledger.forgetEpochs(step.changes.dropped)
    await this.#running.apply(step, records.sweep(step.state), unneeded)
    step.wipe()
    return true
  }

  /** Best effort: what nobody receives now is found later by backfill, for it is in the log. */
  async #publish(wires: readonly Uint8Array[]): Promise<void> {
    const topic = groupTopic(this.#context.digest, this.id)
    for (const wire of wires) await this.#context.delivery.publish(topic, wire).catch(() => undefined)
  }

  #stepped(before: DmlsGroupState, { state, changes }: Step): void {
    this.#announcer.tell(eventsOf(before, state, changes))
    this.#maintenance.reconsider()
  }

  async #received(received: ReceivedStep, before: DmlsGroupState): Promise<void> {
    this.#stepped(before, received)
    if (received.kind === 'application') {
      this.#announcer.deliver()
      if (received.content.kind === 'handover') this.#onHandover?.()
    }
    await this.#heard(received)
    const { removal } = received.state
    if (before.removal === undefined && removal !== undefined) {
      // the Welcome that brings us back may have come first
      this.#onHandover?.()
      const by = removal.by && memberOf(this.#state, removal.by, removal.parent)
      this.#announcer.tell([{ type: 'removed', by }])
    }
    await this.#askToBeRemoved()
  }

  /** Whoever speaks in an epoch has no need of a Welcome that leads there. */
  async #heard(received: ReceivedStep): Promise<void> {
    if (received.kind !== 'application' && received.kind !== 'commit') return
    const { epoch } = received
    const { dag } = received.state
    const speaker = received.kind === 'commit' ? received.committer : received.sender
    await this.#welcomes.heard(speaker, (entered) => entered === epoch || dag.isAncestor(entered, epoch))
  }

  /** A member that was removed on one branch asks to be removed where it still stands (protocol §7, scenario 33). */
  async #askToBeRemoved(): Promise<void> {
    const { removal, head } = this.#state
    if (removal === undefined || head === removal.parent || this.#askedIn === head) return
    this.#askedIn = head
    await this.#say({ kind: 'leave_request' })
  }

  /**
   * Follows a Welcome of this group: after a removal as a new instance, otherwise on the word of a handover.
   * @throws MlsError `missing` `no_handover` when it must wait for one; `invalid` `already_member`
   */
  adopt(joined: Joined, key: SigningKey, operations: readonly StoreOperation[]): Promise<void> {
    return this.#queue.run(async () => {
      const before = this.#state
      const services = this.#running.services()
      const step =
        before.removal === undefined
          ? adoptWelcome(before, joined, services)
          : rejoinDmlsGroup(before, joined, services)
      await this.#running.applyWithKey(step, key, { operations, written: () => undefined })
      this.#stepped(before, step)
      // what was of no use may be a part of the branch that we are on now
      this.#ledger.forgetRefusals()
      this.#context.delivery.backfill(groupTopic(this.#context.digest, this.id)).catch(() => undefined)
      await this.#intake.retry(dmlsEpoch(joined.state.epochId))
    })
  }

  /** Calls back when a handover arrived: a Welcome may have waited for it. */
  onHandover(callback: () => void): void {
    this.#onHandover = callback
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#maintenance.stop()
    await this.#unsubscribe?.()
    await this.#queue.idle()
    await this.#announcer.idle()
  }
}

/** @throws MlsError `usage` `not_a_key_package` */
function readKeyPackage(bytes: Uint8Array): KeyPackage {
  const message = decodeMlsMessage(bytes)
  if (message.wireFormat !== 'mls_key_package') throw usage('not_a_key_package', 'these bytes are not a key package')
  return message.keyPackage
}
