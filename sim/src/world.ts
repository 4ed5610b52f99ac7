/**
 * A simulated world: nodes that run real clients on one network, one clock and one seed. The same seed and the same
 * calls give the same trace, to the byte.
 */
import type { CreateGroupOptions, Timing } from '@dmls/client'
import type { CipherSuiteId, CryptoProvider } from '@dmls/crypto'
import { type GroupPolicy, type InstanceId, instanceId } from '@dmls/dmls'
import { decodeMlsMessage, referenceOf } from '@dmls/mls'
import { EventQueue, START_MS } from './event-queue.ts'
import type { LinkQuality } from './network-conditions.ts'
import { Observations } from './observations.ts'
import { SeededRandom } from './seeded-random.ts'
import { SimNetwork } from './sim-network.ts'
import { SimNode, type Surroundings } from './sim-node.ts'
import { Trace } from './trace.ts'
import { TrafficArchive } from './traffic-archive.ts'
import type { ClockError } from './virtual-clock.ts'

export interface WorldOptions {
  readonly seed: number | string
  /** One whose promises need no thread or timer: `node`, `noble`, or the stand-in of this package. */
  readonly provider: CryptoProvider
  /** Default: suite 1. */
  readonly cipherSuite?: CipherSuiteId
  readonly quality?: LinkQuality
  readonly timing?: Partial<Timing>
  readonly syncIntervalMs?: number
  readonly contactsMax?: number
}

export interface QuietOptions {
  /** How long nothing new may be heard. Default 90 000: longer than anything that a client waits for by itself. */
  readonly quietMs?: number
  /** How long to wait for that. Default 3 600 000. */
  readonly limitMs?: number
}

export class World {
  readonly queue: EventQueue = new EventQueue()
  readonly network: SimNetwork
  readonly trace: Trace
  readonly observations: Observations = new Observations()
  readonly traffic: TrafficArchive
  /** For whoever drives the world; nodes and network have streams of their own. */
  readonly random: SeededRandom
  readonly seed: number | string
  readonly #nodes = new Map<string, SimNode>()
  readonly #surroundings: Surroundings

