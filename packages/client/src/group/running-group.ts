/**
 * A group that is running: its parts, wired together, and its steps, one at a time. A step is computed, written and
 * swapped by the running state; here it is published and told.
 */

import { toHex } from '@dmls/crypto'
import {
  type ApplicationContent,
  answersRequest,
  type CommitRequest,
  type DmlsEpoch,
  type DmlsGroupState,
  type DmlsServices,
  decodeDmlsMessage,
  dmlsEpoch,
  type InstanceId,
  type Invitation,
  isLostBranch,
  makeCommit,
  type RejoinReason,
  type Step,
  sendMessage,
  wayInto,
} from '@dmls/dmls'
import { type Joined, type KeyPackage, MlsError, usage, type Watch } from '@dmls/mls'
import type { GroupEvent } from '../api.ts'
import type { ClientContext } from '../context.ts'
import { StoreError } from '../ports.ts'
import { SerialQueue } from '../serial-queue.ts'
import { groupTopic } from '../topic-names.ts'
import { Announcer } from './announcer.ts'
import { deletionOf } from './ending.ts'
import { eventsOf } from './events.ts'
import { Forgetting, type KeyPackageStore } from './forgetting.ts'
import type { SigningKey } from './group-records.ts'
import { Homecoming, type ReturnKeys } from './homecoming.ts'
import { diskRefusal, Intake, type ReceivedStep } from './intake.ts'
import { Maintenance } from './maintenance.ts'
import { MessageInbox } from './message-inbox.ts'
import { MessageLedger, OWN, type Pending } from './message-ledger.ts'
import { Pursuit } from './pursuit.ts'
import { Resumption } from './resumption.ts'
import type { RunningState } from './running-state.ts'

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

/** What a group needs of the client that it is a part of. */
export interface Outside {
  readonly welcomes: WelcomeSender
  readonly keyPackages: ReturnKeys & KeyPackageStore
  readonly inbox: WaitingWelcomes
}

/** Welcomes that came and could not be followed: a handover, or a removal, may be what they wait for. */
export interface WaitingWelcomes {
  retry(): Promise<void>
  /** Those into a group, the latest last. */
  invitationsTo(groupId: Uint8Array): readonly Invitation[]
}

export class RunningGroup {
  readonly id: Uint8Array
  readonly #context: ClientContext
  readonly #welcomes: WelcomeSender
  readonly #welcomeInbox: WaitingWelcomes
  readonly #running: RunningState
  readonly #ledger: MessageLedger
  readonly #intake: Intake
  readonly #announcer: Announcer
  readonly #maintenance: Maintenance
  readonly #homecoming: Homecoming
  readonly #pursuit: Pursuit
  readonly #keyPackages: KeyPackageStore
  readonly #forgetting: Forgetting
  readonly #queue = new SerialQueue()
  readonly #resumption: Resumption
  #unsubscribe: (() => Promise<void>) | undefined
  /** The head in which we last asked to be removed. */
  #askedIn: DmlsEpoch | undefined
  #closed = false
  #ended = false

