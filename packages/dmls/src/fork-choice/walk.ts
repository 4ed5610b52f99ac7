/**
 * The frame of every fork choice (protocol §6): walk down from where the unresolved heads part, and at each fork let a
 * policy pick one child. Only children with an unresolved head below them are candidates, or a resolved branch with
 * much support would win again (scenario 34). Pure functions of the DAG: no clock, no order of arrival.
 */
import { usage } from '@dmls/mls'
import type { Dag } from '../dag/dag.ts'
import { type DagNode, forkPointOf } from '../dag/dag-node.ts'
import type { DmlsEpoch } from '../dag/identifiers.ts'
import type { ForkChoicePolicy } from './fork-choice-policy.ts'

/** The hash of the group's cipher suite. */
export type HashFunction = (data: Uint8Array) => Uint8Array

export interface ForkChoice {
  readonly name: ForkChoicePolicy['kind']
  /**
   * The head to follow, among the unresolved heads or among those given (which are heads too).
   * @throws MlsError `usage`/`no_head` when there is none to choose from; `missing`/`unknown_epoch`
   */
  chooseHead(dag: Dag, hash: HashFunction, among?: readonly DmlsEpoch[]): DmlsEpoch
}

/** A place where branches part. */
export interface Fork {
  /** undefined where whole trees part: roots without a common ancestor here. */
  readonly at: DagNode | undefined
  /** At least two, ascending by id: the children, or the roots, with an unresolved head below or at them. */
  readonly children: readonly DagNode[]
  /** The depth of the deepest unresolved head at or below a child. */
  deepest(child: DagNode): number
}

/** What a policy answers at one fork, given a walk that lasts for one choice. */
export interface Walk {
  pick(fork: Fork): DagNode
  /** Told at every fork, after the pick. */
  descend?(fork: Fork, picked: DagNode): void
}

/** The part of the tree between the heads and the point where they all part. */
interface Region {
  readonly top: DagNode | undefined
  /** The children that lead to a head, by their parent; undefined stands above the roots. */
  readonly below: ReadonlyMap<DagNode | undefined, DagNode[]>
  /** The depth of the deepest head at or below each of them. */
  deepest(node: DagNode): number
}

/** O(epochs in the region). */
function regionOf(heads: readonly DagNode[]): Region {
  let top: DagNode | undefined = heads[0]
  for (const head of heads) top = top && forkPointOf(top, head)
  const below = new Map<DagNode | undefined, DagNode[]>()
  const deepest = new Map<DagNode, number>()
  // deepest heads first: whoever comes to a node first knows its depth
  for (const head of [...heads].sort((a, b) => b.depth - a.depth)) {
    for (let node: DagNode | undefined = head; node !== top && node !== undefined; node = node.parent) {
      if (deepest.has(node)) break
      deepest.set(node, head.depth)
      const siblings = below.get(node.parent)
      if (siblings === undefined) below.set(node.parent, [node])
      else siblings.push(node)
    }
  }
  return { top, below, deepest: (node) => deepest.get(node) ?? node.depth }
}

function byId(a: DagNode, b: DagNode): number {
  return a.id < b.id ? -1 : 1
}

function walkDown(heads: readonly DagNode[], walk: Walk): DagNode {
  const { top, below, deepest } = regionOf(heads)
  let at = top
  while (true) {
    const children = below.get(at)
    if (children === undefined) return at as DagNode
    if (children.length === 1) {
      at = children[0]
      continue
    }
    const fork: Fork = { at, children: children.sort(byId), deepest }
    const picked = walk.pick(fork)
    walk.descend?.(fork, picked)
    at = picked
  }
}

/** A fork choice from a name and what it does at each fork. Its choice among all heads is computed once per DAG. */
export function createForkChoice(
  name: ForkChoicePolicy['kind'],
  start: (dag: Dag, hash: HashFunction) => Walk,
): ForkChoice {
  const choose = (dag: Dag, hash: HashFunction, among: readonly DmlsEpoch[]): DmlsEpoch => {
    const heads = among.map((id) => dag.node(id))
    if (heads.length === 0) throw usage('no_head', 'there is no head to choose from')
    if (heads.length === 1) return (heads[0] as DagNode).id
    return walkDown(heads, start(dag, hash)).id
  }
  const forkChoice: ForkChoice = {
    name,
    chooseHead(dag, hash, among) {
      if (among !== undefined) return choose(dag, hash, among)
      return dag.memo(forkChoice, () => choose(dag, hash, dag.unresolvedHeads()))
    },
  }
  return forkChoice
}

/**
 * Heads in the order in which a fork choice would follow them, were the ones before not there. Lazy: each further head
 * costs a choice.
 */
export function* rankHeads(
  dag: Dag,
  forkChoice: ForkChoice,
  hash: HashFunction,
  heads: readonly DmlsEpoch[] = dag.unresolvedHeads(),
): Generator<DmlsEpoch, void, undefined> {
  for (let left = heads; left.length > 0; ) {
    const next = forkChoice.chooseHead(dag, hash, left)
    yield next
    left = left.filter((head) => head !== next)
  }
}