  constructor(options: WorldOptions) {
    this.seed = options.seed
    this.random = new SeededRandom(options.seed)
    const cipherSuite = options.cipherSuite ?? 1
    // identifiers of messages are made by suite 1, as in the client
    const digest = (message: Uint8Array): Uint8Array => options.provider.cipherSuite(1).hash(message)
    this.trace = new Trace({ hash: digest, nowMs: () => this.queue.nowMs, startMs: START_MS })
    this.network = new SimNetwork({
      queue: this.queue,
      random: this.random.fork('network'),
      trace: this.trace,
      digest,
      ...(options.quality === undefined ? {} : { quality: options.quality }),
      ...(options.syncIntervalMs === undefined ? {} : { syncIntervalMs: options.syncIntervalMs }),
      ...(options.contactsMax === undefined ? {} : { contactsMax: options.contactsMax }),
    })
    this.traffic = new TrafficArchive(this.network, options.provider.cipherSuite(cipherSuite))
    this.#surroundings = {
      queue: this.queue,
      network: this.network,
      trace: this.trace,
      provider: options.provider,
      cipherSuite,
      observations: this.observations,
      timing: options.timing ?? {},
    }
  }

  get nodes(): readonly SimNode[] {
    return [...this.#nodes.values()]
  }

  get running(): readonly SimNode[] {
    return this.nodes.filter((node) => node.isRunning)
  }

  /** @throws Error if there is none of that name */
  node(name: string): SimNode {
    const node = this.#nodes.get(name)
    if (node === undefined) throw new Error(`there is no node ${name}`)
    return node
  }

  /** A new node, running. */
  async add(name: string, options: { readonly clock?: ClockError; readonly owner?: SimNode } = {}): Promise<SimNode> {
    if (this.#nodes.has(name)) throw new Error(`there is a node ${name} already`)
    const random = this.random.fork(`node ${name}`)
    const node = await SimNode.create(this.#surroundings, { name, random, ...options })
    this.#nodes.set(name, node)
    await this.finish(node.start())
    return node
  }

  /** A second device with a copy of everything that is on the disk of the first, its keys included. Running. */
  async clone(original: SimNode, name: string): Promise<SimNode> {
    if (this.#nodes.has(name)) throw new Error(`there is a node ${name} already`)
    const random = this.random.fork(`node ${name}`)
    const node = await SimNode.create(this.#surroundings, { name, random, owner: original })
    this.#nodes.set(name, node)
    node.replaceDisk(original.backup())
    await this.finish(node.start())
    return node
  }

  /**
   * A group of nodes, made by the first, with everybody in the same epoch. A policy may depend on the instances that the
   * others will be.
   */
  async createGroup(
    creator: SimNode,
    others: readonly SimNode[] = [],
    options: CreateGroupOptions = {},
    policyOf?: (invited: readonly InstanceId[]) => Partial<GroupPolicy>,
  ): Promise<void> {
    const keyPackages: Uint8Array[] = []
    const offer = async (): Promise<void> => {
      for (const other of others) keyPackages.push(await this.finish(other.client.createKeyPackage()))
    }
    if (policyOf === undefined) {
      await this.finish(creator.createGroup(options))
      await offer()
    } else {
      await offer()
      const policy = { ...options.policy, ...policyOf(keyPackages.map((bytes) => this.#instanceOf(bytes))) }
      await this.finish(creator.createGroup({ ...options, policy }))
    }
    if (others.length === 0) return
    await this.finish(creator.requireGroup().add(keyPackages))
    const joined = (): boolean => others.every((other) => other.group?.head === creator.group?.head)
    for (let waitedMs = 0; !joined(); waitedMs += 100) {
      if (waitedMs > 600_000) throw new Error('not everybody joined the group')
      await this.runFor(100)
    }
  }

  #instanceOf(keyPackage: Uint8Array): InstanceId {
    const message = decodeMlsMessage(keyPackage)
    if (message.wireFormat !== 'mls_key_package') throw new Error('this is no key package')
    const { provider, cipherSuite } = this.#surroundings
    return instanceId(referenceOf(provider.cipherSuite(cipherSuite), message.keyPackage))
  }

  /** Lets events happen until a promise settles. */
  finish<T>(promise: Promise<T>): Promise<T> {
    return this.queue.finish(promise)
  }

  runFor(durationMs: number): Promise<void> {
    return this.queue.runFor(durationMs)
  }

  /**
   * Runs until nobody has had anything new for a while and everybody who can reach each other has the same. Returns how
   * long that took, the quiet time not counted. @throws Error after `limitMs`
   */
  async runUntilQuiet(options: QuietOptions = {}): Promise<number> {
    const quietMs = options.quietMs ?? 90_000
    const limitMs = options.limitMs ?? 3_600_000
    const startMs = this.queue.nowMs
    for (let quietSinceMs = startMs; ; ) {
      await this.queue.runUntil(quietSinceMs + quietMs)
      if (this.queue.nowMs - startMs > limitMs) throw new Error(`not quiet after ${limitMs} ms`)
      if (this.network.lastActivityMs > quietSinceMs) quietSinceMs = this.network.lastActivityMs
      else if ((await this.finish(this.network.differences())).length === 0) return quietSinceMs - startMs
      else quietSinceMs = this.queue.nowMs
    }
  }

  /** All faults end: disks work, nodes that are off are switched on, the network is whole. */
  async heal(quality?: LinkQuality): Promise<void> {
    for (const node of this.nodes) {
      node.disarmStore()
      if (!node.isRunning) await this.finish(node.start())
    }
    if (quality !== undefined) this.network.conditions.setQuality(quality)
    this.network.heal()
  }

  /** Something short that tells two runs apart. */
  get fingerprint(): string {
    return `${this.trace.size} ${this.trace.hash()}`
  }

  /** Names of nodes by their identities, hexadecimal. */
  get people(): ReadonlyMap<string, readonly string[]> {
    const people = new Map<string, string[]>()
    for (const { identity, name } of this.nodes) people.set(identity, [...(people.get(identity) ?? []), name])
    return people
  }

  /** Ends all processes. */
  close(): void {
    for (const node of this.running) node.crash()
  }
}
