/** Plays a story on the steps and writes down, in symbols, what everybody does. */
import { toHex } from '@dmls/crypto'
import { type CommitMade, type CommitRequest, type DmlsEpoch, dmlsEpoch, type RetentionPolicy } from '@dmls/dmls'
import type { Actor } from './actor.ts'
import { actors, welcomeOf } from './story.ts'
import { type Commit, Holdings, type Message } from './symbols.ts'
import { type Loot, steal } from './thief.ts'

export const RETAINED_MS = 60_000
export const READABLE_MS = 120_000
export const AGES: RetentionPolicy = {
  retained: { kind: 'age', ageMs: RETAINED_MS },
  readable: { kind: 'age', ageMs: READABLE_MS },
  epochsMax: 1000,
  sizeMaxBytes: 1 << 28,
}

/** What somebody had at a moment: the bytes, and what the log says that they are worth. */
export interface Moment {
  readonly when: string
  readonly who: string
  readonly loot: Loot
  readonly holdings: Holdings
}

interface Post {
  readonly wire: Uint8Array
  readonly note: { readonly commit: CommitMade } | { readonly message: Message } | 'handover'
}

export class Chronicle {
  readonly people: readonly Actor[]
  readonly commits: Commit[] = []
  readonly messages: Message[] = []
  readonly posts: Post[] = []
  readonly welcomes: Uint8Array[] = []
  readonly moments: Moment[] = []
  readonly #holdings = new Map<string, Holdings>()
  /** Secrets of each epoch as its author had them, hexadecimal. */
  readonly secrets = new Map<string, readonly string[]>()

  private constructor(people: readonly Actor[]) {
    this.people = people
    for (const { name } of people) this.#holdings.set(name, new Holdings())
  }

  static async begin(names: readonly string[], founders: number, seed = 1): Promise<Chronicle> {
    const people = await actors(names, seed)
    const chronicle = new Chronicle(people)
    const [creator, ...others] = people.slice(0, founders) as [Actor, ...Actor[]]
    await creator.create({ retention: AGES })
    chronicle.holdingsOf(creator).enter(creator.head, creator.self)
    chronicle.#noteSecrets(creator, creator.head)
    if (others.length > 0) await chronicle.add(creator, others)
    return chronicle
  }

  person(name: string): Actor {
    const found = this.people.find((person) => person.name === name)
    if (found === undefined) throw new Error(`nobody is called ${name}`)
    return found
  }

  holdingsOf({ name }: Actor): Holdings {
    return this.#holdings.get(name) as Holdings
  }

  /** One adds others, who enter at once. */
  async add(by: Actor, others: readonly Actor[]): Promise<CommitMade> {
    const keyPackages = await Promise.all(others.map((person) => person.keyPackage()))
    const made = await this.commit(by, { add: keyPackages })
    for (const other of others) {
      await other.welcome(welcomeOf(made))
      this.holdingsOf(other).enter(made.epoch, other.self)
      this.holdingsOf(other).use(other.self, made.epoch)
    }
    return made
  }

  async commit(by: Actor, request: CommitRequest = {}): Promise<CommitMade> {
    const made = await by.commit(request)
    const { dag } = made.state
    const facts = dag.get(made.epoch)
    const remaining = [...dag.roster(made.parent).keys()].filter((instance) => dag.roster(made.epoch).has(instance))
    this.commits.push({
      child: made.epoch,
      parent: made.parent,
      author: by.self,
      readers: remaining.filter((instance) => instance !== facts?.committer),
      welcomed: (facts?.adds ?? []).map(({ instance }) => instance),
    })
    this.holdingsOf(by).child(made.parent, made.epoch, made.resolved, by.nowMs)
    this.posts.push({ wire: made.wire, note: { commit: made } })
    for (const wire of made.handovers) this.posts.push({ wire, note: 'handover' })
    if (made.welcome !== undefined) this.welcomes.push(made.welcome.message)
    this.#noteSecrets(by, made.epoch)
    return made
  }

  async say(by: Actor): Promise<void> {
    const text = `text ${this.messages.length} of ${by.name}`
    const message: Message = { text, epoch: by.head, by: by.name, key: text }
    const wire = await by.say(message.text)
    this.messages.push(message)
    this.holdingsOf(by).consume(message.epoch, message.key)
    this.posts.push({ wire, note: { message } })
  }

  /** Somebody receives a message; whatever waited for it follows. */
  async deliver(to: Actor, post: Post): Promise<void> {
    const before = new Set(to.state.dag.epochs().map(({ id }) => id))
    const read = to.texts.length
    const outcomes = await to.receive(post.wire)
    const holdings = this.holdingsOf(to)
    if (outcomes.includes('removed') && typeof post.note === 'object' && 'commit' in post.note) {
      const { epoch } = post.note.commit
      const commit = this.commits.find(({ child }) => child === epoch)
      if (commit !== undefined) holdings.removedBy(commit, to.nowMs)
    }
    for (const { id, parent } of to.state.dag.epochs()) {
      if (before.has(id) || parent === undefined) continue
      const resolved = to.state.dag.get(id)?.resolves.map(({ head }) => head) ?? []
      holdings.child(parent, id, resolved, to.nowMs)
    }
    for (const { text } of to.texts.slice(read)) {
      const message = this.messages.find((each) => each.text === text)
      if (message !== undefined) holdings.consume(message.epoch, message.key)
    }
  }

  /** Everything that was sent so far, in order. */
  async deliverAll(to: Actor): Promise<void> {
    for (const post of [...this.posts]) await this.deliver(to, post)
  }

  /** Time passes for somebody, who deletes what is due. */
  pass(person: Actor, ms: number): void {
    person.nowMs += ms
    person.retire()
    this.holdingsOf(person).retire({
      head: person.head,
      heads: person.state.dag.unresolvedHeads(),
      nowMs: person.nowMs,
      retainedMs: RETAINED_MS,
      readableMs: READABLE_MS,
    })
  }

  /** Remembers what somebody has now. */
  theft(when: string, victim: Actor, initKeys: 'kept' | 'deleted' = 'kept'): void {
    const loot = steal(victim, initKeys === 'kept' ? victim.bundles : [])
    this.moments.push({ when, who: victim.name, loot, holdings: this.holdingsOf(victim).copy(initKeys) })
  }

  #noteSecrets(by: Actor, epoch: DmlsEpoch): void {
    const group = by.state.epochs.get(dmlsEpoch(epoch))?.group
    if (group === undefined) return
    this.secrets.set(epoch, Object.values(group.secrets).map(toHex))
  }
}
