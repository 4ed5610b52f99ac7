/**
 * Plays a story with real clients and writes down, in symbols, what everybody does. What happened is read from what the
 * application sees: the public history of the group, its messages and events, and what is on the wire.
 */
import type { DmlsGroup, GroupEvent } from '@dmls/client'
import type { MemoryStore } from '@dmls/client/memory-store'
import { toHex } from '@dmls/crypto'
import type { DmlsEpoch, EpochFacts } from '@dmls/dmls'
import { decodeMlsMessage, type KeyPackage, MlsError, referenceOf } from '@dmls/mls'
import { suite } from './actor.ts'
import type { Burglary } from './burglary.ts'
import { AGES, READABLE_MS, RETAINED_MS } from './chronicle.ts'
import { Derivations } from './derivations.ts'
import { isCommitIn, isWelcome, keyPackageIn } from './parcels.ts'
import { type Parcel, Resident } from './resident.ts'
import { type Commit, Holdings, type Message } from './symbols.ts'

/** An old disk, and what it was worth. */
interface Backup {
  readonly disk: MemoryStore
  readonly holdings: Holdings
  readonly waiting: ReadonlySet<Commit>
  /** Whether its owner knew already that it was old. */
  readonly isLost: boolean
}

export class ClientChronicle {
  readonly people: readonly Resident[]
  readonly parcels: Parcel[] = []
  readonly commits: Commit[] = []
  readonly messages: Message[] = []
  readonly burglaries: Burglary[] = []
  readonly derivations: Derivations
  /** The PPRF output that each epoch began with. */
  readonly initSecrets = new Map<string, string>()
  /** HPKE public keys of each key package. */
  readonly keyPackageKeys = new Map<string, readonly string[]>()
  readonly #holdings = new Map<string, Holdings>()
  readonly #backups = new Map<string, Backup>()
  /** Those who know that their state is an old one. */
  readonly #lost = new Set<string>()
  readonly #carriedBy = new Map<Parcel, Commit>()
  /** The heads that each commit resolves. */
  readonly #resolves = new Map<Commit, readonly DmlsEpoch[]>()
  /** Commits that each person has, and that miss something. */
  readonly #waiting = new Map<string, Set<Commit>>()
  #groupId: Uint8Array = new Uint8Array(0)

  private constructor(people: readonly Resident[], derivations: Derivations) {
    this.people = people
    this.derivations = derivations
    for (const { name } of people) this.#holdings.set(name, new Holdings())
  }