  private constructor(
    context: ClientContext,
    outside: Outside,
    running: RunningState,
    ledger: MessageLedger,
    inbox: MessageInbox,
  ) {
    this.#context = context
    this.#welcomes = outside.welcomes
    this.#welcomeInbox = outside.inbox
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
      requested: (bytes, keyPackage) => this.#homecoming.hear(bytes, keyPackage),
      missed: (epoch) => {
        if (this.isMember) this.#pursuit.misses(epoch)
      },
    })
    const { keyPackages } = outside
    this.#keyPackages = keyPackages
    this.#forgetting = new Forgetting({ context, running, ledger, keyPackages })
    this.#homecoming = new Homecoming({
      running,
      ledger,
      keys: keyPackages,
      publish: (messages) => this.#publish(messages),
      tell: (events) => this.#announcer.tell(events),
      invitations: () => this.#welcomeInbox.invitationsTo(this.id),
      noted: () => this.#maintenance.reconsider(),
    })
    this.#resumption = new Resumption(context, { askPeers: () => this.#askPeers(), idle: () => this.#queue.idle() })
    this.#pursuit = new Pursuit(context, {
      awaited: () => ledger.awaited(),
      isLost: (epoch) => isLostBranch(running.current, dmlsEpoch(epoch)),
      askPeers: () => this.#askPeers(),
      report: (event) => this.#announcer.tell([event]),
      cannotFollow: () => this.#askBack('out_of_reach'),
      stillCannotFollow: () =>
        this.#soon(async () => {
          if (this.isMember) await this.#homecoming.askAsInvited()
        }),
      caughtUp: () => this.#soon(() => this.#homecoming.stopAsking()),
    })
    this.#maintenance = new Maintenance(context, {
      state: () => running.current,
      commit: (request) => this.#commitIfStillNeeded(request),
      report: (event) => this.#announcer.tell([event]),
      retire: () => this.#retire(),
    })
  }

  /**
   * Takes part in the group. One that was in the store listens to what it may have said in another life before it
   * speaks.
   */
  static async start(
    context: ClientContext,
    outside: Outside,
    running: RunningState,
    origin: 'begun' | 'stored',
  ): Promise<RunningGroup> {
    const { groupId } = running.current
    const ledger = await MessageLedger.open(context, groupId)
    const inbox = await MessageInbox.open(context.store, groupId)
    const group = new RunningGroup(context, outside, running, ledger, inbox)
    // a crash may have come between an epoch and the messages that waited for it
    for (const epoch of ledger.awaited()) {
      if (running.current.dag.has(dmlsEpoch(epoch))) await group.#intake.retry(epoch)
    }
    group.#unsubscribe = await context.delivery.subscribe(groupTopic(context.digest, groupId), {
      receive: (message) => {
        group.#resumption.heard()
        return group.#queue.run(async () => (group.#closed ? 'ignore' : group.#intake.receive(message)))
      },
      held: () => ledger.held(),
      load: (id) => ledger.load(toHex(id)),
    })
    group.#maintenance.reconsider()
    if (origin === 'stored') {
      group.#resumption.begin(() => {
        group.#soon(() => group.#askToBeRemoved())
        if (group.state.isLost) group.#askBack('state_lost')
      })
    }
    return group
  }

  get state(): DmlsGroupState {
    return this.#running.current
  }

  /** False once this client has been removed. */
  get isMember(): boolean {
    return this.state.removal === undefined
  }

  /** @throws MlsError `usage` `group_closed` */
  on(listener: (event: GroupEvent) => void | Promise<void>): () => void {
    this.#requireOpen()
    return this.#announcer.add(async (event) => {
      this.#requireNotEnded()
      await listener(event)
      // a message whose handler ended the group leaves no mark in a store that may have the group anew
      this.#requireNotEnded()
    })
  }

  /** The state, for what is computed with its secrets. @throws MlsError `usage` `group_closed` */
  get secretState(): DmlsGroupState {
    this.#requireOpen()
    return this.state
  }

  // What an application asks for: in turn, once we may speak

  /** Says something in the chosen epoch; returns the message's id. */
  async say(content: ApplicationContent): Promise<Uint8Array> {
    this.#requireOpen()
    await this.#resumption.done
    return this.#queue.run(() => {
      this.#requireMember()
      return this.#say(content)
    })
  }

  async commit(request: (state: DmlsGroupState) => CommitRequest, watch: Watch = {}): Promise<void> {
    this.#requireOpen()
    watch.signal?.throwIfAborted()
    await this.#resumption.done
    return this.#queue.run(() => {
      watch.signal?.throwIfAborted()
      this.#requireMember()
      return this.#commit(request(this.state), watch)
    })
  }

  /** Computes something that changes nothing. */
  async ask<T>(question: (state: DmlsGroupState, services: DmlsServices) => Promise<T>): Promise<T> {
    this.#requireOpen()
    await this.#resumption.done
    return this.#queue.run(() => {
      this.#requireMember()
      return question(this.state, this.#running.services())
    })
  }

  #requireOpen(): void {
    if (this.#closed) throw usage('group_closed', 'the client is closed, or has forgotten the group')
  }

  #requireNotEnded(): void {
    if (this.#ended) throw usage('group_closed', 'the client has forgotten the group')
  }

  #requireMember(): void {
    this.#requireOpen()
    if (!this.isMember) throw usage('not_a_member', 'this client was removed from the group')
  }

  // Steps

  async #say(content: ApplicationContent): Promise<Uint8Array> {
    const before = this.state
    const sent = await sendMessage(before, content, this.#running.services())
    await this.#running.apply(sent, this.#ledger.process([sent.wire], OWN))
    this.#stepped(before, sent)
    await this.#publish([sent.wire])
    return this.#ledger.messageId(decodeDmlsMessage(sent.wire))
  }

  async #commit(request: CommitRequest, watch: Watch = {}): Promise<void> {
    const before = this.state
    const made = await makeCommit(before, request, { ...this.#running.services(), ...watch })
    const wires = [made.wire, ...made.handovers]
    const welcome =
      made.welcome && (await this.#welcomes.prepare(made.welcome.message, made.epoch, made.welcome.recipients))
    await this.#running.apply(made, this.#ledger.process(wires, OWN), ...(welcome === undefined ? [] : [welcome]))
    this.#stepped(before, made)
    await this.#publish(wires)
    await welcome?.send()
    await this.#intake.retry(made.epoch)
  }

  async #commitIfStillNeeded(request: () => CommitRequest | undefined): Promise<void> {
    await this.#resumption.done
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
    const before = this.state.epochs
    const somethingWent = await this.#forgetting.run()
    // a merge need not wait for a branch that begins where nothing can be processed any more
    if (this.state.epochs !== before) this.#soon(() => this.#intake.reconsider())
    return somethingWent
  }

  #askPeers(): Promise<void> {
    return this.#context.delivery.backfill(groupTopic(this.#context.digest, this.id))
  }

  /** Something to do between the steps, and not to wait for. What fails is tried again when the situation is met again. */
  #soon(task: () => Promise<void>): void {
    this.#queue.run(async () => (this.#closed ? undefined : task())).catch(() => undefined)
  }

  #askBack(reason: RejoinReason): void {
    this.#soon(async () => {
      if (this.isMember) await this.#homecoming.ask(reason)
    })
  }

  /** Publishes what the log holds already. */
  publish(wires: readonly Uint8Array[]): Promise<void> {
    return this.#publish(wires)
  }

  /** Best effort: what nobody receives now is found later by backfill, for it is in the log. */
  async #publish(wires: readonly Uint8Array[]): Promise<void> {
    const topic = groupTopic(this.#context.digest, this.id)
    for (const wire of wires) await this.#context.delivery.publish(topic, wire).catch(() => undefined)
  }

  #stepped(before: DmlsGroupState, { state, changes }: Step): void {
    // a merge may keep somebody whom we took for removed, and whose messages we refused
    const brings = changes.facts.some(({ resolves, adds }) => resolves.length > 0 && adds.length > 0)
    if (brings && this.#ledger.forgetRefusalsOfRemoved()) this.#askPeers().catch(() => undefined)
    this.#announcer.tell(eventsOf(before, state, changes))
    this.#maintenance.reconsider()
    this.#pursuit.reconsider()
    // the Welcome that brings us back may have come first
    if (before.removal === undefined && state.removal !== undefined) this.#retryWelcomes()
    // scenario 1: nobody grows our state beyond the caps until the next look at it
    if (changes.epochs.length > 0 && this.#forgetting.isOverCaps) this.#soon(async () => void (await this.#retireNow()))
  }

  async #received(received: ReceivedStep, before: DmlsGroupState): Promise<void> {
    this.#stepped(before, received)
    if (received.kind === 'application') {
      this.#announcer.deliver()
      if (received.content.kind === 'handover') this.#retryWelcomes()
    }
    if (received.kind === 'lost') {
      if (!before.isLost) {
        this.#announcer.tell([{ type: 'stateLost', dmlsEpoch: received.epoch }])
        this.#askBack('state_lost')
      }
      return
    }
    // what a merge waits for may lie where we cannot see it any more
    if (received.kind === 'removed') this.#soon(() => this.#intake.reconsider())
    // a Welcome that is served for longer than it must does no harm
    await this.#heard(received).catch(() => undefined)
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
    const { removal, head, isLost } = this.state
    if (
      removal === undefined ||
      removal.exchanged ||
      isLost ||
      head === removal.parent ||
      this.#askedIn === head ||
      !this.#resumption.isDone
    )
      return
    await this.#say({ kind: 'leave_request' })
    this.#askedIn = head
  }

  /**
   * Follows a Welcome of this group: after a removal as a new instance, otherwise on the word of a handover.
   * @throws MlsError `missing` `no_handover` when it must wait for one, `group_ending`; `invalid` `already_member`
   */
  adopt(joined: Joined, key: SigningKey, alongside: Pending): Promise<void> {
    return this.#queue.run(async () => {
      // the Welcome waits: once the group is forgotten, it may be a first invitation
      if (this.#closed) throw new MlsError('missing', 'group_ending', 'this client is about to forget the group')
      const before = this.state
      const epoch = dmlsEpoch(joined.state.epochId)
      const step = wayInto(before, joined, this.#running.services())
      await this.#running.applyWithKey(step, key, alongside)
      step.wipe?.()
      this.#stepped(before, step)
      if (answersRequest(before, joined)) this.#announcer.tell([{ type: 'rejoined', dmlsEpoch: epoch }])
      // what was of no use may be a part of the branch that we are on now
      this.#ledger.forgetRefusals()
      this.#pursuit.forget()
      await this.#homecoming.stopAsking()
      this.#askPeers().catch(() => undefined)
      await this.#intake.retry(epoch)
    })
  }

  /** A Welcome that the disk kept from being followed stays in the inbox, and is tried again with the next of these. */
  #retryWelcomes(): void {
    this.#welcomeInbox.retry().catch((error: unknown) => {
      if (error instanceof StoreError) this.#announcer.tell([diskRefusal(error)])
    })
  }

  /** Finishes running steps and takes part no more, and tells the application what it has not been told. */
  async close(): Promise<void> {
    await this.#stop()
    await this.#announcer.idle()
  }

  /**
   * Ends the group here for good: deletes its records and what belongs to them in one batch, then overwrites what is in
   * memory. Listeners are told nothing more. When the batch fails, the group is closed, and this can be tried again.
   */
  async end(alongside: () => Pending): Promise<void> {
    // a handler may be what waits for this, so it does not wait for handlers
    await this.#stop()
    const records = await deletionOf(this.#context, this.id)
    const none = (): boolean => false
    const pending = [this.#keyPackages.release(this.id, none, none), alongside()]
    await this.#running.write({
      operations: [...records, ...pending.flatMap(({ operations }) => operations)],
      written: () => {
        for (const { written } of pending) written()
        this.#ended = true
        this.#running.wipe()
      },
    })
  }

  async #stop(): Promise<void> {
    this.#closed = true
    this.#maintenance.stop()
    this.#pursuit.stop()
    this.#resumption.stop()
    await this.#unsubscribe?.()
    await this.#queue.idle()
  }
}
