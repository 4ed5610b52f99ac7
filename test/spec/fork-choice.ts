/** Protocol §6 on plain data. */
import type { DmlsEpoch, EpochFacts, ForkChoicePolicy, InstanceId } from '@dmls/dmls'
import { get, type Hash, type History, isAtOrBelow, line, roster, standsAt, unresolvedHeads } from './history.ts'

function bytes(hex: string): number[] {
  return Array.from({ length: hex.length / 2 }, (_, i) => Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16))
}

function hexOf(data: Uint8Array): string {
  return [...data].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}

function committerHash(fork: DmlsEpoch, child: EpochFacts, hash: Hash): string {
  const leaf = child.committerLeaf ?? 0
  const leafBytes = [(leaf >>> 24) & 255, (leaf >>> 16) & 255, (leaf >>> 8) & 255, leaf & 255]
  return hexOf(hash(new Uint8Array([...bytes(fork), ...leafBytes])))
}

/** Keeps those for which `value` is greatest. */
function greatest<T>(items: readonly T[], value: (item: T) => number | bigint | string): T[] {
  return items.filter((item) => items.every((other) => value(other) <= value(item)))
}

function least<T>(items: readonly T[], value: (item: T) => number | bigint | string): T[] {
  return items.filter((item) => items.every((other) => value(other) >= value(item)))
}

interface Fork {
  readonly history: History
  readonly hash: Hash
  /** undefined above the roots. */
  readonly at: DmlsEpoch | undefined
  readonly children: readonly DmlsEpoch[]
  /** The heads to choose from. */
  readonly heads: readonly DmlsEpoch[]
}

function support({ history, at, children }: Fork, child: DmlsEpoch): number {
  const here = at === undefined ? children.map((root) => roster(history, root)) : [roster(history, at)]
  const voters = [...(here[0] as ReturnType<typeof roster>).keys()].filter((i) => here.every((r) => r.has(i)))
  return voters.filter((voter) => {
    if (history.epochs.some(({ removes }) => removes.includes(voter))) return false
    const stands = standsAt(history, voter)
    return stands !== undefined && isAtOrBelow(history, stands, child)
  }).length
}

function breakTie({ history, hash, at }: Fork, tied: readonly DmlsEpoch[]): DmlsEpoch {
  let left = tied.map((id) => get(history, id))
  if (at === undefined) left = greatest(left, ({ epoch }) => epoch)
  else {
    left = greatest(left, ({ removes }) => (removes.length > 0 ? 1 : 0))
    left = least(left, (child) => committerHash(at, child, hash))
  }
  left = greatest(left, ({ confirmationTag }) => confirmationTag)
  return (least(left, ({ id }) => id)[0] as EpochFacts).id
}

function pickBySupport(fork: Fork): DmlsEpoch {
  return breakTie(
    fork,
    greatest(fork.children, (child) => support(fork, child)),
  )
}

function pickByTag(fork: Fork): DmlsEpoch {
  if (fork.at === undefined) return breakTie(fork, fork.children)
  const best = greatest(fork.children, (child) => get(fork.history, child).confirmationTag)
  return least(best, (id) => id)[0] as DmlsEpoch
}

function pickByDepth(fork: Fork, policy: Extract<ForkChoicePolicy, { kind: 'depth-witness' }>): DmlsEpoch {
  const { history, at } = fork
  const lengthOf = (child: DmlsEpoch): number => {
    const heads = fork.heads.filter((head) => isAtOrBelow(history, head, child))
    return Math.max(...heads.map((head) => line(history, head).length - (line(history, child).length - 1)))
  }
  const longest = Math.max(...fork.children.map(lengthOf))
  const score = (child: DmlsEpoch): number => {
    if (at === undefined || longest > policy.rewindMax) return lengthOf(child)
    const needed = (roster(history, at).size * policy.quorum.numerator) / policy.quorum.denominator
    return lengthOf(child) + (support(fork, child) >= needed ? policy.boost : 0)
  }
  return breakTie(fork, greatest(fork.children, score))
}

function pickDesignated(fork: Fork, instances: readonly InstanceId[]): DmlsEpoch {
  const { history, at } = fork
  for (const instance of at === undefined ? [] : instances) {
    if (!roster(history, at as DmlsEpoch).has(instance)) continue
    const silentOrSplit = standsAt(history, instance) === undefined
    const commits = history.epochs.filter(({ committer }) => committer === instance)
    const latest = greatest(commits, ({ counter }) => counter)
    if (silentOrSplit || latest.length === 0) continue
    const commit = latest.find(({ id }) => latest.every((other) => isAtOrBelow(history, other.id, id))) as EpochFacts
    const child = fork.children.find((candidate) => isAtOrBelow(history, commit.id, candidate))
    if (child !== undefined) return child
  }
  return pickBySupport(fork)
}

function pick(fork: Fork, policy: ForkChoicePolicy): DmlsEpoch {
  switch (policy.kind) {
    case 'support':
      return pickBySupport(fork)
    case 'draft':
      return pickByTag(fork)
    case 'depth-witness':
      return pickByDepth(fork, policy)
    case 'designated':
      return pickDesignated(fork, policy.instances)
  }
}

/** The head that a policy follows: from the roots down, into subtrees that hold a candidate only. */
export function chooseHead(
  history: History,
  policy: ForkChoicePolicy,
  hash: Hash,
  heads: readonly DmlsEpoch[] = unresolvedHeads(history),
): DmlsEpoch {
  let at: DmlsEpoch | undefined
  while (true) {
    const below = history.epochs.filter(({ parent }) => parent === at).map(({ id }) => id)
    const children = below.filter((child) => heads.some((head) => isAtOrBelow(history, head, child)))
    if (children.length === 0) return at as DmlsEpoch
    at = children.length === 1 ? children[0] : pick({ history, hash, at, children, heads }, policy)
  }
}
