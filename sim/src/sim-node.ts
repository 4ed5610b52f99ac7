/**
 * One device: its disk, its clock and its identity, and the process that runs a client on them, which can be killed at
 * any moment and started again.
 */
import {
  type CreateGroupOptions,
  type DmlsClient,
  type DmlsGroup,
  type GroupEvent,
  identityFromPrivateKey,
  openClient,
  type Timing,
} from '@dmls/client'
import { MemoryStore } from '@dmls/client/memory-store'
import { type CipherSuiteId, type CryptoProvider, toHex } from '@dmls/crypto'
import { MlsError } from '@dmls/mls'
import type { EventQueue } from './event-queue.ts'
import type { Attempt, Observations, Outcome, SentText } from './observations.ts'
import type { SeededRandom } from './seeded-random.ts'
import type { SimNetwork } from './sim-network.ts'
import { type Disk, SimStore, type WriteFault } from './sim-store.ts'
import type { Trace } from './trace.ts'
import { type ClockError, RIGHT_CLOCK, VirtualClock } from './virtual-clock.ts'

/** What all nodes of a world share. */
export interface Surroundings {
  readonly queue: EventQueue
  readonly network: SimNetwork
  readonly trace: Trace
  readonly provider: CryptoProvider
  readonly cipherSuite: CipherSuiteId
  readonly observations: Observations
  readonly timing: Partial<Timing>
}

interface Process {
  readonly life: number
  readonly clock: VirtualClock
  readonly store: SimStore
  /** Resolves when it dies. */
  readonly death: Promise<'died'>
  readonly die: (how: 'died') => void
  client: DmlsClient | undefined
  isAlive: boolean
}

export class SimNode {
  readonly name: string
  /** Its identity as others see it, hexadecimal. */
  readonly identity: string
  readonly #surroundings: Surroundings
  readonly #random: SeededRandom
  readonly #identityKey: Uint8Array
  readonly #clockError: ClockError
  #disk: Disk = new MemoryStore()
  /** A copy of the disk, and how many texts of all nodes there were when it was made. */
  #kept: { readonly disk: Disk; readonly texts: number } | undefined
  #restorations = 0
  #process: Process | undefined
  #lives = 0

  private constructor(
    surroundings: Surroundings,
    options: { name: string; random: SeededRandom; identityKey: Uint8Array; identity: string; clock: ClockError },
  ) {
    this.#surroundings = surroundings
    this.name = options.name
    this.identity = options.identity
    this.#random = options.random
    this.#identityKey = options.identityKey
    this.#clockError = options.clock
  }

  /** A device that is switched off, with a fresh identity or that of another of its owner's devices. */
  static async create(
    surroundings: Surroundings,
    options: {
      readonly name: string
      readonly random: SeededRandom
      readonly clock?: ClockError
      readonly owner?: SimNode
    },
  ): Promise<SimNode> {
    const suite = surroundings.provider.cipherSuite(surroundings.cipherSuite)
    const random = options.random.fork('identity')
    const identityKey =
      options.owner === undefined
        ? (await suite.generateSignatureKeyPair((length) => random.bytes(length))).privateKey
        : options.owner.#identityKey
    return new SimNode(surroundings, {
      name: options.name,
      random: options.random.fork('process'),
      identityKey,
      identity: toHex(await suite.signaturePublicKey(identityKey)),
      clock: options.clock ?? RIGHT_CLOCK,
    })
  }

  get isRunning(): boolean {
    return this.#process?.isAlive === true
  }

  /** Whether it runs and takes orders: a process that is still reading its disk does not. */
  get isOpen(): boolean {
    return this.isRunning && this.#process?.client !== undefined
  }

  /** How many processes this node has had. */
  get lives(): number {
    return this.#lives
  }

  /** @throws Error if the node is not running */
  get client(): DmlsClient {
    return this.#running().client
  }

  /** The one group that this node is or was in, if it is running and in one. */
  get group(): DmlsGroup | undefined {
    const process = this.#process
    return process?.isAlive === true ? process.client?.groups()[0] : undefined
  }

