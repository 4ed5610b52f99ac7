/**
 * A group as the demonstration sees one, without any cryptography: a log of events that processes exchange, from which
 * everybody computes the DAG, the head and who could read what. Only for tests of the orchestration.
 */
import { appendFileSync, existsSync, readFileSync, truncateSync } from 'node:fs'
import type { DmlsGroup, GroupEvent, Member } from '@dmls/client'
import { Dag, type DmlsEpoch, dmlsEpoch, type EpochFacts, type InstanceId, instanceId } from '@dmls/dmls'

export interface FakeCommit {
  readonly type: 'commit'
  readonly id: string
  readonly parent?: string
  readonly committer: string
  readonly adds: readonly string[]
  readonly removes: readonly string[]
  readonly resolves: readonly string[]
}

export interface FakeMessage {
  readonly type: 'message'
  readonly id: string
  readonly epoch: string
  readonly sender: string
  readonly text: string
}

export type FakeEvent = FakeCommit | FakeMessage

/** Events on disk and in memory, each once. */
export class FakeLog {
  readonly events = new Map<string, FakeEvent>()
  readonly #path: string

  constructor(path: string) {
    this.#path = path
    const text = existsSync(path) ? readFileSync(path, 'utf8') : ''
    // a last line without an end was cut short by a kill: it was told to nobody
    const whole = text.slice(0, text.lastIndexOf('\n') + 1)
    if (whole !== text) truncateSync(path, Buffer.byteLength(whole))
    for (const line of whole.split('\n')) {
      if (line === '') continue
      const event = JSON.parse(line) as FakeEvent
      this.events.set(event.id, event)
    }
  }

  add(event: FakeEvent): boolean {
    if (this.events.has(event.id)) return false
    appendFileSync(this.#path, `${JSON.stringify(event)}\n`)
    this.events.set(event.id, event)
    return true
  }
}

const MERGE_DELAY_MS = 150

export class FakeGroup implements DmlsGroup {
  readonly id: Uint8Array = new Uint8Array(8).fill(7)
  readonly #self: string
  readonly #log: FakeLog
  readonly #publish: (event: FakeEvent) => void
  readonly #listeners = new Set<(event: GroupEvent) => void>()
  #dag: Dag = Dag.empty()
  readonly #delivered = new Set<string>()

  constructor(self: string, log: FakeLog, publish: (event: FakeEvent) => void) {
    this.#self = self
    this.#log = log
    this.#publish = publish
    this.refresh()
  }

