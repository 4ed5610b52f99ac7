/**
 * Somebody with a real client: a disk, a clock that stands still until it is told otherwise, and a network that carries
 * what a story hands over. The client can be closed and opened again, also on an older disk.
 */
import {
  type Clock,
  createIdentity,
  type Delivery,
  type DmlsClient,
  type DmlsGroup,
  type GroupEvent,
  type Identity,
  openClient,
  type Timer,
  type Timing,
  type Topic,
  type TopicHandler,
  type Verdict,
} from '@dmls/client'
import { MemoryStore } from '@dmls/client/memory-store'
import { toHex } from '@dmls/crypto'
import { drain, SeededRandom } from '@dmls/sim'
import { START_MS, suite } from './actor.ts'
import { bytesInMemory, lootInMemory } from './client-memory.ts'
import { type Derivations, leftOver, type Watched } from './derivations.ts'
import { ReadStore } from './read-store.ts'
import type { Loot } from './thief.ts'

/** Something on the network. */
export interface Parcel {
  readonly by: string
  readonly topic: string
  readonly message: Uint8Array
}

/** Longer than all the time that passes in a story, and no two alike. */
const DUTY_MS = 1e9
const NEVER_MS = 1e15
const TIMING: Partial<Timing> = {
  mergeQuiescenceMs: DUTY_MS,
  mergeRankDelayMs: 0,
  retentionIntervalMs: 1,
  resumeSyncMs: 0,
  resumeQuietMs: 0,
  forkOpenTooLongMs: NEVER_MS,
  askPeersDelayMs: NEVER_MS,
  cannotFollowAfterMs: NEVER_MS,
}

class HandClock implements Clock {
  #nowMs: number
  #tasks: { readonly delayMs: number; readonly atMs: number; readonly task: () => void }[] = []

  constructor(nowMs: number) {
    this.#nowMs = nowMs
  }

  nowMs(): number {
    return this.#nowMs
  }

  schedule(delayMs: number, task: () => void): Timer {
    const entry = { delayMs, atMs: this.#nowMs + delayMs, task }
    this.#tasks.push(entry)
    return {
      cancel: () => {
        this.#tasks = this.#tasks.filter((each) => each !== entry)
      },
    }
  }

  /** Does what is due after that time, but not what is asked for meanwhile. */
  pass(ms: number): void {
    this.#nowMs += ms
    this.#run(({ atMs }) => atMs <= this.#nowMs)
  }

  /** Does what a member does for its group when nobody else does, as if the time for it had come. */
  tend(): void {
    this.#run(({ delayMs }) => delayMs >= DUTY_MS && delayMs < NEVER_MS)
  }

  #run(isDue: (entry: { readonly delayMs: number; readonly atMs: number }) => boolean): void {
    const due = this.#tasks.filter(isDue)
    this.#tasks = this.#tasks.filter((each) => !due.includes(each))
    for (const { task } of due) task()
  }
}

class Wire implements Delivery {
  readonly handlers = new Map<string, TopicHandler>()
  readonly published: { readonly topic: string; readonly message: Uint8Array }[] = []

  async subscribe(topic: Topic, handler: TopicHandler): Promise<() => Promise<void>> {
    const name = toHex(topic)
    this.handlers.set(name, handler)
    return async () => void this.handlers.delete(name)
  }

  async publish(topic: Topic, message: Uint8Array): Promise<void> {
    this.published.push({ topic: toHex(topic), message: message.slice() })
  }

  async backfill(): Promise<void> {
    // nobody is there to ask
  }

  async close(): Promise<void> {
    this.handlers.clear()
  }
}

/** What a process has in memory. */
export interface Memory {
  readonly loot: Loot
  readonly bytes: Uint8Array
  /** Secrets that its cipher suite made and nobody overwrote. */
  readonly leftOver: ReadonlySet<string>
  /** Values that it read from its store and did not overwrite. */
  readonly read: Uint8Array
}

/** A process that runs a client. */
interface Life {
  readonly client: DmlsClient
  readonly clock: HandClock
  readonly wire: Wire
  readonly watched: Watched
  readonly store: ReadStore
}

export class Resident {
  readonly name: string
  readonly identity: Identity
  /** Texts as the application got them. */
  readonly texts: string[] = []
  readonly events: GroupEvent[] = []
  readonly #derivations: Derivations
  readonly #random: SeededRandom
  #disk: MemoryStore = new MemoryStore()
  #life: Life | undefined
  #nowMs: number = START_MS

