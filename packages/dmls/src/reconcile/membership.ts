/**
 * Who is a member after several branches are taken together: a function of the operations in their causal past, not of
 * the branches or of who won (protocol §7). It depends on the *decisions* in that past and on nothing else:
 *
 * - `remove(i)` always holds.
 * - `add(i)` by author `a` holds if `add(a)` holds and no removal of `a` lacks it in its causal past. (A removed member
 *   that claims to have seen its own removal gains nothing by that.) An external joiner adds itself.
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
import { type DagNode, isAncestorOrSelf } from '../dag/dag-node.ts'
import type { RosterMember } from '../dag/epoch-facts.ts'
import { compareText, type DmlsEpoch, type InstanceId } from '../dag/identifiers.ts'
import { collectOperations, type Operations } from './operations.ts'

/** Why an instance that was in the group once is, or is not, a member. */
export type Fate =
  | 'member'
  /** Somebody decided to remove it. */
  | 'removed'
  /** Whoever added it was being removed on another branch, or was not a member either. */
  | 'void'
  /** Its identity was invited on both sides, and the other instance keeps the place. */
  | 'duplicate'

/** The known heads that an epoch resolves, apart from its own ancestors. */
function resolvedNodes(dag: Dag, node: DagNode): DagNode[] {
  const targets: DagNode[] = []
  for (const { head } of node.facts.resolves) {
    const target = dag.findNode(head)
    if (target !== undefined && !isAncestorOrSelf(target, node)) targets.push(target)
  }
  return targets
}

/** Additions that no earlier addition of the same instance precedes. */
function firstAdditions(dag: Dag, additions: readonly DagNode[]): readonly DagNode[] {
  if (additions.length < 2) return additions
  return additions.filter((addition) =>
    additions.every((other) => other === addition || !precedesOrEquals(dag, other, addition)),
  )
}

/** One evaluation of the rule over the causal past of some heads. */
class Evaluation {
  readonly #dag: Dag
  readonly #operations: Operations
  readonly #first = new Map<InstanceId, readonly DagNode[]>()
  readonly #decidedRemovals = new Map<InstanceId, readonly DagNode[]>()
  /** By instance and adding epoch. */
  readonly #holding = new Map<InstanceId, Map<DagNode, boolean>>()

  constructor(dag: Dag, operations: Operations) {
    this.#dag = dag
    this.#operations = operations
    for (const [instance, additions] of operations.adds) this.#first.set(instance, firstAdditions(dag, additions))
    for (const [instance, removals] of operations.removes) {
      const decided = removals.filter((removal) => isDecision(dag, removal, instance))
      if (decided.length > 0) this.#decidedRemovals.set(instance, decided)
    }
  }

