/** What an application is told about a step, from the state before and the state after it. */
import {
  type Changes,
  type DmlsEpoch,
  type DmlsGroupState,
  type Equivocation,
  encodeEquivocationProof,
  isOrphaned,
  openHeads,
  type Plan,
  plan,
  viewOf,
} from '@dmls/dmls'
import type { GroupEvent, Member } from '../api.ts'
import { memberOf } from './members.ts'
import { overriddenIn } from './settings.ts'

/** The events of one step, in the order in which they are told. */
export function eventsOf(before: DmlsGroupState, after: DmlsGroupState, changes: Changes): readonly GroupEvent[] {
  return [
    ...epochEvents(after, changes),
    ...equivocationEvents(before, after, changes),
    ...forkEvents(before, after),
    ...headEvents(before, after),
    ...orphanEvents(before, after),
    ...removalEvents(before, after),
  ]
}

/** What a merge did to members is not told to those who cannot judge it; they see the members change. */
const UNJUDGED: Pick<Plan, 'add' | 'remove' | 'settingsOverridden'> = { add: [], remove: [], settingsOverridden: [] }

function* epochEvents(after: DmlsGroupState, changes: Changes): Generator<GroupEvent, void, undefined> {
  for (const { id, parent, committer } of changes.facts) {
    if (parent === undefined) continue
    const member = committer === undefined ? undefined : memberOf(after, committer, parent)
    yield { type: 'epochAdded', dmlsEpoch: id, parent, committer: member }
    const resolved = after.dag.resolvedHeads(id).map(({ head }) => head)
    if (resolved.length === 0) continue
    const view = viewOf(after.dag, [parent, ...resolved])
    const { add, remove, settingsOverridden } = view === undefined ? UNJUDGED : plan(view, parent, resolved)
    yield {
      type: 'merged',
      dmlsEpoch: id,
      resolved,
      came: add.map((added) => added.instance),
      went: remove,
      overridden: overriddenIn(after, id, { settingsOverridden }),
    }
  }
}

function* equivocationEvents(
  before: DmlsGroupState,
  after: DmlsGroupState,
  changes: Changes,
): Generator<GroupEvent, void, undefined> {
  const speakers = [
    ...changes.witnesses.map((witness) => witness.sender),
    ...changes.facts.flatMap((facts) => (facts.committer === undefined ? [] : [facts.committer])),
  ]
  for (const speaker of new Set(speakers)) {
    const [known, seen] = [before.dag.equivocation(speaker), after.dag.equivocation(speaker)]
    if (seen === undefined) continue
    const evidence = evidenceOf(after, seen)
    // once, and once more when commits prove what other messages had shown
    if (known !== undefined && (evidence === undefined || isSameSplit(known, seen))) continue
    yield { type: 'equivocation', instance: speaker, counter: seen.counter, epochs: seen.epochs, evidence }
  }
}

function isSameSplit(a: Equivocation, b: Equivocation): boolean {
  return a.epochs[0] === b.epochs[0] && a.epochs[1] === b.epochs[1]
}

/** The two commits that began the epochs, if they are what was said twice, and are here as they were signed. */
function evidenceOf(
  { dag, epochs }: DmlsGroupState,
  { sender, counter, epochs: pair }: Equivocation,
): Uint8Array | undefined {
  const [one, other] = pair.map((id) => {
    const facts = dag.get(id)
    return facts?.committer === sender && facts.counter === counter ? epochs.get(id)?.commit : undefined
  })
  return one === undefined || other === undefined ? undefined : encodeEquivocationProof(one, other)
}

function* forkEvents(before: DmlsGroupState, after: DmlsGroupState): Generator<GroupEvent, void, undefined> {
  const heads = openHeads(after)
  if (heads.length > 1 && heads.length > openHeads(before).length) yield { type: 'forkOpened', heads }
}

function* orphanEvents(before: DmlsGroupState, after: DmlsGroupState): Generator<GroupEvent, void, undefined> {
  if (before.removal === after.removal && openHeads(after).length < 2) return
  if (isOrphaned(after) && !isOrphaned(before)) yield { type: 'orphaned' }
}

function* removalEvents(before: DmlsGroupState, after: DmlsGroupState): Generator<GroupEvent, void, undefined> {
  const { removal } = after
  // a merge took back that we were exchanged for another instance; who enters anew is told of that
  if (before.removal !== undefined && removal === undefined && before.home === after.home) {
    yield { type: 'rejoined', dmlsEpoch: after.head }
  }
  if (before.removal !== undefined || removal === undefined) return
  yield { type: 'removed', by: removal.by && memberOf(after, removal.by, removal.parent) }
}

function* headEvents(before: DmlsGroupState, after: DmlsGroupState): Generator<GroupEvent, void, undefined> {
  if (before.head === after.head) return
  const epoch = after.dag.get(after.head)?.epoch ?? 0n
  yield { type: 'headChanged', from: before.head, to: after.head, epoch }
  const { added, removed } = rosterChange(before, after)
  if (added.length + removed.length > 0) yield { type: 'membersChanged', added, removed }
}

function rosterChange(
  before: DmlsGroupState,
  after: DmlsGroupState,
): { readonly added: readonly Member[]; readonly removed: readonly Member[] } {
  const facts = after.dag.get(after.head)
  // the usual case, a child of the old head: its commit says what changed, nobody else is looked at
  if (facts?.parent === before.head) {
    return {
      added: facts.adds.flatMap((member) => memberOf(after, member.instance) ?? []),
      removed: facts.removes.flatMap((instance) => memberOf(before, instance) ?? []),
    }
  }
  return { added: missingFrom(before, after), removed: missingFrom(after, before) }
}

/** Members of the head of `b` that are not in the head of `a`. */
function missingFrom(a: DmlsGroupState, b: DmlsGroupState): Member[] {
  const present = a.dag.roster(a.head)
  const ids: DmlsEpoch = b.head
  return [...b.dag.roster(ids).keys()]
    .filter((instance) => present.get(instance) === undefined)
    .flatMap((instance) => memberOf(b, instance) ?? [])
}