  private constructor(name: string, identity: Identity, random: SeededRandom, derivations: Derivations) {
    this.name = name
    this.identity = identity
    this.#random = random
    this.#derivations = derivations
  }

  static async moveIn(name: string, seed: number, derivations: Derivations): Promise<Resident> {
    const random = new SeededRandom(`${seed}/${name}`)
    const { identity } = await createIdentity(suite, (length) => random.bytes(length))
    const resident = new Resident(name, identity, random, derivations)
    await resident.#open()
    return resident
  }

  async #open(): Promise<void> {
    const watched = this.#derivations.watch()
    const clock = new HandClock(this.#nowMs)
    const wire = new Wire()
    const store = new ReadStore(this.#disk)
    const client = await openClient({
      provider: watched.provider,
      store,
      delivery: wire,
      identity: this.identity,
      clock,
      random: (length) => this.#random.bytes(length),
      timing: TIMING,
    })
    this.#life = { client, clock, wire, watched, store }
    for (const group of client.groups()) this.#listen(group)
    client.onGroup((group) => this.#listen(group))
    await this.settle()
  }

  #listen(group: DmlsGroup): void {
    group.on((event) => {
      this.events.push(event)
      if (event.type === 'message') this.texts.push(new TextDecoder().decode(event.message.data))
    })
  }

  get #running(): Life {
    if (this.#life === undefined) throw new Error(`${this.name} runs no client`)
    return this.#life
  }

  get client(): DmlsClient {
    return this.#running.client
  }

  /** The one group that it is or was in. */
  get group(): DmlsGroup | undefined {
    return this.client.groups()[0]
  }

  get requireGroup(): DmlsGroup {
    if (this.group === undefined) throw new Error(`${this.name} is in no group`)
    return this.group
  }

  get isMember(): boolean {
    return this.group?.isMember === true
  }

  /** The instance that it is. */
  get self(): string {
    return this.requireGroup.members().find(({ isSelf }) => isSelf)?.instance ?? 'nobody'
  }

  get watched(): Watched {
    return this.#running.watched
  }

  get nowMs(): number {
    return this.#nowMs
  }

  /** Everything on its disk now, in buffers of its own. */
  copyDisk(): MemoryStore {
    return this.#disk.copy()
  }

  /** What its process holds: as a thief can use it, all its bytes, and whatever its cipher suite made and nobody overwrote. */
  memory(): Memory {
    const { store } = this.#running
    return {
      loot: lootInMemory(store, this.group !== undefined),
      bytes: bytesInMemory(store),
      leftOver: leftOver(this.watched),
      read: store.leftOver(),
    }
  }

  /** Lets everything finish that is under way. */
  async settle(): Promise<void> {
    for (let i = 0; i < 4; i++) await drain()
  }

  async createGroup(options: Parameters<DmlsClient['createGroup']>[0]): Promise<void> {
    this.#listen(await this.client.createGroup(options))
    await this.settle()
  }

  async joinGroup(joinInfo: Uint8Array): Promise<void> {
    this.#listen(await this.client.joinGroup(joinInfo))
    await this.settle()
  }

  /** Takes something from the network, if it takes part in that. */
  async receive({ topic, message }: Parcel): Promise<Verdict | undefined> {
    const verdict = await this.#running.wire.handlers.get(topic)?.receive(message.slice(), 'by hand')
    await this.settle()
    return verdict
  }

  /** What it published since the last time. */
  collect(): Parcel[] {
    return this.#running.wire.published.splice(0).map((published) => ({ by: this.name, ...published }))
  }

  /** Time passes, and what is to be deleted is. */
  async pass(ms: number): Promise<void> {
    this.#nowMs += ms
    this.#running.clock.pass(ms)
    await this.settle()
  }

  /** Does its duties: merges, brings others back, heals. */
  async tend(): Promise<void> {
    this.#running.clock.tend()
    await this.settle()
  }

  async close(): Promise<void> {
    await this.client.close()
    await this.settle()
    this.#life = undefined
  }

  /** Closes the client and opens it on the same disk, or on another. */
  async restart(disk: MemoryStore = this.#disk): Promise<void> {
    await this.close()
    this.#disk = disk
    await this.#open()
  }
}
