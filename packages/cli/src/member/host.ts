/**
 * One member as a service: takes requests, keeps a journal of what it heard, and reports what happens. It decides
 * nothing about the protocol; the client below it does. Reading and writing lines is the business of session.ts.
 */
import type { DmlsGroup, GroupEvent } from '@dmls/client'
import type { Verdict } from '@dmls/client/ports'
import { fromHex, toHex } from '@dmls/crypto'
import { type DmlsEpoch, dmlsEpoch } from '@dmls/dmls'
import type { Node } from '../node/node.ts'
import type { DeliveryObserver } from '../node/observed-delivery.ts'
import { coalesce } from './coalesce.ts'
import type { Journal } from './journal.ts'
import type { MemberReport, MemberRequest, MemberState, SentText } from './protocol.ts'
import { groupState, historyReport } from './snapshot.ts'

/** States closer together than this are reported as one. */
const STATE_DELAY_MS = 15
/** A state is repeated this often although nothing was noticed: whatever a missed event would have told. */
const HEARTBEAT_MS = 1_000
/** How long a key package may take to come. The request can be made again. */
const KEY_PACKAGE_TIMEOUT_MS = 8_000

export interface HostOptions {
  readonly journal: Journal
  readonly report: (report: MemberReport) => void
}

export class MemberHost {
  readonly #journal: Journal
  readonly #report: (report: MemberReport) => void
  readonly #wireIdsOfSends: Set<string>[] = []
  readonly #stateChanged = coalesce(STATE_DELAY_MS, () => this.#reportState())
  #node: Node | undefined
  #heartbeat: NodeJS.Timeout | undefined
  #stopFollowing: (() => void)[] = []

  constructor({ journal, report }: HostOptions) {
    this.#journal = journal
    this.#report = report
  }

  /** To be told of what passes through the member's delivery. */
  readonly observer: DeliveryObserver = {
    published: (wireId: string) => {
      for (const wireIds of this.#wireIdsOfSends) wireIds.add(wireId)
    },
    arrived: (wireId: string, verdict: Verdict) => {
      this.#report({ type: 'arrived', wireId, verdict })
      this.#stateChanged()
    },
  }

  /** Starts reporting on the member. */
  start(node: Node): void {
    this.#node = node
    const { client, network } = node
    for (const message of this.#journal.received()) this.#report({ type: 'received', message })
    for (const group of client.groups()) this.#follow(group)
    this.#stopFollowing.push(
      client.onGroup((group) => {
        this.#follow(group)
        this.#stateChanged()
      }),
      network.onPeersChanged(this.#stateChanged),
    )
    this.#heartbeat = setInterval(() => this.#reportState(), HEARTBEAT_MS)
    this.#report({ type: 'ready', state: this.#state() })
  }

  /** Stops reporting. The node is closed by its owner. */
  stop(): void {
    clearInterval(this.#heartbeat)
    this.#stateChanged.cancel()
    for (const stop of this.#stopFollowing) stop()
    this.#stopFollowing = []
    this.#node = undefined
  }

  /** Does what is asked and returns what there is to say about it. Throws what the client throws. */
  async handle(request: Exclude<MemberRequest, { do: 'close' }>): Promise<unknown> {
    switch (request.do) {
      case 'create':
        return this.#create()
      case 'add':
        return this.#add(request.identities)
      case 'remove':
        return this.#remove(request.identities)
      case 'update':
        return this.#update(dmlsEpoch(request.after))
      case 'send':
        return this.#send(request.text)
      case 'admit':
        return this.#open().network.admit(request.peers ?? undefined)
      case 'dial':
        return this.#dial(request.addresses)
      case 'state':
        return this.#state()
      case 'history':
        return historyReport(this.#requireGroup())
    }
  }

  async #create(): Promise<MemberState> {
    const { client } = this.#open()
    if (this.#group() === undefined) this.#follow(await client.createGroup())
    return this.#state()
  }

  async #add(identities: readonly string[]): Promise<void> {
    const { client } = this.#open()
    const group = this.#requireGroup()
    const absent = (): readonly string[] => identities.filter((identity) => !isIn(group, identity))
    const keyPackages = await Promise.all(
      absent().map(async (identity) => ({
        identity,
        keyPackage: await client.fetchKeyPackage(fromHex(identity), KEY_PACKAGE_TIMEOUT_MS),
      })),
    )
    // Somebody else may have added them while the key packages were on their way.
    const wanted = keyPackages.filter(({ identity }) => !isIn(group, identity))
    if (wanted.length > 0) await group.add(wanted.map(({ keyPackage }) => keyPackage))
  }

  async #remove(identities: readonly string[]): Promise<void> {
    const group = this.#requireGroup()
    const present = identities.filter((identity) => isIn(group, identity))
    if (present.length > 0) await group.remove(present.map(fromHex))
  }

  async #update(after: DmlsEpoch): Promise<void> {
    const group = this.#requireGroup()
    const self = group.members().find(({ isSelf }) => isSelf)?.instance
    const dag = group.dag()
    const hasUpdated = dag
      .epochs()
      .some(({ id, committer }) => committer !== undefined && committer === self && dag.precedes(after, id))
    if (!hasUpdated) await group.update()
  }

  async #send(text: string): Promise<SentText> {
    const sentBefore = this.#journal.sent(text)
    if (sentBefore !== undefined) return sentBefore
    const wireIds = new Set<string>()
    this.#wireIdsOfSends.push(wireIds)
    try {
      const messageId = toHex(await this.#requireGroup().send(new TextEncoder().encode(text)))
      const sent = { text, messageId, wireIds: [...wireIds] }
      this.#journal.noteSent(sent)
      return sent
    } finally {
      this.#wireIdsOfSends.splice(this.#wireIdsOfSends.indexOf(wireIds), 1)
    }
  }

  async #dial(addresses: readonly string[]): Promise<{ reached: readonly string[]; refused: readonly string[] }> {
    const { network } = this.#open()
    const results = await Promise.allSettled(addresses.map((address) => network.dial(address)))
    const having = (status: 'fulfilled' | 'rejected'): readonly string[] =>
      addresses.filter((_, index) => results[index]?.status === status)
    return { reached: having('fulfilled'), refused: having('rejected') }
  }

  #follow(group: DmlsGroup): void {
    this.#stopFollowing.push(group.on((event) => this.#onEvent(group, event)))
  }

