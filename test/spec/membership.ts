/** Protocol §7, "Membership is a function of the operations", on plain data. */
import type { DmlsEpoch, InstanceId, RosterMember } from '@dmls/dmls'
import { before, get, type History, past, resolvedBy, roster } from './history.ts'

interface Operation {
  readonly kind: 'add' | 'remove'
  readonly instance: InstanceId
  readonly author: InstanceId | undefined
  readonly at: DmlsEpoch
  /** The instance that an added one continues: a member that came back. It answers for that addition itself. */
  readonly continues?: InstanceId | undefined
}

function operations(history: History, ids: ReadonlySet<DmlsEpoch>): Operation[] {
  return [...ids].flatMap((at) => {
    const { adds, removes, committer: author } = get(history, at)
    return [
      ...adds.map(
        ({ instance, continues }): Operation => ({ kind: 'add', instance, author: continues ?? author, at, continues }),
      ),
      ...removes.map((instance): Operation => ({ kind: 'remove', instance, author, at })),
    ]
  })
}

/** Two exchanges of one instance side by side: each removes it, and neither means that it should go. */
function areRivals(history: History, add: Operation, removal: Operation): boolean {
  const isExchange = get(history, removal.at).adds.some(({ continues }) => continues === removal.instance)
  const isBeside = !before(history, removal.at, add.at) && !before(history, add.at, removal.at)
  return add.continues === removal.instance && isExchange && isBeside
}

/** A merge commit that removes whom its plan finds out already does not decide anything. */
function isConsequence(history: History, { instance, at }: Operation): boolean {
  const { parent } = get(history, at)
  const heads = resolvedBy(history, at)
  if (parent === undefined || heads.length === 0) return false
  return !membership(history, [parent, ...heads]).has(instance)
}

/** What the first addition with the lowest epoch says of an instance, and for a founder the lowest root. */
function describe(
  history: History,
  ids: ReadonlySet<DmlsEpoch>,
  firstAdds: readonly Operation[],
): Map<InstanceId, RosterMember> {
  const members = new Map<InstanceId, RosterMember>()
  for (const at of [...ids].sort().reverse()) {
    for (const member of get(history, at).adds) {
      if (firstAdds.some((op) => op.at === at && op.instance === member.instance)) members.set(member.instance, member)
    }
  }
  for (const at of [...ids].sort().reverse()) {
    for (const member of get(history, at).roster ?? []) members.set(member.instance, member)
  }
  return members
}

/** The members after the causal past of some epochs is taken together. */
export function membership(history: History, heads: readonly DmlsEpoch[]): Map<InstanceId, RosterMember> {
  const ids = past(history, heads)
  const all = operations(history, ids)
  const founders = new Set([...ids].flatMap((id) => (get(history, id).roster ?? []).map(({ instance }) => instance)))
  const removals = all.filter((op) => op.kind === 'remove' && !isConsequence(history, op))
  const adds = all.filter(({ kind }) => kind === 'add')
  const firstAdds = adds.filter(
    (op) => !adds.some((other) => other.instance === op.instance && before(history, other.at, op.at)),
  )

  const holds = (op: Operation): boolean => {
    const { author } = op
    if (author === undefined) return true
    const unknowing = removals.some(
      (removal) =>
        removal.instance === author &&
        removal.at !== op.at &&
        !areRivals(history, op, removal) &&
        !before(history, op.at, removal.at),
    )
    if (unknowing) return false
    if (author === op.instance || founders.has(author)) return true
    return firstAdds.some((own) => own.instance === author && before(history, own.at, op.at) && holds(own))
  }
  const held = firstAdds.filter((op) => !founders.has(op.instance) && holds(op))
  const described = describe(history, ids, firstAdds)
  const identity = (instance: InstanceId): string => (described.get(instance) as RosterMember).identity
  const sideBySide = (a: InstanceId, b: InstanceId): boolean =>
    held.every(
      (x) =>
        x.instance !== a ||
        held.every(
          (y) => y.instance !== b || (x.at !== y.at && !before(history, x.at, y.at) && !before(history, y.at, x.at)),
        ),
    )

  const members = new Map<InstanceId, RosterMember>()
  for (const instance of new Set([...founders, ...held.map((op) => op.instance)])) {
    if (removals.some((removal) => removal.instance === instance)) continue
    const lower = held.some(
      (op) =>
        !founders.has(instance) &&
        op.instance < instance &&
        identity(op.instance) === identity(instance) &&
        sideBySide(op.instance, instance),
    )
    if (!lower) members.set(instance, described.get(instance) as RosterMember)
  }
  return members
}

export interface SpecPlan {
  readonly add: readonly InstanceId[]
  readonly remove: readonly InstanceId[]
  readonly settingsOverridden: readonly DmlsEpoch[]
}

/** What a commit on `base` that resolves `heads` has to do. */
export function plan(history: History, base: DmlsEpoch, heads: readonly DmlsEpoch[]): SpecPlan {
  const wanted = membership(history, [base, ...heads])
  const present = roster(history, base)
  const unknown = [...past(history, heads)].filter((id) => !past(history, [base]).has(id))
  return {
    add: [...wanted.keys()].filter((instance) => !present.has(instance)).sort(),
    remove: [...present.keys()].filter((instance) => !wanted.has(instance)).sort(),
    settingsOverridden: unknown.filter((id) => get(history, id).settings !== undefined).sort(),
  }
}

/** Whether a member updated its leaf on another branch and not, since then, on the branch of `head`. */
export function needsHealing(history: History, head: DmlsEpoch, instance: InstanceId): boolean {
  const winner = past({ ...history, epochs: history.epochs.map((facts) => ({ ...facts, resolves: [] })) }, [head])
  const updates = history.epochs.filter((facts) => facts.updates.includes(instance))
  const own = (id: DmlsEpoch): bigint | undefined =>
    get(history, id).committer === instance ? get(history, id).counter : undefined
  return updates
    .filter(({ id }) => !winner.has(id))
    .some((lost) => {
      const shared = past({ ...history, epochs: history.epochs.map((facts) => ({ ...facts, resolves: [] })) }, [
        lost.id,
      ])
      return !updates.some(({ id }) => {
        if (!winner.has(id) || shared.has(id)) return false
        const [mine, theirs] = [own(id), own(lost.id)]
        return mine === undefined || theirs === undefined || mine > theirs
      })
    })
}