  fates(): ReadonlyMap<InstanceId, Fate> {
    const { founders, described } = this.#operations
    const instances = [...new Set([...founders.keys(), ...described.keys()])].sort(compareText)
    const standing = new Map<string, InstanceId[]>()
    const fates = new Map<InstanceId, Fate>()
    for (const instance of instances) {
      const added = founders.has(instance) || this.#holdingAdditions(instance).length > 0
      const removed = this.#decidedRemovals.has(instance)
      if (added && !founders.has(instance)) {
        const { identity } = described.get(instance) as RosterMember
        const namesakes = standing.get(identity) ?? []
        // instances come in ascending order: whoever is already there has the lower KeyPackageRef
        if (!removed && namesakes.some((lower) => this.#sideBySide(lower, instance))) fates.set(instance, 'duplicate')
        standing.set(identity, [...namesakes, instance])
      }
      if (!fates.has(instance)) fates.set(instance, removed ? 'removed' : added ? 'member' : 'void')
    }
    return fates
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
        const author = at.facts.committer
        const authorAdditions = this.#authorAdditions(subject, author, at)
        const open = authorAdditions?.find((earlier) => !this.#known(author as InstanceId).has(earlier))
        if (open !== undefined) {
          waiting.push([author as InstanceId, open])
          continue
        }
        const authorHolds =
          authorAdditions === undefined ||
          authorAdditions.some((earlier) => this.#known(author as InstanceId).get(earlier) === true)
        known.set(at, authorHolds && !this.#authorRemovedBeside(author, at))
      }
      waiting.pop()
    }
    return this.#known(instance).get(addition) === true
  }

  #known(instance: InstanceId): Map<DagNode, boolean> {
    let known = this.#holding.get(instance)
    if (known === undefined) {
      known = new Map()
      this.#holding.set(instance, known)
    }
    return known
  }

  /** The author's own first additions in the past of what it adds; undefined where the author needs none. */
  #authorAdditions(subject: InstanceId, author: InstanceId | undefined, at: DagNode): readonly DagNode[] | undefined {
    if (author === undefined || author === subject || this.#operations.founders.has(author)) return undefined
    const additions = this.#first.get(author) ?? []
    return additions.filter((earlier) => earlier !== at && precedesOrEquals(this.#dag, earlier, at))
  }

  #authorRemovedBeside(author: InstanceId | undefined, at: DagNode): boolean {
    if (author === undefined) return false
    const removals = this.#decidedRemovals.get(author) ?? []
    return removals.some((removal) => !precedesOrEquals(this.#dag, at, removal))
  }
}

/** Whether a removal was somebody's decision; a merge commit also removes those that its plan finds out already. */
function isDecision(dag: Dag, removal: DagNode, instance: InstanceId): boolean {
  const resolved = resolvedNodes(dag, removal)
  if (resolved.length === 0 || removal.parent === undefined) return true
  return fatesBefore(dag, removal, [removal.parent, ...resolved]).get(instance) === 'member'
}

function hasRemovalsToJudge(dag: Dag, node: DagNode): boolean {
  return node.facts.removes.length > 0 && resolvedNodes(dag, node).length > 0
}

const PAST = {}

/** The fates that a merge commit found, computed once: causes first, without recursion into long histories. */
function fatesBefore(dag: Dag, merge: DagNode, before: readonly DagNode[]): ReadonlyMap<InstanceId, Fate> {
  const known = dag.memo(PAST, () => new Map<DagNode, ReadonlyMap<InstanceId, Fate>>())
  const waiting: [DagNode, readonly DagNode[]][] = [[merge, before]]
  for (let next = waiting.at(-1); next !== undefined; next = waiting.at(-1)) {
    const [node, causes] = next
    if (!known.has(node) && node.pastFates === undefined) {
      const operations = collectOperations(dag, causes)
      const open = mergesOf(operations).find(
        (earlier) => earlier.pastFates === undefined && !known.has(earlier) && hasRemovalsToJudge(dag, earlier),
      )
      if (open !== undefined) {
        waiting.push([open, [open.parent as DagNode, ...resolvedNodes(dag, open)]])
        continue
      }
      const fates = new Evaluation(dag, operations).fates()
      if (operations.complete && node.facts.resolves.every(({ head }) => dag.has(head))) node.pastFates = fates
      else known.set(node, fates)
    }
    waiting.pop()
  }
  return merge.pastFates ?? (known.get(merge) as ReadonlyMap<InstanceId, Fate>)
}

function mergesOf(operations: Operations): DagNode[] {
  const merges = new Set<DagNode>()
  for (const removals of operations.removes.values()) for (const removal of removals) merges.add(removal)
  return [...merges]
}

function evaluate(
  dag: Dag,
  heads: readonly DmlsEpoch[],
): { fates: ReadonlyMap<InstanceId, Fate>; operations: Operations } {
  const cache = dag.memo(evaluate, () => new Map<string, ReturnType<typeof evaluate>>())
  const key = [...heads].sort(compareText).join(' ')
  let result = cache.get(key)
  if (result === undefined) {
    const operations = collectOperations(
      dag,
      heads.map((id) => dag.node(id)),
    )
    result = { fates: new Evaluation(dag, operations).fates(), operations }
    cache.set(key, result)
  }
  return result
}

/** The fate of every instance that the causal past of the heads knows. @throws MlsError `unknown_epoch` */
export function instanceFates(dag: Dag, heads: readonly DmlsEpoch[]): ReadonlyMap<InstanceId, Fate> {
  return evaluate(dag, heads).fates
}

/**
 * The members after the causal past of the heads is taken together, ascending by instance. Their leaf index is that of
 * the branch that added them, and says nothing about other branches. @throws MlsError `unknown_epoch`
 */
export function membership(dag: Dag, heads: readonly DmlsEpoch[]): ReadonlyMap<InstanceId, RosterMember> {
  const { fates, operations } = evaluate(dag, heads)
  const members = new Map<InstanceId, RosterMember>()
  for (const [instance, fate] of fates) {
    if (fate !== 'member') continue
    members.set(instance, (operations.founders.get(instance) ?? operations.described.get(instance)) as RosterMember)
  }
  return members
}
