/**
 * Random histories for properties. A list of small numbers is played as commits and messages of a group, so that
 * fast-check can shrink a failing history to a short one. Hostile ones are among them: members that are removed keep
 * committing, counters are used twice, heads are listed that nobody has.
 */
import { createHash } from 'node:crypto'
import {
  type AddedMember,
  Dag,
  type DmlsEpoch,
  dmlsEpoch,
  type EpochFacts,
  type InstanceId,
  instanceId,
  type ResolvedHead,
  type RosterMember,
  type Witness,
} from '@dmls/dmls'
import fc from 'fast-check'
import { find, type History, isAtOrBelow, line, past, roster } from './history.ts'

export const sha256 = (data: Uint8Array): Uint8Array => new Uint8Array(createHash('sha256').update(data).digest())

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 8)
}

/** One move; every number is taken modulo what is there to choose from. */
interface Move {
  readonly kind: 'commit' | 'message' | 'root'
  readonly parent: number
  readonly who: number
  readonly adds: readonly { readonly person: number; readonly again: number | undefined }[]
  readonly removes: readonly number[]
  readonly resolves: readonly number[]
  readonly unknownHead: boolean
  readonly settings: number | undefined
  readonly updates: readonly number[]
  readonly sameCounter: boolean
  readonly tag: number
}

export interface HistoryOptions {
  readonly movesMax: number
  /** `all` has several roots, unknown heads and equivocators; `wide` resolves nothing. Default: `all`. */
  readonly kinds?: 'all' | 'one-root' | 'honest' | 'wide'
  readonly movesMin?: number
}

const few = fc.nat(7)

function moveArbitrary(options: HistoryOptions): fc.Arbitrary<Move> {
  const kinds = options.kinds ?? 'all'
  const odd = kinds === 'honest' ? fc.constant(false) : fc.integer({ min: 0, max: 9 }).map((n) => n === 9)
  const kind: fc.Arbitrary<Move['kind']> =
    kinds === 'all'
      ? fc.oneof(
          { weight: 12, arbitrary: fc.constant('commit' as const) },
          { weight: 5, arbitrary: fc.constant('message' as const) },
          { weight: 1, arbitrary: fc.constant('root' as const) },
        )
      : fc.oneof({ weight: 3, arbitrary: fc.constant('commit') }, { weight: 1, arbitrary: fc.constant('message') })
  return fc.record({
    kind,
    parent: fc.nat(30),
    who: fc.nat(30),
    adds: fc.array(fc.record({ person: fc.nat(4), again: fc.option(fc.nat(9), { nil: undefined, freq: 4 }) }), {
      maxLength: 2,
    }),
    removes: fc.array(few, { maxLength: 2 }),
    resolves: fc.array(fc.nat(30), { maxLength: kinds === 'wide' ? 0 : 2 }),
    unknownHead: odd,
    settings: fc.option(fc.nat(3), { nil: undefined, freq: 3 }),
    updates: fc.array(few, { maxLength: 1 }),
    sameCounter: odd,
    tag: fc.nat(3),
  })
}

function at<T>(items: readonly T[], index: number): T {
  return items[index % items.length] as T
}

function member(instance: InstanceId, person: number, leafIndex: number): RosterMember {
  return { instance, identity: `b${person.toString(16)}`, leafIndex }
}

function plainMember({ instance, identity, leafIndex }: RosterMember): RosterMember {
  return { instance, identity, leafIndex }
}

export function founder(index: number): RosterMember {
  return member(instanceId(`a0${index}0`), index + 8, index)
}

/** The first epoch of a group. */
export function rootFacts(id: string, members: readonly RosterMember[], epoch = 0n): EpochFacts {
  return {
    id: dmlsEpoch(id),
    parent: undefined,
    epoch,
    committer: undefined,
    committerLeaf: undefined,
    counter: 0n,
    resolves: [],
    adds: [],
    removes: [],
    updates: [],
    settings: undefined,
    confirmationTag: digest(`tag ${id}`),
    roster: members,
  }
}

/** Plays moves into a history. */
class Player {
  readonly epochs: EpochFacts[] = []
  readonly messages: Witness[] = []
  readonly #counters = new Map<InstanceId, bigint>()
  readonly #everybody = new Map<InstanceId, RosterMember>()
  readonly #recentParents: boolean

  constructor(founders: number, recentParents: boolean) {
    this.#recentParents = recentParents
    this.epochs.push(
      rootFacts(
        digest('root'),
        Array.from({ length: founders }, (_, i) => founder(i)),
      ),
    )
  }

  get history(): History {
    return this
  }

  play(move: Move): void {
    if (move.kind === 'root') this.#root(move)
    else if (move.kind === 'message') this.#message(move)
    else this.#commit(move)
  }

  #counter(sender: InstanceId, same: boolean): bigint {
    const counter = (this.#counters.get(sender) ?? 0n) + (same ? 0n : 1n)
    this.#counters.set(sender, counter)
    return counter
  }