  get disk(): Disk {
    return this.#disk
  }

  /** Starts a process on the disk as it is. Resolves once the client is open, or the process died before. */
  async start(): Promise<'running' | 'died'> {
    if (this.isRunning) throw new Error(`${this.name} is running already`)
    const { queue, trace } = this.#surroundings
    const life = ++this.#lives
    const store = new SimStore(this.#disk, {
      kill: () => this.crash(),
      wrote: (operations) => trace.add(this.name, 'wrote', `${operations.length}`),
    })
    const { promise: death, resolve: die } = Promise.withResolvers<'died'>()
    const process: Process = {
      life,
      death,
      die,
      clock: new VirtualClock(queue, this.#clockError),
      store,
      client: undefined,
      isAlive: true,
    }
    this.#process = process
    trace.add(this.name, 'start', `${life}`)
    return Promise.race([this.#open(process), death])
  }

  async #open(process: Process): Promise<'running'> {
    const { provider, cipherSuite, network, timing } = this.#surroundings
    const client = await openClient({
      provider,
      cipherSuite,
      store: process.store,
      delivery: network.attach(this.name),
      identity: await identityFromPrivateKey(provider.cipherSuite(cipherSuite), this.#identityKey),
      clock: process.clock,
      random: (length) => this.#random.bytes(length),
      timing,
    })
    process.client = client
    for (const group of client.groups()) this.#listen(process, group)
    client.onGroup((group) => this.#listen(process, group))
    return 'running'
  }

  /** Begins a group with this node alone. */
  async createGroup(options: CreateGroupOptions = {}): Promise<DmlsGroup> {
    const group = await this.client.createGroup(options)
    if (this.#process !== undefined) this.#listen(this.#process, group)
    return group
  }

  /** The process dies now: nothing of it happens any more, and what it had asked for is lost. */
  crash(): void {
    const process = this.#process
    if (process === undefined || !process.isAlive) return
    process.isAlive = false
    process.store.die()
    process.clock.stop()
    this.#surroundings.network.detach(this.name)
    this.#surroundings.trace.add(this.name, 'crash')
    process.die('died')
  }

  /** The process ends as it should. */
  async stop(): Promise<void> {
    await this.client.close()
    this.crash()
  }

  /** Lets a write of the running process go wrong. */
  armStore(fault: WriteFault): void {
    this.#process?.store.arm(fault)
  }

  /** No write goes wrong any more. */
  disarmStore(): void {
    this.#process?.store.disarm()
  }

  /** Everything on the disk as it is now. */
  backup(): Disk {
    return this.#disk.copy()
  }

  /** Remembers everything on the disk as it is now. */
  keepBackup(): void {
    this.#kept = { disk: this.backup(), texts: this.#surroundings.observations.sent.length }
  }

  get hasBackup(): boolean {
    return this.#kept !== undefined
  }

  /** How often it was set back to an old disk. */
  get restorations(): number {
    return this.#restorations
  }

  /** Puts the remembered disk in; the node must not be running. What it said since may be gone from the world. */
  restoreBackup(): void {
    if (this.#kept === undefined) throw new Error(`${this.name} has no backup`)
    const { disk, texts } = this.#kept
    this.#restorations++
    for (const sent of this.#surroundings.observations.sent.slice(texts)) {
      if (sent.node === this.name) sent.isForgotten = true
    }
    this.replaceDisk(disk)
  }

  /** Puts another disk in; the node must not be running. */
  replaceDisk(disk: Disk): void {
    if (this.isRunning) throw new Error(`${this.name} is running`)
    this.#disk = disk.copy()
  }

  // What a node is told to do

  /** Begins something and remembers how it ends. Resolves when it has ended, or the process died before. */
  async attempt(what: string, action: (client: DmlsClient) => Promise<unknown>): Promise<Attempt> {
    const attempt: Attempt = { node: this.name, life: this.#lives, what, outcome: { kind: 'pending' } }
    await this.#carryOut(attempt, action)
    return attempt
  }

  /** Sends a text to the group. */
  async say(text: string): Promise<Attempt> {
    const attempt: SentText = {
      node: this.name,
      life: this.#lives,
      what: 'say',
      outcome: { kind: 'pending' },
      text,
      id: undefined,
      isForgotten: false,
    }
    this.#surroundings.observations.sent.push(attempt)
    await this.#carryOut(attempt, async () => {
      attempt.id = toHex(await this.requireGroup().send(new TextEncoder().encode(text)))
    })
    return attempt
  }

  /** @throws Error when the node is in no group */
  requireGroup(): DmlsGroup {
    const group = this.group
    if (group === undefined) throw new Error(`${this.name} is in no group`)
    return group
  }

  async #carryOut(attempt: Attempt, action: (client: DmlsClient) => Promise<unknown>): Promise<void> {
    const { observations, trace } = this.#surroundings
    const { process, client } = this.#running()
    observations.attempts.push(attempt)
    trace.add(this.name, 'begin', attempt.what)
    attempt.outcome = await Promise.race([outcomeOf(action(client)), process.death.then(() => LOST)])
    trace.add(this.name, attempt.outcome.kind, `${attempt.what}${codeOf(attempt)}`)
  }

  /** @throws Error if there is no process with an open client */
  #running(): { readonly process: Process; readonly client: DmlsClient } {
    const process = this.#process
    if (process?.client === undefined || !process.isAlive) throw new Error(`${this.name} is not running`)
    return { process, client: process.client }
  }

  // What a node is told by its groups

  #listen(process: Process, group: DmlsGroup): void {
    group.on((event) => this.#heard(process, event))
  }

  #heard(process: Process, event: GroupEvent): void {
    if (!process.isAlive) return
    const { observations, trace } = this.#surroundings
    if (event.type !== 'message') {
      observations.events.push({ node: this.name, life: process.life, event })
      trace.add(this.name, event.type, describeEvent(event))
      return
    }
    const { id, data, sender, dmlsEpoch, branch } = event.message
    const text = new TextDecoder().decode(data)
    observations.delivered.push({
      node: this.name,
      life: process.life,
      id: toHex(id),
      text,
      sender: toHex(sender.identity),
      epoch: dmlsEpoch,
      branch,
    })
    trace.add(this.name, 'message', `${text} ${dmlsEpoch.slice(0, 8)} ${branch}`)
  }
}

const LOST: Outcome = { kind: 'lost' }

async function outcomeOf(action: Promise<unknown>): Promise<Outcome> {
  try {
    await action
    return { kind: 'done' }
  } catch (error) {
    const code = error instanceof MlsError ? error.code : error instanceof Error ? error.name : 'unknown'
    return { kind: 'refused', code, error }
  }
}

function codeOf({ outcome }: Attempt): string {
  return outcome.kind === 'refused' ? ` ${outcome.code}` : ''
}

/** Identifiers of an event, shortened, for the trace. */
function describeEvent(event: Exclude<GroupEvent, { type: 'message' }>): string {
  const short = (id: string): string => id.slice(0, 8)
  switch (event.type) {
    case 'headChanged':
      return `${short(event.from)} ${short(event.to)} ${event.epoch}`
    case 'epochAdded':
      return `${short(event.dmlsEpoch)} after ${short(event.parent)}`
    case 'merged':
      return `${short(event.dmlsEpoch)} resolves ${event.resolved.map(short).join(' ')}`
    case 'membersChanged':
      return `+${event.added.map(({ instance }) => short(instance)).join('+')} -${event.removed.map(({ instance }) => short(instance)).join('-')}`
    case 'forkOpened':
    case 'forkOpenTooLong':
      return event.heads.map(short).join(' ')
    case 'equivocation':
      return `${short(event.instance)} ${event.epochs.map(short).join(' ')}`
    case 'beyondHorizon':
    case 'unknownEpoch':
    case 'stateLost':
    case 'rejoined':
      return short(event.dmlsEpoch)
    case 'cannotFollow':
      return event.epochs.map(short).join(' ')
    case 'orphaned':
      return ''
    case 'removed':
      return event.by === undefined ? '' : short(event.by.instance)
    case 'refused':
      return event.code
  }
}
