/**
 * The rule of protocol §7 for who is a member, over the changes of a region, given what was settled before it. It
 * depends on the *decisions* among them and on nothing else:
 *
 * - `remove(i)` always holds.
 * - `add(i)` by author `a` holds if `add(a)` holds and no removal of `a` lacks it in its causal past. (A removed member
 *   that claims to have seen its own removal gains nothing by that.) An external joiner adds itself.
 * - An instance that continues another (protocol §8) counts as added by that one; exchanges of the same instance side
 *   by side do not count against each other.
 * - Adding an instance that somebody before added decides nothing: its first additions decide.
 * - Of two instances of one identity that were added side by side, neither addition knowing of the other, the one with
 *   the lower KeyPackageRef keeps the place, also when it is removed later: who removes that person means the person.
 *   Devices added one after the other both stay (scenario 28).
 * - What a merge commit does because its plan says so is a consequence and no decision. That makes merging three
 *   branches two by two the same as merging them at once, in every order.
 *
 * Founders, that is everybody in the roster of a root, count as added before everything.
 */
import { areConcurrent, precedesOrEquals } from '../dag/causality.ts'
import type { Dag } from '../dag/dag.ts'
import type { DagNode } from '../dag/dag-node.ts'
import type { RosterMember } from '../dag/epoch-facts.ts'
import { compareText, type InstanceId } from '../dag/identifiers.ts'
import type { FateRecord, Fates } from './fates.ts'

/** Whether a removal was somebody's decision. */
export type IsDecision = (removal: DagNode, instance: InstanceId) => boolean

function append<K>(map: Map<K, DagNode[]>, key: K, node: DagNode): void {
  const list = map.get(key)
  if (list === undefined) map.set(key, [node])
  else list.push(node)
}

/** One evaluation of the rule. */
class Evaluation {
  readonly #dag: Dag
  readonly #before: Fates
  readonly #founders = new Map<InstanceId, RosterMember>()
  /** Every addition in the region, and the first ones of instances that are new in it. */
  readonly #additions = new Map<InstanceId, DagNode[]>()
  readonly #first = new Map<InstanceId, readonly DagNode[]>()
  readonly #removals = new Map<InstanceId, readonly DagNode[]>()
  /** Whether an addition holds, by instance and adding epoch. */
  readonly #holding = new Map<InstanceId, Map<DagNode, boolean>>()