  #place(move: Move): EpochFacts {
    const latest = this.#recentParents ? this.epochs.slice(-4) : this.epochs
    return at(latest, move.parent)
  }

  #message(move: Move): void {
    const { id } = this.#place(move)
    const senders = [...roster(this, id).keys()].sort()
    if (senders.length === 0) return
    const sender = at(senders, move.who)
    this.messages.push({ sender, counter: this.#counter(sender, move.sameCounter), epoch: id })
  }

  /** An epoch that a Welcome let us into, resolving a head that we know. */
  #root(move: Move): void {
    const from = this.#place(move)
    const members = [...roster(this, from.id).values()].slice(move.removes.length).map(plainMember)
    const facts = rootFacts(digest(`root ${this.epochs.length}`), members, from.epoch + BigInt(move.tag))
    this.epochs.push({ ...facts, resolves: this.#resolved(move, undefined) })
  }

  #resolved(move: Move, parent: DmlsEpoch | undefined): ResolvedHead[] {
    const heads = new Set<DmlsEpoch>()
    for (const index of move.resolves) {
      const head = at(this.epochs, index).id
      // an ancestor now and then: it must not matter
      if (parent === undefined || !isAtOrBelow(this, parent, head) || move.tag === 0) heads.add(head)
    }
    if (move.unknownHead) heads.add(dmlsEpoch(digest(`unknown ${this.epochs.length}`)))
    return [...heads].sort().map((head) => ({ head, forkPoint: head }))
  }

  #commit(move: Move): void {
    const parent = this.#place(move)
    const present = roster(this, parent.id)
    const members = [...present.keys()].sort()
    if (members.length === 0) return
    const committer = at(members, move.who)
    const removes = [...new Set(move.removes.map((index) => at(members, index)))].filter((i) => i !== committer)
    const taken = new Set([...present.values()].map((m) => m.leafIndex))
    const adds = new Map<InstanceId, AddedMember>()
    for (const { person, again } of move.adds) {
      const known = [...this.#everybody.values()].sort((a, b) => (a.instance < b.instance ? -1 : 1))
      const fresh = instanceId(digest(`instance ${this.epochs.length} ${adds.size}`))
      const old = again === undefined || known.length === 0 ? undefined : at(known, again)
      if (old !== undefined && (present.has(old.instance) || adds.has(old.instance))) continue
      let leafIndex = 0
      while (taken.has(leafIndex)) leafIndex++
      taken.add(leafIndex)
      const added = old === undefined ? member(fresh, person, leafIndex) : { ...old, leafIndex }
      if (!this.#everybody.has(added.instance)) this.#everybody.set(added.instance, added)
      // now and then somebody comes back as a new instance
      const [continues] = move.tag === 3 && old === undefined && adds.size === 0 ? removes : []
      const identity = continues === undefined ? added.identity : (present.get(continues) as RosterMember).identity
      adds.set(added.instance, continues === undefined ? added : { ...added, identity, continues })
    }
    const others = move.updates.map((index) => at(members, index)).filter((i) => !removes.includes(i))
    this.epochs.push({
      id: dmlsEpoch(digest(`epoch ${this.epochs.length} ${move.tag}`)),
      parent: parent.id,
      epoch: parent.epoch + 1n,
      committer,
      committerLeaf: (present.get(committer) as RosterMember).leafIndex,
      counter: this.#counter(committer, move.sameCounter),
      resolves: this.#resolved(move, parent.id),
      adds: [...adds.values()],
      removes,
      updates: [...new Set([committer, ...others])],
      settings: move.settings === undefined ? undefined : `0${move.settings}`,
      confirmationTag: `0${move.tag}`,
    })
  }
}

/** A random history with at least one epoch, in an order in which it can be inserted. */
export function historyArbitrary(options: HistoryOptions): fc.Arbitrary<History> {
  return fc
    .record({
      founders: fc.integer({ min: 1, max: 5 }),
      recent: fc.boolean(),
      moves: fc.array(moveArbitrary(options), {
        minLength: options.movesMin ?? 0,
        maxLength: options.movesMax,
        size: 'max',
      }),
    })
    .map(({ founders, recent, moves }) => {
      const player = new Player(founders, recent)
      for (const move of moves) player.play(move)
      return { epochs: player.epochs, messages: player.messages }
    })
}

/**
 * The history as a DAG, built in an order that the numbers choose: any in which parents come first. Heads that a commit
 * lists may come after it, messages come as soon as their epoch is there or later.
 */
export function dagOf(history: History, order: readonly number[] = [], each?: (dag: Dag) => void): Dag {
  let dag = Dag.empty()
  const waiting: (EpochFacts | Witness)[] = [...history.epochs, ...history.messages]
  for (let turn = 0; waiting.length > 0; turn++) {
    const ready = waiting.filter((item) => isReady(dag, item))
    const next = at(ready, order.length === 0 ? 0 : (order[turn % order.length] as number))
    waiting.splice(waiting.indexOf(next), 1)
    dag = 'sender' in next ? dag.witness(next) : dag.insert(next)
    each?.(dag)
  }
  return dag
}

function isReady(dag: Dag, item: EpochFacts | Witness): boolean {
  if ('sender' in item) return dag.has(item.epoch)
  return item.parent === undefined || dag.has(item.parent)
}

/** Numbers that choose an order for {@link dagOf}. */
export const orderArbitrary: fc.Arbitrary<readonly number[]> = fc.array(fc.nat(1000), { minLength: 1, maxLength: 60 })

/** The part of a history that some epochs know, messages in those epochs included. */
export function cut(history: History, heads: readonly DmlsEpoch[]): History {
  const known = past(history, heads)
  return {
    epochs: history.epochs.filter(({ id }) => known.has(id)),
    messages: history.messages.filter(({ epoch }) => known.has(epoch)),
  }
}

/** The deepest epoch that two branches share. */
export function forkPoint(history: History, a: DmlsEpoch, b: DmlsEpoch): DmlsEpoch | undefined {
  const other = line(history, b)
  return line(history, a).findLast((id) => other.includes(id))
}

export { find }
