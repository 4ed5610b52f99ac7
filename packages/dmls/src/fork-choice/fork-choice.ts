/**
 * The frame of every fork choice (protocol §6): walk down from where the unresolved heads part, and at each fork let a
 * policy pick one child. Only children with an unresolved head below them are candidates, or a resolved branch with
 * much support would win again (scenario 34). Pure functions of the DAG: no clock, no order of arrival.
 */
import { usage } from '@dmls/mls'
import type { Dag } from '../dag/dag.ts'
import { type DagNode, forkPointOf } from '../dag/dag-node.ts'
import type { DmlsEpoch } from '../dag/identifiers.ts'

/** The hash of the group's cipher suite. */
export type HashFunction = (data: Uint8Array) => Uint8Array

export interface ForkChoice {
  readonly name: string
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
}

/** What a policy answers at one fork, given a walk that lasts for one choice. */
export interface Walk {
  pick(fork: Fork): DagNode
  /** Told at every fork, after the pick. */
  descend?(fork: Fork, picked: DagNode): void
}

/** The children that lead to the heads, below the point where all the heads part. O(epochs between it and the heads). */
function branchesTo(heads: readonly DagNode[]): {
  top: DagNode | undefined
  below: Map<DagNode | undefined, DagNode[]>
} {
  let top: DagNode | undefined = heads[0]
  for (const head of heads) top = top && forkPointOf(top, head)
  const below = new Map<DagNode | undefined, DagNode[]>()
  const seen = new Set<DagNode>()
  for (const head of heads) {
    for (let node: DagNode | undefined = head; node !== top && node !== undefined; node = node.parent) {
      // from here up, an earlier head has left its trace
      if (seen.has(node)) break
      seen.add(node)
      const siblings = below.get(node.parent)
      if (siblings === undefined) below.set(node.parent, [node])
      else siblings.push(node)
    }
  }
  return { top, below }
}

function byId(a: DagNode, b: DagNode): number {
  return a.id < b.id ? -1 : 1
}

function walkDown(heads: readonly DagNode[], walk: Walk): DagNode {
  const { top, below } = branchesTo(heads)
  let at = top
  while (true) {
    const children = below.get(at)
    if (children === undefined) return at as DagNode
    if (children.length === 1) {
      at = children[0]
      continue
    }
    const fork: Fork = { at, children: children.sort(byId) }
    const picked = walk.pick(fork)
    walk.descend?.(fork, picked)
    at = picked
  }
}

/** A fork choice from a name and what it does at each fork. Its choice among all heads is computed once per DAG. */
export function createForkChoice(name: string, start: (dag: Dag, hash: HashFunction) => Walk): ForkChoice {
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

/** Heads in the order in which a fork choice would follow them, were the ones before not there. */
export function rankHeads(
  dag: Dag,
  forkChoice: ForkChoice,
  hash: HashFunction,
  heads: readonly DmlsEpoch[] = dag.unresolvedHeads(),
): readonly DmlsEpoch[] {
  const ranked: DmlsEpoch[] = []
  let left = heads
  while (left.length > 0) {
    const next = forkChoice.chooseHead(dag, hash, left)
    ranked.push(next)
    left = left.filter((head) => head !== next)
  }
  return ranked
}
