/**
 * The history of a group as plain data, and the questions that every rule asks about it, answered in the most naive way
 * that the protocol's text suggests. An oracle for `packages/dmls`: it imports its data types and nothing that computes.
 */
import type { DmlsEpoch, EpochFacts, InstanceId, RosterMember, Witness } from '@dmls/dmls'

export interface History {
  /** In any order. */
  readonly epochs: readonly EpochFacts[]
  /** Authenticated messages other than commits. */
  readonly messages: readonly Witness[]
}

export type Hash = (data: Uint8Array) => Uint8Array

export function find(history: History, id: DmlsEpoch): EpochFacts | undefined {
  return history.epochs.find((facts) => facts.id === id)
}

export function get(history: History, id: DmlsEpoch): EpochFacts {
  const facts = find(history, id)
  if (facts === undefined) throw new Error(`no epoch ${id}`)
  return facts
}

/** The epoch itself and its ancestors along the parents, from the root on. */
export function line(history: History, id: DmlsEpoch): DmlsEpoch[] {
  const { parent } = get(history, id)
  return parent === undefined ? [id] : [...line(history, parent), id]
}

export function isAtOrBelow(history: History, id: DmlsEpoch, ancestor: DmlsEpoch): boolean {
  return line(history, id).includes(ancestor)
}

/** The heads that an epoch resolves, as far as they are known, its own ancestors left out. */
export function resolvedBy(history: History, id: DmlsEpoch): DmlsEpoch[] {
  const known = get(history, id).resolves.map(({ head }) => head)
  return known.filter((head) => find(history, head) !== undefined && !line(history, id).includes(head))
}

/** Everything at or before some epochs, along both kinds of edges. */
export function past(history: History, ids: readonly DmlsEpoch[]): Set<DmlsEpoch> {
  const found = new Set<DmlsEpoch>()
  const visit = (id: DmlsEpoch): void => {
    if (found.has(id)) return
    found.add(id)
    const { parent } = get(history, id)
    if (parent !== undefined) visit(parent)
    for (const head of resolvedBy(history, id)) visit(head)
  }
  for (const id of ids) visit(id)
  return found
}

/** Whether `a` happened strictly before `b`. */
export function before(history: History, a: DmlsEpoch, b: DmlsEpoch): boolean {
  return a !== b && past(history, [b]).has(a)
}

export function roster(history: History, id: DmlsEpoch): Map<InstanceId, RosterMember> {
  const members = new Map<InstanceId, RosterMember>()
  for (const step of line(history, id)) {
    const facts = get(history, step)
    for (const member of facts.roster ?? []) members.set(member.instance, member)
    for (const instance of facts.removes) members.delete(instance)
    for (const member of facts.adds) members.set(member.instance, member)
  }
  return members
}

/** Epochs that nothing happened after: no child, and no epoch that resolves them. */
export function unresolvedHeads(history: History): DmlsEpoch[] {
  const ids = history.epochs.map(({ id }) => id)
  return ids.filter((id) => !ids.some((other) => before(history, id, other))).sort()
}

/** Every authenticated message: commits speak for the epoch that they start. */
export function allMessages(history: History): Witness[] {
  const commits = history.epochs.flatMap(({ committer, counter, id }) =>
    committer === undefined ? [] : [{ sender: committer, counter, epoch: id }],
  )
  return [...commits, ...history.messages]
}

function apart(history: History, a: DmlsEpoch, b: DmlsEpoch): boolean {
  return !isAtOrBelow(history, a, b) && !isAtOrBelow(history, b, a)
}

/** The messages of a sender that bear its highest counter. */
export function latestMessages(history: History, sender: InstanceId): Witness[] {
  const own = allMessages(history).filter((message) => message.sender === sender)
  return own.filter((message) => own.every((other) => other.counter <= message.counter))
}

/** Whether a sender used one counter on two branches: in two commits, or in two messages that bear its highest. */
export function equivocates(history: History, sender: InstanceId): boolean {
  const commits = history.epochs.filter(({ committer }) => committer === sender)
  const byCommits = commits.some((a) =>
    commits.some((b) => a.counter === b.counter && a.id !== b.id && apart(history, a.id, b.id)),
  )
  const latest = latestMessages(history, sender)
  return byCommits || latest.some((a) => latest.some((b) => apart(history, a.epoch, b.epoch)))
}

/** Where a sender stands: the deepest epoch of its latest messages; undefined when silent or equivocating. */
export function standsAt(history: History, sender: InstanceId): DmlsEpoch | undefined {
  if (equivocates(history, sender)) return undefined
  const epochs = latestMessages(history, sender).map(({ epoch }) => epoch)
  return epochs.find((epoch) => epochs.every((other) => isAtOrBelow(history, epoch, other)))
}