  /** A group of the first so many, made by the first. */
  static async begin(names: readonly string[], founders: number, seed = 1): Promise<ClientChronicle> {
    const derivations = new Derivations()
    const people: Resident[] = []
    for (const name of names) people.push(await Resident.moveIn(name, seed, derivations))
    const chronicle = new ClientChronicle(people, derivations)
    const [creator, ...others] = people.slice(0, founders) as [Resident, ...Resident[]]
    await chronicle.#act(creator, () =>
      creator.createGroup({ policy: { retention: AGES, externalCommits: 'allowed' } }),
    )
    chronicle.#groupId = creator.requireGroup.id
    if (others.length > 0) await chronicle.add(creator, others)
    return chronicle
  }

  get groupId(): Uint8Array {
    return this.#groupId
  }

  holdingsOf({ name }: Resident): Holdings {
    return this.#holdings.get(name) as Holdings
  }

  /** Ends all clients. */
  async end(): Promise<void> {
    for (const person of this.people) await person.close()
  }

  // What people do

  /** One adds others, who get their Welcome at once or when somebody brings it. */
  async add(by: Resident, others: readonly Resident[], welcomes: 'at once' | 'later' = 'at once'): Promise<void> {
    const keyPackages: Uint8Array[] = []
    for (const other of others) {
      const bytes = await other.client.createKeyPackage()
      keyPackages.push(bytes)
      const message = decodeMlsMessage(bytes)
      if (message.wireFormat === 'mls_key_package') this.holdingsOf(other).offer(this.#learn(message.keyPackage))
    }
    const sent = this.parcels.length
    await this.#act(by, () => by.requireGroup.add(keyPackages))
    if (welcomes === 'later') return
    const parcels = this.parcels.slice(sent).filter(({ message }) => isWelcome(message))
    for (const other of others) for (const parcel of parcels) await this.bring(other, parcel)
  }

  async update(by: Resident): Promise<void> {
    await this.#act(by, () => by.requireGroup.update())
  }

  async remove(by: Resident, whom: Resident): Promise<void> {
    await this.#act(by, () => by.requireGroup.remove([whom.identity.publicKey]))
  }

  async say(by: Resident): Promise<void> {
    const group = by.requireGroup
    const text = `${by.name} says ${toHex(suite.hash(new TextEncoder().encode(`${this.messages.length}`)))}`
    const epoch = group.head
    const sealed = by.watched.sealedWith.length
    await this.#act(by, () => group.send(new TextEncoder().encode(text)))
    const key = this.#sealedIn(by, sealed, epoch, 'application')
    if (key === undefined) return
    this.messages.push({ text, epoch, by: by.name, key })
    this.holdingsOf(by).consume(epoch, key)
  }

  /** Somebody lets itself in. */
  async letIn(newcomer: Resident, by: Resident): Promise<void> {
    const parent = by.requireGroup.head
    const joinInfo = await by.requireGroup.createJoinInfo()
    await this.#act(newcomer, () => newcomer.joinGroup(joinInfo), parent)
  }

  /** Somebody receives something; what it sent itself may come back, too. */
  async bring(to: Resident, parcel: Parcel): Promise<void> {
    const told = to.events.length
    const commit = this.#carriedBy.get(parcel)
    const verdict = await this.#act(to, async () => {
      const received = await to.receive(parcel)
      // before whatever follows from it: a Welcome that was waiting may lead back
      if (received === 'accept' && commit !== undefined) this.holdingsOf(to).removedBy(commit, to.nowMs)
      return received
    })
    if (commit !== undefined && to.events.slice(told).some(({ type }) => type === 'unknownEpoch')) {
      this.#waitingFor(to).add(commit)
    }
    if (verdict === 'accept' && commit !== undefined) this.holdingsOf(to).removedBy(commit, to.nowMs)
  }

  #waitingFor({ name }: Resident): Set<Commit> {
    const waiting = this.#waiting.get(name) ?? new Set()
    this.#waiting.set(name, waiting)
    return waiting
  }

  /** Everything that was sent so far, in order. */
  async bringAll(to: Resident): Promise<void> {
    for (const parcel of [...this.parcels]) await this.bring(to, parcel)
  }

  async tend(by: Resident): Promise<void> {
    await this.#act(by, () => by.tend())
  }

  /** Time passes for somebody, whose client deletes what is due. */
  async pass(person: Resident, ms: number): Promise<void> {
    await this.#act(person, () => person.pass(ms))
    const { group } = person
    if (group === undefined) return
    const holdings = this.holdingsOf(person)
    const heads = group.openHeads()
    holdings.retire({ head: group.head, heads, nowMs: person.nowMs, retainedMs: RETAINED_MS, readableMs: READABLE_MS })
    holdings.releaseKeyPackages(person.self)
  }

  async restart(person: Resident): Promise<void> {
    await this.#act(person, () => person.restart())
  }

  keepBackup(person: Resident): void {
    this.#backups.set(person.name, {
      disk: person.copyDisk(),
      holdings: this.holdingsOf(person).copy(),
      waiting: new Set(this.#waitingFor(person)),
      isLost: this.#lost.has(person.name),
    })
  }

  hasBackup(person: Resident): boolean {
    return this.#backups.has(person.name)
  }

  /** The person's client is closed and opened on the disk that was kept. */
  async restoreBackup(person: Resident): Promise<void> {
    const backup = this.#backups.get(person.name)
    if (backup === undefined) throw new Error(`${person.name} has no backup`)
    this.#holdings.set(person.name, backup.holdings.copy())
    this.#waiting.set(person.name, new Set(backup.waiting))
    if (backup.isLost) this.#lost.add(person.name)
    else this.#lost.delete(person.name)
    await this.#act(person, () => person.restart(backup.disk.copy()))
  }

  async forget(person: Resident): Promise<void> {
    await person.client.forgetGroup(this.#groupId)
    const holdings = this.holdingsOf(person)
    holdings.epochs.clear()
    for (const [name, own] of holdings.keyPackages) {
      if (own.entered.length > 0 || own.replaces !== undefined) holdings.keyPackages.delete(name)
    }
  }

  // What is written down about it

  /** Does something and notes what came of it. A refusal of the library is none of the chronicle's business. */
  async #act(person: Resident, action: () => Promise<unknown>, enteredFrom?: DmlsEpoch): Promise<unknown> {
    const known = new Set(
      person.group
        ?.dag()
        .epochs()
        .map(({ id }) => id),
    )
    const heldBefore = [...this.holdingsOf(person).epochs.keys()]
    const before = {
      read: person.texts.length,
      sent: this.parcels.length,
      told: person.events.length,
      sealed: person.watched.sealedWith.length,
      started: person.watched.initSecrets.length,
      isOut: person.group?.isMember === false,
    }
    const { watched } = person
    const outcome = await action().catch(ignoreRefusal)
    await person.settle()
    // another process has a record of its own
    const since = watched === person.watched ? before : { ...before, sealed: 0, started: 0 }
    this.#collect(person)
    const { group } = person
    if (group !== undefined) {
      for (const facts of group.dag().epochs()) {
        if (!known.has(facts.id)) this.#noteEpoch(person, group, facts, { ...since, enteredFrom })
      }
      const events = person.events.slice(before.told)
      this.#noteRemovals(person, events)
      this.#noteWaiting(person, group)
      const isNew = group
        .dag()
        .roots()
        .some((root) => !known.has(root))
      const cameBack = isNew && (before.isOut || events.some(({ type }) => type === 'rejoined' || type === 'removed'))
      if (cameBack && this.#lost.has(person.name)) {
        this.holdingsOf(person).distrust(heldBefore)
        this.#lost.delete(person.name)
      }
      if (events.some(({ type }) => type === 'stateLost')) this.#lost.add(person.name)
    }
    for (const text of person.texts.slice(before.read)) {
      const message = this.messages.find((each) => each.text === text)
      if (message !== undefined) this.holdingsOf(person).consume(message.epoch, message.key)
    }
    return outcome
  }

  /** Commits that waited, and miss nothing any more: also where they removed whom this member was, and nobody tells. */
  #noteWaiting(person: Resident, group: DmlsGroup): void {
    const waiting = this.#waitingFor(person)
    const dag = group.dag()
    for (const commit of waiting) {
      const missing = [commit.parent as DmlsEpoch, ...(this.#resolves.get(commit) ?? [])].some((id) => !dag.has(id))
      if (missing) continue
      waiting.delete(commit)
      this.holdingsOf(person).removedBy(commit, person.nowMs)
    }
  }

  /** Commits that waited for something and then removed this member. */
  #noteRemovals(person: Resident, events: readonly GroupEvent[]): void {
    for (const event of events) {
      if (event.type !== 'removed') continue
      const { dag, head } = { dag: person.requireGroup.dag(), head: person.requireGroup.head }
      for (const commit of this.commits) {
        const isHere = commit.parent === head && !dag.has(commit.child as DmlsEpoch)
        if (isHere && commit.author === event.by?.instance) this.holdingsOf(person).removedBy(commit, person.nowMs)
      }
    }
  }

  #noteEpoch(
    person: Resident,
    group: DmlsGroup,
    facts: EpochFacts,
    since: {
      readonly sealed: number
      readonly sent: number
      readonly started: number
      readonly enteredFrom: DmlsEpoch | undefined
    },
  ): void {
    const holdings = this.holdingsOf(person)
    const { id } = facts
    const parent = facts.parent ?? since.enteredFrom
    const isExternal = since.enteredFrom !== undefined
    if (parent !== undefined && !this.commits.some(({ child }) => child === id)) {
      this.#noteCommit(person, group, { ...facts, parent }, isExternal, since)
    }
    if (facts.parent === undefined) {
      const as = isExternal ? person.self : this.#invited(person, id)
      holdings.enter(id, as ?? person.self)
      if (as !== undefined) holdings.use(as, id)
      return
    }
    const resolved = facts.resolves.map(({ head }) => head)
    holdings.child(facts.parent, id, resolved, person.nowMs)
    const key = this.commits.find(({ child }) => child === id)?.key
    if (key !== undefined) holdings.consume(facts.parent, key)
  }

  /** A commit that nobody had heard of: this person made it. */
  #noteCommit(
    by: Resident,
    group: DmlsGroup,
    facts: EpochFacts & { readonly parent: DmlsEpoch },
    isExternal: boolean,
    since: { readonly sealed: number; readonly sent: number; readonly started: number },
  ): void {
    const { id, parent, adds } = facts
    const dag = group.dag()
    const after = [...dag.roster(id).keys()]
    // whoever lets itself in knows the epoch that it came from by its own only
    const remaining = isExternal ? after : after.filter((instance) => dag.roster(parent).has(instance))
    const own = isExternal ? by.self : facts.committer
    const readers = remaining.filter((instance) => instance !== own)
    const key = isExternal ? undefined : this.#sealedIn(by, since.sealed, parent, 'handshake')
    const welcomed = isExternal ? [] : adds.map(({ instance }) => instance)
    const commit: Commit = { child: id, parent, author: own ?? 'nobody', readers, welcomed, isExternal, key }
    this.commits.push(commit)
    this.#resolves.set(
      commit,
      facts.resolves.map(({ head }) => head),
    )
    const carrier = this.parcels.slice(since.sent).find(({ message }) => isCommitIn(message, parent))
    if (carrier !== undefined) this.#carriedBy.set(carrier, commit)
    const output = by.watched.initSecrets.slice(since.started).findLast((secret) => this.#epochOf(secret) === parent)
    if (output !== undefined) this.initSecrets.set(id, output)
  }

  /** The key package of somebody to which a Welcome led into an epoch; undefined for whoever made the group. */
  #invited(person: Resident, epoch: DmlsEpoch): string | undefined {
    const commit = this.commits.find(({ child }) => child === epoch)
    return commit?.welcomed.find((name) => this.holdingsOf(person).keyPackages.has(name))
  }

  /** The last key for a message of that kind and epoch that somebody used since. */
  #sealedIn(by: Resident, since: number, epoch: string, ratchet: 'application' | 'handshake'): string | undefined {
    return by.watched.sealedWith.slice(since).findLast((key) => {
      const labels = [...this.derivations.lineage(key)].map((secret) => this.derivations.labelOf(secret))
      return labels.includes(ratchet) && this.#epochOf(key) === epoch
    })
  }

  #epochOf(secret: string): string | undefined {
    return this.derivations.nameOf([...this.derivations.lineage(secret)].at(-1) as string)
  }

  /** What somebody published; a key package among it is its own. */
  #collect(person: Resident): void {
    for (const parcel of person.collect()) {
      this.parcels.push(parcel)
      const request = keyPackageIn(parcel.message)
      if (request === undefined) continue
      const name = this.#learn(request)
      const holdings = this.holdingsOf(person)
      if (!holdings.keyPackages.has(name)) holdings.offer(name, person.self)
    }
  }

  #learn(keyPackage: KeyPackage): string {
    const name = toHex(referenceOf(suite, keyPackage))
    this.keyPackageKeys.set(name, [toHex(keyPackage.initKey), toHex(keyPackage.leafNode.encryptionKey)])
    return name
  }

  /** Remembers what somebody has now, on the disk and in memory. */
  burgle(when: string, victim: Resident): void {
    this.burglaries.push({
      when,
      who: victim.name,
      disk: victim.copyDisk(),
      memory: victim.memory(),
      holdings: this.holdingsOf(victim).copy(),
    })
  }
}

/** What a member may not do, or cannot yet. */
function ignoreRefusal(error: unknown): void {
  if (!(error instanceof MlsError)) throw error
}
