/**
 * One epoch inside the DAG, linked to its parent. Nodes are immutable and shared between the versions of a DAG: what
 * later epochs change (children, who resolves it) is kept beside them. Ancestor questions are answered with one jump
 * pointer per node (a skew-binary skip list along the parents), O(log depth) each.
 */

import type { Fates } from '../reconcile/fates.ts'
import type { EpochFacts, RosterMember } from './epoch-facts.ts'
import type { DmlsEpoch, InstanceId } from './identifiers.ts'
import { PersistentMap } from './persistent-map.ts'

/** The members of one epoch; shares structure with the rosters of its parent and children. */
export type Roster = PersistentMap<InstanceId, RosterMember>

type Seats = PersistentMap<string, RosterMember>

export class DagNode {
  readonly facts: EpochFacts
  readonly parent: DagNode | undefined
  readonly root: DagNode
  /** Commits since the root. */
  readonly depth: number
  /** An ancestor some way up; the node itself at a root. */
  readonly jump: DagNode
  readonly roster: Roster
  /** The same members by {@link leafKey}. */
  readonly leaves: Seats
  /** The nearest ancestor or self that lists resolved heads. */
  readonly lastMerge: DagNode | undefined
  /** The nearest ancestor or self that changed members or settings, lists heads, or is a root. */
  readonly lastChange: DagNode
  /** The nearest ancestor or self that set the group's settings. */
  readonly lastSettings: DagNode | undefined
  /** Whether all heads that it and its causal past list were there before whoever lists them: its past is final. */
  readonly isStable: boolean
  /** Filled in by `reconcile/settle.ts`, and only for a stable epoch: what became of everybody before and after it. */
  fatesBefore: Fates | undefined = undefined
  fatesAfter: Fates | undefined = undefined

  /** `resolved`: what is known of the heads that it lists, undefined for those that are not. */
  constructor(facts: EpochFacts, parent: DagNode | undefined, resolved: readonly (DagNode | undefined)[]) {
    const { roster, leaves } = seat(facts, parent)
    const merges = facts.resolves.length > 0
    const sets = facts.settings !== undefined
    const changes = merges || sets || facts.adds.length > 0 || facts.removes.length > 0
    this.facts = facts
    this.parent = parent
    this.root = parent?.root ?? this
    this.depth = parent === undefined ? 0 : parent.depth + 1
    this.jump = parent === undefined ? this : jumpBelow(parent)
    this.roster = roster
    this.leaves = leaves
    this.lastMerge = merges ? this : parent?.lastMerge
    this.lastChange = parent === undefined || changes ? this : parent.lastChange
    this.isStable = parent?.isStable !== false && resolved.every((head) => head?.isStable === true)
    this.lastSettings = sets ? this : parent?.lastSettings
  }

  get id(): DmlsEpoch {
    return this.facts.id
  }
}

/** A leaf index as a key: hexadecimal, last digit first, so that neighbours part early. */
export function leafKey(leafIndex: number): string {
  let key = ''
  for (let left = leafIndex; key === '' || left > 0; left = Math.floor(left / 16)) key += (left % 16).toString(16)
  return key
}

/** The members of an epoch after its removals and additions, O(changes × log members). */
function seat(facts: EpochFacts, parent: DagNode | undefined): { readonly roster: Roster; readonly leaves: Seats } {
  let roster: Roster = parent?.roster ?? PersistentMap.empty<InstanceId, RosterMember>()
  let leaves: Seats = parent?.leaves ?? PersistentMap.empty<string, RosterMember>()
  for (const instance of facts.removes) {
    const member = roster.get(instance)
    if (member === undefined) continue
    roster = roster.delete(instance)
    leaves = leaves.delete(leafKey(member.leafIndex))
  }
  for (const member of [...(facts.roster ?? []), ...facts.adds]) {
    roster = roster.set(member.instance, member)
    leaves = leaves.set(leafKey(member.leafIndex), member)
  }
  return { roster, leaves }
}

function jumpBelow(parent: DagNode): DagNode {
  const jump = parent.jump
  return parent.depth - jump.depth === jump.depth - jump.jump.depth ? jump.jump : parent
}

/** The ancestor or self at a depth that is not greater than the node's. */
export function ancestorAtDepth(node: DagNode, depth: number): DagNode {
  let at = node
  while (at.depth > depth) at = at.jump.depth >= depth ? at.jump : (at.parent as DagNode)
  return at
}

/** Whether `ancestor` is `node` or lies above it along the parents. */
export function isAncestorOrSelf(ancestor: DagNode, node: DagNode): boolean {
  return ancestor.depth <= node.depth && ancestorAtDepth(node, ancestor.depth) === ancestor
}

/** The deepest epoch that both branches share, possibly one of the two; undefined under different roots. */
export function forkPointOf(a: DagNode, b: DagNode): DagNode | undefined {
  if (a.root !== b.root) return undefined
  let x = ancestorAtDepth(a, b.depth)
  let y = ancestorAtDepth(b, a.depth)
  while (x !== y) {
    // nodes of one depth jump to one depth
    const together = x.jump === y.jump
    x = together ? (x.parent as DagNode) : x.jump
    y = together ? (y.parent as DagNode) : y.jump
  }
  return x
}