  /** Looks at the log again. */
  refresh(): void {
    let isChanged = true
    while (isChanged) {
      isChanged = false
      for (const event of this.#log.events.values()) {
        if (event.type !== 'commit' || this.#dag.has(dmlsEpoch(event.id))) continue
        if (event.parent !== undefined && !this.#dag.has(dmlsEpoch(event.parent))) continue
        this.#dag = this.#dag.insert(this.#facts(event))
        isChanged = true
        const parent = event.parent === undefined ? undefined : dmlsEpoch(event.parent)
        if (parent !== undefined)
          this.#emit({ type: 'epochAdded', dmlsEpoch: dmlsEpoch(event.id), parent, committer: undefined })
      }
    }
    this.#deliver()
    if (this.openHeads().length > 1 && this.#merger() === this.#self) setTimeout(() => this.#merge(), MERGE_DELAY_MS)
  }

  /**
   * Hands over every message that can be read. As the client does, it keeps them until somebody listens, and repeats
   * them after a restart: the process may have been killed after a message was in the log and before it was handed over.
   */
  #deliver(): void {
    if (this.#listeners.size === 0) return
    for (const event of this.#log.events.values()) {
      if (event.type !== 'message' || event.sender === this.#self || this.#delivered.has(event.id)) continue
      if (!this.#dag.has(dmlsEpoch(event.epoch)) || !this.#canRead(event)) continue
      this.#delivered.add(event.id)
      const sender = { identity: bytes(event.sender), instance: instanceId(event.sender), leafIndex: 0, isSelf: false }
      const message = {
        id: bytes(event.id),
        groupId: this.id,
        sender,
        data: new TextEncoder().encode(event.text),
        dmlsEpoch: dmlsEpoch(event.epoch),
        branch: 'chosen' as const,
      }
      this.#emit({ type: 'message', message })
    }
  }

  get isStarted(): boolean {
    return this.#dag.size > 0 && this.#everIn()
  }

  get head(): DmlsEpoch {
    const heads = [...this.openHeads()]
    const mine = heads.filter((head) => this.#dag.roster(head).has(instanceId(this.#self)))
    const candidates = this.#dag.roots().length > 0 && mine.length > 0 && !this.#isRemovedAnywhere() ? heads : heads
    return candidates.sort((a, b) => this.#dag.depth(b) - this.#dag.depth(a) || (a < b ? -1 : 1))[0]!
  }

  get epoch(): bigint {
    return this.#dag.get(this.head)?.epoch ?? 0n
  }

  get isMember(): boolean {
    return this.#dag.roster(this.head).has(instanceId(this.#self))
  }

  epochAuthenticator(): Uint8Array {
    return bytes(this.head)
  }

  policy(): never {
    throw new Error('a fake group has no policy')
  }

  async changeSettings(): Promise<never> {
    throw new Error('a fake group has no settings')
  }

  async createJoinInfo(): Promise<never> {
    throw new Error('a fake group is joined by invitation')
  }

  members(): readonly Member[] {
    return [...this.#dag.roster(this.head).values()].map(({ instance, identity, leafIndex }) => ({
      instance,
      identity: bytes(identity),
      leafIndex,
      isSelf: identity === this.#self,
    }))
  }

  dag(): Dag {
    return this.#dag
  }

  openHeads(): readonly DmlsEpoch[] {
    return this.#dag.unresolvedHeads()
  }

  async send(data: Uint8Array): Promise<Uint8Array> {
    this.#requireMember()
    const id = randomId()
    this.#commitEvent({
      type: 'message',
      id,
      epoch: this.head,
      sender: this.#self,
      text: new TextDecoder().decode(data),
    })
    return bytes(id)
  }

  async add(keyPackages: readonly Uint8Array[]): Promise<void> {
    this.#commit({ adds: keyPackages.map((identity) => Buffer.from(identity).toString('hex')) })
  }

  async remove(who: readonly (InstanceId | Uint8Array)[]): Promise<void> {
    this.#commit({ removes: who.map((each) => (typeof each === 'string' ? each : Buffer.from(each).toString('hex'))) })
  }

  async update(): Promise<void> {
    this.#commit({})
  }

  async leave(): Promise<void> {
    throw new Error('not in the fake')
  }

  exportSecret(): Uint8Array {
    throw new Error('not in the fake')
  }

  on(listener: (event: GroupEvent) => void): () => void {
    this.#listeners.add(listener)
    queueMicrotask(() => this.#deliver())
    return () => this.#listeners.delete(listener)
  }

  create(): void {
    this.#commitEvent({ type: 'commit', id: randomId(), committer: this.#self, adds: [], removes: [], resolves: [] })
  }

  #commit(changes: Partial<FakeCommit>): void {
    this.#requireMember()
    const parent = this.head
    this.#commitEvent({
      type: 'commit',
      id: randomId(),
      parent,
      committer: this.#self,
      adds: [],
      removes: [],
      resolves: [],
      ...changes,
    })
  }

  #merge(): void {
    if (this.openHeads().length < 2 || this.#merger() !== this.#self) return
    const base = this.head
    const others = this.openHeads().filter((head) => head !== base)
    const removed = new Set(this.#dag.epochs().flatMap(({ removes }) => removes))
    const roster = this.#dag.roster(base)
    const adds = new Set(
      others
        .flatMap((head) => [...this.#dag.roster(head).keys()])
        .filter((each) => !roster.has(each) && !removed.has(each)),
    )
    const removes = [...roster.keys()].filter((each) => removed.has(each))
    this.#commit({ adds: [...adds], removes, resolves: others })
  }

  /** The first of those who are on every open head. */
  #merger(): string | undefined {
    const rosters = this.openHeads().map((head) => this.#dag.roster(head))
    return [...(rosters[0]?.keys() ?? [])].filter((each) => rosters.every((roster) => roster.has(each))).sort()[0]
  }

  #facts(commit: FakeCommit): EpochFacts {
    const parent = commit.parent === undefined ? undefined : dmlsEpoch(commit.parent)
    const member = (identity: string) => ({ instance: instanceId(identity), identity, leafIndex: 0 })
    const epoch = parent === undefined ? 0n : (this.#dag.get(parent)?.epoch ?? 0n) + 1n
    return {
      id: dmlsEpoch(commit.id),
      parent,
      epoch,
      committer: parent === undefined ? undefined : instanceId(commit.committer),
      committerLeaf: parent === undefined ? undefined : 0,
      counter: epoch,
      resolves: commit.resolves.map((head) => ({
        head: dmlsEpoch(head),
        forkPoint: this.#dag.forkPoint(dmlsEpoch(head), dmlsEpoch(commit.parent ?? head)) ?? dmlsEpoch(head),
      })),
      adds: commit.adds.map(member),
      removes: commit.removes.map((each) => instanceId(each)),
      updates: [],
      settings: undefined,
      confirmationTag: commit.id,
      ...(parent === undefined ? { roster: [member(commit.committer)] } : {}),
    }
  }

  #canRead({ epoch, sender }: FakeMessage): boolean {
    const isRecipient = this.#dag.roster(dmlsEpoch(epoch)).has(instanceId(this.#self))
    return isRecipient && this.#dag.roster(this.head).has(instanceId(sender))
  }

  #isRemovedAnywhere(): boolean {
    return this.#dag.epochs().some(({ removes }) => removes.includes(instanceId(this.#self)))
  }

  #everIn(): boolean {
    const self = instanceId(this.#self)
    return this.#dag.epochs().some(({ id }) => this.#dag.roster(id).has(self))
  }

  #requireMember(): void {
    if (!this.isMember) throw Object.assign(new Error('this client is not a member'), { code: 'not_a_member' })
  }

  #commitEvent(event: FakeEvent): void {
    this.#log.add(event)
    this.refresh()
    this.#publish(event)
  }

  #emit(event: GroupEvent): void {
    for (const listener of this.#listeners) listener(event)
  }
}

function bytes(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, 'hex'))
}

function randomId(): string {
  return Buffer.from(globalThis.crypto.getRandomValues(new Uint8Array(16))).toString('hex')
}
