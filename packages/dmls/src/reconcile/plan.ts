/**
 * What a merge commit has to do on its base so that the base has the membership of §7, and what it leaves alone: the
 * settings stay those of the base, and changes made on other branches are reported. Pure: everyone who can judge
 * computes the same plan for the same base and heads.
 */

import { precedesOrEquals } from '../dag/causality.ts'
import type { Dag } from '../dag/dag.ts'
import { compareText, type DmlsEpoch, type InstanceId } from '../dag/identifiers.ts'
import { type ForkChoice, type HashFunction, rankHeads } from '../fork-choice/walk.ts'
import { membership, settledPast } from './membership.ts'

export interface PlannedAdd {
  readonly instance: InstanceId
  readonly identity: string
  /** The epochs whose commits added it, ascending: they carried its KeyPackage. None for a founder. */
  readonly addedIn: readonly DmlsEpoch[]
}

/** A change of the settings that the base does not take over. */
export interface OverriddenSettings {
  /** The epoch whose commit made the change. */
  readonly epoch: DmlsEpoch
  readonly committer: InstanceId | undefined
  /** As in the facts of that epoch. */
  readonly settings: string
}

export interface Plan {
  readonly base: DmlsEpoch
  /** The other heads, ascending: what the commit on the base lists as resolved. */
  readonly resolves: readonly DmlsEpoch[]
  /** Members that the base lacks, ascending by instance. */
  readonly add: readonly PlannedAdd[]
  /** Instances in the base that are no members, ascending. */
  readonly remove: readonly InstanceId[]
  /** Everybody who will be a member, ascending. */
  readonly members: readonly InstanceId[]
  /** Changes that the base did not know and does not take over, ascending by epoch. For the application. */
  readonly settingsOverridden: readonly OverriddenSettings[]
  /** Whether nobody has to be added or removed: then no commit is made for it, the next ordinary one lists the heads. */
  readonly empty: boolean
}

/** The plan for a commit on `base` that resolves `heads`. @throws MlsError `unknown_epoch` */
export function plan(dag: Dag, base: DmlsEpoch, heads: readonly DmlsEpoch[]): Plan {
  const resolves = [...new Set(heads)].filter((head) => head !== base).sort(compareText)
  const { fates, region } = settledPast(dag, [base, ...resolves])
  const roster = dag.roster(base)
  const members: InstanceId[] = []
  const add: PlannedAdd[] = []
  for (const [instance, { fate, member, additions }] of fates.entries()) {
    if (fate !== 'member') continue
    members.push(instance)
    if (roster.has(instance)) continue
    const addedIn = additions.map((node) => node.id).sort(compareText)
    add.push({ instance, identity: member.identity, addedIn })
  }
  const remove = [...roster.keys()].filter((instance) => fates.get(instance)?.fate !== 'member')
  const baseNode = dag.node(base)
  const settingsOverridden = region.changes
    .filter((node) => node.facts.settings !== undefined && !precedesOrEquals(dag, node, baseNode))
    .map(({ id, facts }) => ({ epoch: id, committer: facts.committer, settings: facts.settings as string }))
    .sort((a, b) => compareText(a.epoch, b.epoch))
  return {
    base,
    resolves,
    add,
    remove,
    members,
    settingsOverridden,
    empty: add.length === 0 && remove.length === 0,
  }
}

export interface BaseOptions {
  /** The history in which members are judged; by default the whole one. */
  readonly view?: Dag
  /** Whether a head can be built on; by default every one. */
  readonly canBeBase?: (head: DmlsEpoch) => boolean
}

/**
 * The head to commit on (protocol §7.1): the first, in the order of the fork choice, of which somebody remains a member
 * once all the heads (by default the unresolved ones) are taken together. undefined when nobody would remain at all.
 */
export function chooseBase(
  dag: Dag,
  forkChoice: ForkChoice,
  hash: HashFunction,
  heads: readonly DmlsEpoch[] = dag.unresolvedHeads(),
  { view = dag, canBeBase = () => true }: BaseOptions = {},
): DmlsEpoch | undefined {
  const members = membership(view, heads)
  for (const head of rankHeads(dag, forkChoice, hash, heads)) {
    if (!canBeBase(head)) continue
    for (const instance of dag.roster(head).keys()) if (members.has(instance)) return head
  }
  return undefined
}

/** The plan for {@link chooseBase} that resolves all the other heads; undefined when nobody would remain at all. */
export function planReconciliation(
  dag: Dag,
  forkChoice: ForkChoice,
  hash: HashFunction,
  heads: readonly DmlsEpoch[] = dag.unresolvedHeads(),
  options: BaseOptions = {},
): Plan | undefined {
  const base = chooseBase(dag, forkChoice, hash, heads, options)
  return base === undefined ? undefined : plan(options.view ?? dag, base, heads)
}

/**
 * What a commit that is in the DAG left undone of the plan for the heads that it lists: empty for every honest one.
 * Whoever can judge inserts the commit's facts in a copy of the DAG, asks this, and refuses the commit otherwise.
 */
export function unsatisfied(dag: Dag, epoch: DmlsEpoch): Plan {
  return plan(dag, epoch, [epoch])
}
