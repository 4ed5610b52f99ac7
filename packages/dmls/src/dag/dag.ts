/**
 * The epoch DAG of one group (protocol §5): every epoch that was processed or created, with two kinds of edges. The
 * parent is the epoch that a commit was made in; the resolved heads are other heads that its author had processed.
 * Both make the causal past of an epoch (protocol §7).
 *
 * Immutable: `insert` and `witness` return a new DAG that shares almost everything with the old one. With n epochs and
 * m edges to resolved heads: an insertion is O(log n), an ancestor question O(log n), a causal question
 * O((1 + merges beside the path) log n). No outcome depends on the order of insertion.
 *
 * It holds facts about messages that were authenticated elsewhere; it checks their shape, not their signatures.
 */
import { invalid, missing } from '@dmls/mls'
import { precedesOrEquals } from './causality.ts'
import { DagNode, forkPointOf, isAncestorOrSelf, leafKey, type Roster } from './dag-node.ts'
import type { EpochFacts, Equivocation, ResolvedHead, RosterMember, Witness } from './epoch-facts.ts'
import { compareText, type DmlsEpoch, type InstanceId } from './identifiers.ts'
import { PersistentMap } from './persistent-map.ts'
import { equivocationOf, recordCommit, recordMessage, type SenderRecord } from './sender-record.ts'
import { topologicalOrder } from './topological-order.ts'

interface DagParts {
  readonly nodes: PersistentMap<DmlsEpoch, DagNode>
  readonly roots: PersistentMap<DmlsEpoch, DagNode>
  /** Children in ascending order of their ids. */
  readonly children: PersistentMap<DmlsEpoch, readonly DagNode[]>
  /** Who resolves an epoch, known or not; never a descendant of it. */
  readonly resolvers: PersistentMap<DmlsEpoch, readonly DagNode[]>
  readonly heads: PersistentMap<DmlsEpoch, DagNode>
  readonly unresolved: PersistentMap<DmlsEpoch, DagNode>
  readonly senders: PersistentMap<InstanceId, SenderRecord>
  /** Instances that some commit removes. */
  readonly removed: PersistentMap<InstanceId, true>
  /** Commits by sender and counter; more than one only of an equivocator. */
  readonly commits: PersistentMap<string, readonly DagNode[]>
  /** Epochs with a fresh leaf key of an instance, latest insertion first. */
  readonly updates: PersistentMap<InstanceId, Chain>
}

/** A list that grows at its front, shared by all versions. */
interface Chain {
  readonly node: DagNode
  readonly rest: Chain | undefined
}

const EMPTY: DagParts = {
  nodes: PersistentMap.empty(),
  roots: PersistentMap.empty(),
  children: PersistentMap.empty(),
  resolvers: PersistentMap.empty(),
  heads: PersistentMap.empty(),
  unresolved: PersistentMap.empty(),
  senders: PersistentMap.empty(),
  removed: PersistentMap.empty(),
  commits: PersistentMap.empty(),
  updates: PersistentMap.empty(),
}

/** Counter digits from the last to the first, because the first ones are all alike. */
function commitKey(sender: InstanceId, counter: bigint): string {
  return [...counter.toString(16).padStart(16, '0')].reverse().join('') + sender
}

function withSorted(nodes: readonly DagNode[] | undefined, node: DagNode): readonly DagNode[] {
  if (nodes === undefined) return [node]
  let low = 0
  for (let high = nodes.length; low < high; ) {
    const middle = (low + high) >> 1
    if (compareText((nodes[middle] as DagNode).id, node.id) < 0) low = middle + 1
    else high = middle
  }
  return nodes.toSpliced(low, 0, node)
}

function sameFacts(a: EpochFacts, b: EpochFacts): boolean {
  return a === b || (a.parent === b.parent && a.confirmationTag === b.confirmationTag && a.epoch === b.epoch)
}

export class Dag {
  readonly #parts: DagParts
  /** Results computed from this very DAG, by whoever asked. */
  readonly #memo = new Map<object, unknown>()

