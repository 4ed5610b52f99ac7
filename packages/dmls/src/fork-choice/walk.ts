/**
 * The frame of every fork choice (protocol §6): walk down from where the unresolved heads part, and at each fork let a
 * policy pick one child. Only children with an unresolved head below them are candidates, or a resolved branch with
 * much support would win again (scenario 34). Pure functions of the DAG: no clock, no order of arrival.
 */
import { usage } from '@dmls/mls'
import type { Dag } from '../dag/dag.ts'
import { ancestorAtDepth, type DagNode, forkPointOf } from '../dag/dag-node.ts'
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
  /** At least two, in no particular order: the children, or the roots, with an unresolved head below or at them. */
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

/** The heads below each child of the point where they all part; undefined stands above the roots. */
function partition(heads: readonly DagNode[]): { at: DagNode | undefined; below: Map<DagNode, DagNode[]> } {
  let at: DagNode | undefined = heads[0]
  for (const head of heads) at = at && forkPointOf(at, head)
  const below = new Map<DagNode, DagNode[]>()
  for (const head of heads) {
    if (head === at) continue
    const child = at === undefined ? head.root : ancestorAtDepth(head, at.depth + 1)
    const list = below.get(child)
    if (list === undefined) below.set(child, [head])
    else list.push(head)
  }
  return { at, below }
}

/** With few heads: part them at each fork. O(heads × log n) for a fork, however far the branches reach. */
function walkGroups(heads: readonly DagNode[], walk: Walk): DagNode {
  let group = heads
  while (group.length > 1) {
    const { at, below } = partition(group)
    const picked = pickChild(walk, {
      at,
      children: [...below.keys()],
      deepest: (child) => Math.max(...(below.get(child) ?? []).map((head) => head.depth)),
    })
    group = below.get(picked) as DagNode[]
  }
  return group[0] as DagNode
}

/** With many heads: mark the ways to all of them once. O(epochs between the heads and where they part). */
function walkMarked(heads: readonly DagNode[], walk: Walk): DagNode {
  let top: DagNode | undefined = heads[0]
  for (const head of heads) top = top && forkPointOf(top, head)
  const below = new Map<DagNode | undefined, DagNode[]>()
  const depths = new Map<DagNode, number>()
  // deepest heads first: whoever comes to an epoch first knows how deep it gets below
  for (const head of [...heads].sort((a, b) => b.depth - a.depth)) {
    for (let node: DagNode | undefined = head; node !== top && node !== undefined; node = node.parent) {
      if (depths.has(node)) break
      depths.set(node, head.depth)
      const siblings = below.get(node.parent)
      if (siblings === undefined) below.set(node.parent, [node])
      else siblings.push(node)
    }
  }
  const deepest = (child: DagNode): number => depths.get(child) as number
  let at = top
  for (let children = below.get(at); children !== undefined; children = below.get(at)) {
    at = children.length === 1 ? children[0] : pickChild(walk, { at, children, deepest })
  }
  return at as DagNode
}

function pickChild(walk: Walk, fork: Fork): DagNode {
  const picked = walk.pick(fork)
  walk.descend?.(fork, picked)
  return picked
}

/** Beyond this many heads, marking is cheaper than parting. */
const GROUPED_HEADS_MAX = 32

function walkDown(heads: readonly DagNode[], walk: Walk): DagNode {
  return heads.length <= GROUPED_HEADS_MAX ? walkGroups(heads, walk) : walkMarked(heads, walk)
}

/** A fork choice from a name and what it does at each fork. Its choice among all heads is computed once per DAG. */
export function createForkChoice(
  name: ForkChoicePolicy['kind'],
  start: (dag: Dag, hash: HashFunction) => Walk,
): ForkChoice {
  const choose = (dag: Dag, hash: HashFunction, among: readonly DmlsEpoch[]): DmlsEpoch => {
    const heads = [...new Set(among)].map((id) => dag.node(id))
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