  #onEvent(group: DmlsGroup, event: GroupEvent): void {
    this.#stateChanged()
    switch (event.type) {
      case 'message': {
        const { id, sender, data, dmlsEpoch: epoch, branch } = event.message
        const message = {
          messageId: toHex(id),
          sender: toHex(sender.identity),
          text: new TextDecoder().decode(data),
          dmlsEpoch: epoch,
          branch,
        }
        if (this.#journal.noteReceived(message)) this.#report({ type: 'received', message })
        return
      }
      case 'epochAdded': {
        const epoch = historyReport(group).epochs.find(({ id }) => id === event.dmlsEpoch)
        if (epoch !== undefined) this.#report({ type: 'epochAdded', epoch })
        return
      }
      case 'refused':
        this.#report({ type: 'notice', text: `refused: ${event.code} (${event.reason})` })
        return
      case 'unknownEpoch':
        this.#report({ type: 'notice', text: `waiting for epoch ${event.dmlsEpoch}: ${event.waiting} messages` })
        return
      case 'beyondHorizon':
        this.#report({ type: 'notice', text: `epoch ${event.dmlsEpoch} is beyond the horizon` })
        return
      case 'forkOpenTooLong':
        this.#report({ type: 'notice', text: `a fork has been open for ${event.openMs} ms` })
        return
      case 'equivocation':
        this.#report({ type: 'notice', text: `${event.instance} speaks with two tongues` })
        return
      case 'cannotFollow':
        this.#report({ type: 'notice', text: `cannot follow the others to ${event.epochs.join(', ')}` })
        return
      case 'stateLost':
        this.#report({ type: 'notice', text: 'this state went on elsewhere' })
        return
      case 'orphaned':
        this.#report({ type: 'notice', text: 'nobody is left in the group' })
        return
      case 'headChanged':
      case 'merged':
      case 'membersChanged':
      case 'forkOpened':
      case 'removed':
      case 'rejoined':
        // Told by the state.
        return
    }
  }

  #reportState(): void {
    if (this.#node !== undefined) this.#report({ type: 'state', state: this.#state() })
  }

  #state(): MemberState {
    const { client, network } = this.#open()
    const group = this.#group()
    return {
      identity: toHex(client.identity),
      peer: network.name,
      addresses: network.addresses(),
      peers: network.peers(),
      ...(group === undefined ? {} : { group: groupState(group) }),
    }
  }

  /** The member's only group. */
  #group(): DmlsGroup | undefined {
    return this.#node?.client.groups()[0]
  }

  #requireGroup(): DmlsGroup {
    const group = this.#group()
    if (group === undefined) throw Object.assign(new Error('this member is in no group yet'), { code: 'no_group' })
    return group
  }

  #open(): Node {
    if (this.#node === undefined) throw Object.assign(new Error('this member is not running'), { code: 'not_running' })
    return this.#node
  }
}

function isIn(group: DmlsGroup, identity: string): boolean {
  return group.members().some((member) => toHex(member.identity) === identity)
}