  private constructor(parts: DagParts) {
    this.#parts = parts
  }

  static empty(): Dag {
    return new Dag(EMPTY)
  }

  /**
   * A DAG that also has the epoch; its commit counts as a message of its committer. The same DAG if it has it already.
   * @throws MlsError `missing`/`unknown_parent`; `invalid`/`conflicting_epoch`, `bad_epoch_number`, `bad_root`,
   * `resolves_cycle` (the epoch's causal past names the epoch itself).
   */
  insert(facts: EpochFacts): Dag {
    const parts = this.#parts
    const present = parts.nodes.get(facts.id)
    if (present !== undefined) {
      if (sameFacts(present.facts, facts)) return this
      throw invalid('conflicting_epoch', 'another commit is known under this dmls_epoch', { epoch: facts.id })
    }
    const parent = facts.parent === undefined ? undefined : parts.nodes.get(facts.parent)
    if (facts.parent === undefined) {
      if (facts.roster === undefined) throw invalid('bad_root', 'a root names everybody in it')
    } else {
      if (facts.roster !== undefined) throw invalid('bad_root', 'only a root has a roster of its own')
      if (parent === undefined) throw missing('unknown_parent', 'the parent is not here', { parent: facts.parent })
      if (facts.epoch !== parent.facts.epoch + 1n) throw invalid('bad_epoch_number', 'a child counts one further')
    }

    const node = new DagNode(
      facts,
      parent,
      facts.resolves.map(({ head }) => parts.nodes.get(head)),
    )
    const alreadyResolved = parts.resolvers.get(facts.id)
    // an id is a hash over the heads that its commit lists, so honest bytes cannot get here
    if (alreadyResolved?.some((resolver) => this.#comesBefore(resolver, node))) {
      throw invalid('resolves_cycle', 'an epoch of the causal past lists this epoch as resolved', { epoch: facts.id })
    }

    let { children, resolvers, heads, unresolved, roots } = parts
    if (parent === undefined) roots = roots.set(node.id, node)
    else {
      children = children.set(parent.id, withSorted(children.get(parent.id), node))
      heads = heads.delete(parent.id)
      unresolved = unresolved.delete(parent.id)
    }
    heads = heads.set(node.id, node)
    if (alreadyResolved === undefined) unresolved = unresolved.set(node.id, node)
    for (const { head } of facts.resolves) {
      const target = parts.nodes.get(head)
      // an ancestor is in the causal past anyway
      if (head === node.id || (target !== undefined && isAncestorOrSelf(target, node))) continue
      const others = resolvers.get(head)
      if (others?.includes(node)) continue
      resolvers = resolvers.set(head, withSorted(others, node))
      unresolved = unresolved.delete(head)
    }
    let { updates, removed } = parts
    for (const instance of facts.removes) removed = removed.set(instance, true)
    for (const instance of facts.updates) updates = updates.set(instance, { node, rest: updates.get(instance) })
    const nodes = parts.nodes.set(node.id, node)
    return new Dag({
      nodes,
      roots,
      children,
      resolvers,
      heads,
      unresolved,
      updates,
      removed,
      ...this.#withCommit(node),
    })
  }

  #withCommit(node: DagNode): Pick<DagParts, 'senders' | 'commits'> {
    const { senders, commits } = this.#parts
    const { committer, counter } = node.facts
    if (committer === undefined) return { senders, commits }
    const key = commitKey(committer, counter)
    const sameCounter = commits.get(key) ?? []
    const record = recordCommit(recordMessage(senders.get(committer), counter, node), node, sameCounter)
    return { senders: senders.set(committer, record), commits: commits.set(key, withSorted(sameCounter, node)) }
  }