  constructor(dag: Dag, before: Fates, changes: readonly DagNode[], isDecision: IsDecision) {
    this.#dag = dag
    this.#before = before
    const removals = new Map<InstanceId, DagNode[]>()
    // ascending, so that of several roots, and of several additions, the lowest speaks
    for (const node of [...changes].sort((a, b) => compareText(a.id, b.id))) {
      for (const member of node.facts.roster ?? []) {
        if (!this.#founders.has(member.instance)) this.#founders.set(member.instance, member)
      }
      for (const { instance } of node.facts.adds) append(this.#additions, instance, node)
      for (const instance of node.facts.removes) append(removals, instance, node)
    }
    for (const [instance, additions] of this.#additions) {
      if (!before.has(instance)) this.#first.set(instance, firstOf(dag, additions))
    }
    for (const [instance, all] of removals) {
      const decided = all.filter((removal) => isDecision(removal, instance))
      if (decided.length > 0) this.#removals.set(instance, decided)
    }
  }

  fates(): Fates {
    let fates = this.#before
    for (const [instance, record] of this.#newcomers()) fates = fates.set(instance, record)
    for (const [instance, additions] of this.#additions) {
      const record = this.#before.get(instance)
      if (record === undefined) continue
      fates = fates.set(instance, { ...record, additions: [...record.additions, ...additions] })
    }
    for (const instance of this.#removals.keys()) {
      const record = fates.get(instance)
      if (record !== undefined) fates = fates.set(instance, { ...record, fate: 'removed' })
    }
    return fates
  }

  /** Instances that are new in the region, as if nobody had removed them. */
  #newcomers(): Map<InstanceId, FateRecord> {
    const records = new Map<InstanceId, FateRecord>()
    const invited = new Map<string, InstanceId[]>()
    for (const instance of [...this.#first.keys()].sort(compareText)) {
      if (this.#founders.has(instance)) continue
      const member = this.#described(instance)
      const additions = this.#additions.get(instance) ?? []
      if (this.#holdingAdditions(instance).length === 0) {
        records.set(instance, { fate: 'void', member, additions })
        continue
      }
      const namesakes = invited.get(member.identity) ?? []
      // instances come in ascending order: whoever is already there has the lower KeyPackageRef
      const isDuplicate = namesakes.some((lower) => this.#sideBySide(lower, instance))
      records.set(instance, { fate: isDuplicate ? 'duplicate' : 'member', member, additions })
      invited.set(member.identity, [...namesakes, instance])
    }
    for (const [instance, member] of this.#founders) {
      records.set(instance, { fate: 'member', member, additions: this.#additions.get(instance) ?? [] })
    }
    return records
  }

  #described(instance: InstanceId): RosterMember {
    const [lowest] = this.#first.get(instance) as readonly [DagNode]
    return lowest.facts.adds.find((member) => member.instance === instance) as RosterMember
  }

  #holdingAdditions(instance: InstanceId): readonly DagNode[] {
    return (this.#first.get(instance) ?? []).filter((addition) => this.#holds(instance, addition))
  }

  #sideBySide(a: InstanceId, b: InstanceId): boolean {
    const others = this.#holdingAdditions(b)
    return this.#holdingAdditions(a).every((one) =>
      others.every((other) => one !== other && areConcurrent(this.#dag, one, other)),
    )
  }

  /** Whether one addition holds. Follows the causal order backwards with a stack of its own: chains can be long. */
  #holds(instance: InstanceId, addition: DagNode): boolean {
    const waiting: [InstanceId, DagNode][] = [[instance, addition]]
    for (let next = waiting.at(-1); next !== undefined; next = waiting.at(-1)) {
      const [subject, at] = next
      const known = this.#known(subject)
      if (!known.has(at)) {
        const author = authorOf(subject, at)
        const needed = this.#authorAdditions(subject, author, at)
        const open = needed.find((earlier) => !this.#known(author as InstanceId).has(earlier))
        if (open !== undefined) {
          waiting.push([author as InstanceId, open])
          continue
        }
        known.set(at, this.#authorCounts(subject, author, needed) && !this.#authorRemovedBeside(subject, author, at))
      }
      waiting.pop()
    }
    return this.#known(instance).get(addition) === true
  }

  /** Whether a removal is part of an exchange for another continuation of the same instance, side by side with this one. */
  #isRival(author: InstanceId, at: DagNode, removal: DagNode): boolean {
    const isExchange = removal.facts.adds.some((added) => added.continues === author)
    return isExchange && areConcurrent(this.#dag, at, removal)
  }

  #known(instance: InstanceId): Map<DagNode, boolean> {
    let known = this.#holding.get(instance)
    if (known === undefined) {
      known = new Map()
      this.#holding.set(instance, known)
    }
    return known
  }

  /** First additions, in the region and in the past of what it adds, of an author that is new in the region. */
  #authorAdditions(subject: InstanceId, author: InstanceId | undefined, at: DagNode): readonly DagNode[] {
    if (author === undefined || author === subject || this.#founders.has(author)) return []
    const additions = this.#first.get(author) ?? []
    return additions.filter((earlier) => earlier !== at && precedesOrEquals(this.#dag, earlier, at))
  }

  #authorCounts(subject: InstanceId, author: InstanceId | undefined, additions: readonly DagNode[]): boolean {
    if (author === undefined || author === subject || this.#founders.has(author)) return true
    const fate = this.#before.get(author)?.fate
    // who was removed before the region removed lacks everything in it in the past of its removal
    if (fate !== undefined) return fate === 'member' || fate === 'duplicate'
    return additions.some((earlier) => this.#known(author).get(earlier) === true)
  }

  #authorRemovedBeside(subject: InstanceId, author: InstanceId | undefined, at: DagNode): boolean {
    if (author === undefined) return false
    const decided = this.#removals.get(author) ?? []
    const removals = continues(subject, author, at) ? decided.filter((r) => !this.#isRival(author, at, r)) : decided
    return removals.some((removal) => !precedesOrEquals(this.#dag, at, removal))
  }
}

/** Who answers for an addition: its committer; for a member that came back, the instance that it was before. */
function authorOf(subject: InstanceId, at: DagNode): InstanceId | undefined {
  return at.facts.adds.find(({ instance }) => instance === subject)?.continues ?? at.facts.committer
}

function continues(subject: InstanceId, author: InstanceId, at: DagNode): boolean {
  return at.facts.adds.some((added) => added.instance === subject && added.continues === author)
}

/** Additions that no earlier addition of the same instance precedes. */
function firstOf(dag: Dag, additions: readonly DagNode[]): readonly DagNode[] {
  if (additions.length < 2) return additions
  return additions.filter((addition) =>
    additions.every((other) => other === addition || !precedesOrEquals(dag, other, addition)),
  )
}

/** What becomes of everybody after the changes of a region, given what was settled before it. */
export function evaluateFates(dag: Dag, before: Fates, changes: readonly DagNode[], isDecision: IsDecision): Fates {
  return changes.length === 0 ? before : new Evaluation(dag, before, changes, isDecision).fates()
}