  /** Like {@link precedesOrEquals}, for a node that this DAG does not have yet. */
  #comesBefore(earlier: DagNode, node: DagNode): boolean {
    if (node.parent !== undefined && precedesOrEquals(this, earlier, node.parent)) return true
    return node.facts.resolves.some(({ head }) => {
      const target = this.#parts.nodes.get(head)
      return target !== undefined && precedesOrEquals(this, earlier, target)
    })
  }

  /**
   * A DAG that also counts the message. The same DAG if it says nothing new.
   * @throws MlsError `missing`/`unknown_epoch`
   */
  witness({ sender, counter, epoch }: Witness): Dag {
    const record = this.#parts.senders.get(sender)
    const next = recordMessage(record, counter, this.node(epoch))
    if (next === record) return this
    return new Dag({ ...this.#parts, senders: this.#parts.senders.set(sender, next) })
  }

  /** How many epochs. */
  get size(): number {
    return this.#parts.nodes.size
  }

  has(id: DmlsEpoch): boolean {
    return this.#parts.nodes.has(id)
  }

  get(id: DmlsEpoch): EpochFacts | undefined {
    return this.#parts.nodes.get(id)?.facts
  }

  /** For the modules of this package. @throws MlsError `missing`/`unknown_epoch` */
  node(id: DmlsEpoch): DagNode {
    const node = this.#parts.nodes.get(id)
    if (node === undefined) throw missing('unknown_epoch', 'the DAG does not have this epoch', { epoch: id })
    return node
  }

  /** For the modules of this package: the node, or undefined. */
  findNode(id: DmlsEpoch): DagNode | undefined {
    return this.#parts.nodes.get(id)
  }

  /** All epochs, causes before effects; among those that are ready, the lowest id first. */
  epochs(): readonly EpochFacts[] {
    return this.memo(topologicalOrder, () => topologicalOrder(this, this.#parts.nodes.values()))
  }

  /** Epochs without a parent, ascending. */
  roots(): readonly DmlsEpoch[] {
    return [...this.#parts.roots.keys()]
  }

  parent(id: DmlsEpoch): DmlsEpoch | undefined {
    return this.node(id).parent?.id
  }

  /** Ascending. */
  children(id: DmlsEpoch): readonly DmlsEpoch[] {
    return this.childNodes(id).map((node) => node.id)
  }

  /** For the modules of this package. */
  childNodes(id: DmlsEpoch): readonly DagNode[] {
    return this.#parts.children.get(id) ?? []
  }

  /** Commits since the root. */
  depth(id: DmlsEpoch): number {
    return this.node(id).depth
  }

  /** The epochs above, nearest first, without the epoch itself. */
  *ancestors(id: DmlsEpoch): Generator<DmlsEpoch, void, undefined> {
    for (let node = this.node(id).parent; node !== undefined; node = node.parent) yield node.id
  }

  /** Whether the first epoch lies strictly above the second along the parents. */
  isAncestor(ancestor: DmlsEpoch, descendant: DmlsEpoch): boolean {
    return ancestor !== descendant && isAncestorOrSelf(this.node(ancestor), this.node(descendant))
  }

  /** Whether the first epoch is in the causal past of the second: along parents and resolved heads, and not itself. */
  precedes(earlier: DmlsEpoch, later: DmlsEpoch): boolean {
    return earlier !== later && precedesOrEquals(this, this.node(earlier), this.node(later))
  }

  /** The deepest epoch that all the branches share; undefined when they have different roots or none are given. */
  forkPoint(...epochs: readonly DmlsEpoch[]): DmlsEpoch | undefined {
    let shared: DagNode | undefined
    for (const [index, id] of epochs.entries()) {
      const node = this.node(id)
      shared = index === 0 ? node : shared && forkPointOf(shared, node)
    }
    return shared?.id
  }

  /** Epochs without a child, ascending. */
  heads(): readonly DmlsEpoch[] {
    return [...this.#parts.heads.keys()]
  }

  /**
   * Heads in nobody's causal past: those that no commit of this DAG lists as resolved, ascending. A late child of a
   * resolved head is a head that nobody resolved yet. Never empty unless the DAG is.
   */
  unresolvedHeads(): readonly DmlsEpoch[] {
    return [...this.#parts.unresolved.keys()]
  }

  /** Epochs whose commit lists this one as resolved, ascending. The epoch itself may be unknown here. */
  resolvedBy(id: DmlsEpoch): readonly DmlsEpoch[] {
    return (this.#parts.resolvers.get(id) ?? []).map((node) => node.id)
  }

  /** Resolved heads that nobody here has processed: epochs to ask peers for. Ascending, each once. */
  unknownResolved(): readonly DmlsEpoch[] {
    return [...this.#parts.resolvers.keys()].filter((id) => !this.has(id))
  }

  /** The resolved heads of an epoch that are known here and are not its ancestors. */
  resolvedHeads(id: DmlsEpoch): readonly ResolvedHead[] {
    const node = this.node(id)
    return node.facts.resolves.filter(({ head }) => {
      const target = this.findNode(head)
      return target !== undefined && !isAncestorOrSelf(target, node)
    })
  }

  /** The given epochs and everything that precedes them. O(size of the answer). @throws MlsError `unknown_epoch` */
  causalPast(epochs: readonly DmlsEpoch[]): ReadonlySet<DmlsEpoch> {
    const past = new Set<DmlsEpoch>()
    const waiting = epochs.map((id) => this.node(id))
    for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
      if (past.has(node.id)) continue
      past.add(node.id)
      if (node.parent !== undefined) waiting.push(node.parent)
      for (const { head } of node.facts.resolves) {
        const target = this.findNode(head)
        if (target !== undefined) waiting.push(target)
      }
    }
    return past
  }

  /** Everybody in an epoch, by instance. */
  roster(id: DmlsEpoch): Roster {
    return this.node(id).roster
  }

  /** Who sits at a leaf in an epoch. @throws MlsError `unknown_epoch` */
  memberAt(id: DmlsEpoch, leafIndex: number): RosterMember | undefined {
    return this.node(id).leaves.get(leafKey(leafIndex))
  }

  /** The settings in force: the GroupContext extensions that were set last, undefined if never since the root. */
  settings(id: DmlsEpoch): string | undefined {
    return this.node(id).lastSettings?.facts.settings
  }

  /** A member's latest authenticated message, by its own counter; one of them for an equivocator. */
  latest(sender: InstanceId): Witness | undefined {
    const record = this.#parts.senders.get(sender)
    return record && { sender, counter: record.counter, epoch: record.node.id }
  }

  /**
   * The latest message of everybody who was heard, ascending by instance; of a sender that used its latest counter on
   * two branches, two such messages: which two may depend on what was heard first, that there are two does not.
   */
  *witnesses(): Generator<Witness, void, undefined> {
    for (const [sender, { counter, node, split }] of this.#parts.senders.entries()) {
      for (const epoch of split ?? [node.id]) yield { sender, counter, epoch }
    }
  }

  /** For the modules of this package. */
  senders(): PersistentMap<InstanceId, SenderRecord> {
    return this.#parts.senders
  }

  /** Whether some commit here removes an instance, on whatever branch. */
  isRemoved(instance: InstanceId): boolean {
    return this.#parts.removed.has(instance)
  }

  /** For the modules of this package: the epochs in which an instance got a fresh leaf key, in no particular order. */
  *updatesOf(instance: InstanceId): Generator<DagNode, void, undefined> {
    for (let chain = this.#parts.updates.get(instance); chain !== undefined; chain = chain.rest) yield chain.node
  }

  /** Proof that a member used one counter on two branches, if there is any. */
  equivocation(sender: InstanceId): Equivocation | undefined {
    const record = this.#parts.senders.get(sender)
    return record && equivocationOf(sender, record)
  }

  /** For pure functions of this DAG: computes once, remembers under the key. */
  memo<T>(key: object, compute: () => T): T {
    if (this.#memo.has(key)) return this.#memo.get(key) as T
    const value = compute()
    this.#memo.set(key, value)
    return value
  }
}
