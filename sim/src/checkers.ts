/**
 * What must hold in a world once its faults have ended and it is quiet: one check for each invariant. A check returns
 * what is wrong, in words; nothing when all is well.
 */
import type { Dag, DmlsEpoch, InstanceId } from '@dmls/dmls'
import { MlsError } from '@dmls/mls'
import type { SimNode } from './sim-node.ts'
import { UnionHistory } from './union-history.ts'
import type { World } from './world.ts'

/** Who is a member by the specification, given the history and its open heads. */
export type Specification = (history: UnionHistory) => ReadonlySet<InstanceId>

export interface Verdict {
  readonly violations: readonly string[]
  /** Set when the protocol promises no agreement here; see {@link isBeyondTheLimit}. */
  readonly beyondTheLimit: boolean
}

/** All checks. */
export function checkWorld(world: World, specification: Specification): Verdict {
  const history = new UnionHistory(world)
  const members = specification(history)
  const beyondTheLimit = isBeyondTheLimit(world, history, members)
  const agreement = beyondTheLimit
    ? []
    : [...checkAgreement(world, history, members), ...checkDelivered(world, history, members)]
  return {
    violations: [...checkAttempts(world), ...agreement, ...checkReaders(world, history)],
    beyondTheLimit,
  }
}

/** Nothing that a node was told to do fails with anything but a typed refusal, or goes on forever. */
export function checkAttempts(world: World): string[] {
  return world.observations.attempts.flatMap(({ node, what, outcome }) => {
    if (outcome.kind === 'pending') return [`${node}: ${what} never ended`]
    if (outcome.kind !== 'refused') return []
    const { error, code } = outcome
    if (error instanceof MlsError && error.blame !== 'internal' && error.blame !== 'malformed') return []
    return [`${node}: ${what} failed with ${code}: ${error instanceof Error ? error.stack : String(error)}`]
  })
}

/** Nodes that must end up as members. */
function remaining(world: World, history: UnionHistory, members: ReadonlySet<InstanceId>): SimNode[] {
  const identities = new Set<string>()
  for (const { id } of history.facts) {
    for (const [instance, identity] of history.roster(id)) if (members.has(instance)) identities.add(identity)
  }
  return world.nodes.filter((node) => identities.has(node.identity))
}

/** Whoever remains a member has the same head, members and keys as all the others, and they are the right ones. */
export function checkAgreement(world: World, history: UnionHistory, members: ReadonlySet<InstanceId>): string[] {
  const violations: string[] = []
  const expected = [...members].sort().map(short).join(' ')
  let first: SimNode | undefined
  for (const node of remaining(world, history, members)) {
    const { group } = node
    if (group === undefined || !group.isMember) {
      violations.push(`${node.name} should be a member and ${group === undefined ? 'has no group' : 'was removed'}`)
      continue
    }
    const roster = group
      .members()
      .map(({ instance }) => instance)
      .sort()
    if (roster.map(short).join(' ') !== expected) {
      violations.push(`${node.name} at ${short(group.head)} has members ${roster.map(short)}, not ${expected}`)
    }
    const own = group.members().filter(({ isSelf }) => isSelf)
    if (own.length !== 1) violations.push(`${node.name} finds itself ${own.length} times among the members`)
    if (first === undefined) first = node
    else violations.push(...disagreement(first, node))
  }
  return violations
}

export function disagreement(one: SimNode, other: SimNode): string[] {
  const [a, b] = [one.requireGroup(), other.requireGroup()]
  if (a.head !== b.head) return [`${one.name} is at ${short(a.head)}, ${other.name} at ${short(b.head)}`]
  if (Buffer.compare(a.epochAuthenticator(), b.epochAuthenticator()) !== 0) {
    return [`${one.name} and ${other.name} have different secrets in ${short(a.head)}`]
  }
  return []
}

/**
 * Whether a node came into the group, as the instance that it is in an epoch, where that epoch lies on its way. Somebody
 * who was added on two branches comes in on one of them, and may never see the other.
 */
export function entered(node: SimNode, history: UnionHistory, epoch: DmlsEpoch): boolean {
  const own = [...history.roster(epoch)].filter(([, identity]) => identity === node.identity)
  const roots = node.group?.dag().roots() ?? []
  return roots.some((root) => {
    const isOnTheWay = root === epoch || history.dag.isAncestor(root, epoch)
    return isOnTheWay && own.some(([instance]) => history.roster(root).has(instance))
  })
}

/**
 * Each message of somebody who remains a member is given once to the application of everybody who was a member of its
 * epoch and remains one. Twice only across a crash, in another process than the first time.
 */
export function checkDelivered(world: World, history: UnionHistory, members: ReadonlySet<InstanceId>): string[] {
  const violations: string[] = []
  const { delivered, sent } = world.observations
  const given = new Map<string, number[]>()
  for (const { node, life, id } of delivered) given.set(`${node} ${id}`, [...(given.get(`${node} ${id}`) ?? []), life])
  const epochs = world.traffic.epochsOfMessages()
  const stay = remaining(world, history, members)
  for (const { node: sender, text, id: known } of sent) {
    const id = known ?? delivered.find((message) => message.text === text)?.id
    if (id === undefined) continue
    const epoch = epochs.get(id)
    if (epoch === undefined) {
      if (known !== undefined) violations.push(`"${text}" of ${sender} never left it`)
      continue
    }
    const roster = history.roster(epoch)
    const { identity: author } = world.node(sender)
    // what somebody who is removed said may come too late: whoever knows of the removal refuses it
    if (![...roster].every(([instance, identity]) => identity !== author || members.has(instance))) continue
    const staying = new Set([...roster].filter(([instance]) => members.has(instance)).map(([, identity]) => identity))
    for (const { name, identity } of stay) {
      const lives = given.get(`${name} ${id}`) ?? []
      const missed = staying.has(identity) && name !== sender && lives.length === 0
      if (missed && entered(world.node(name), history, epoch as DmlsEpoch)) {
        violations.push(`"${text}" of ${sender} in ${short(epoch)} never reached ${name}`)
      }
      if (new Set(lives).size !== lives.length) violations.push(`${name} was given "${text}" ${lives.length} times`)
    }
  }
  return violations
}

/** Nobody reads a message of an epoch that it is not a member of; and what is read is what was sent. */
export function checkReaders(world: World, history: UnionHistory): string[] {
  const sent = new Map(world.observations.sent.map(({ node, text }) => [text, node]))
  return world.observations.delivered.flatMap(({ node, text, epoch, sender }) => {
    const identities = [...history.roster(epoch).values()]
    const author = sent.get(text)
    if (author === undefined) return [`${node} was given "${text}", which nobody sent`]
    if (world.node(author).identity !== sender) return [`${node} takes "${text}" for somebody else's`]
    if (!identities.includes(world.node(node).identity)) return [`${node} reads "${text}" of ${short(epoch)}`]
    return []
  })
}

/** Whether nothing is promised about a history: nobody can judge it, or a member sits in it that nobody plays. */
export function isBeyondTheLimit(world: World, history: UnionHistory, members: ReadonlySet<InstanceId>): boolean {
  return nobodyCanJudge(world, history, members) || hasGhost(history, members)
}

/**
 * Somebody was invited while it was in already, so that it sits in one epoch twice: as two devices, one of which does
 * not exist here, because a node is one device.
 */
export function hasGhost({ facts, roster }: UnionHistory, members: ReadonlySet<InstanceId>): boolean {
  return facts.some(({ id, adds }) => {
    if (adds.length === 0) return false
    const present = [...roster(id)]
    return adds.some(({ identity }) => {
      const places = present.filter(([, other]) => other === identity)
      return places.length > 1 && places.some(([instance]) => members.has(instance))
    })
  })
}

/**
 * The limit of the protocol: two open heads that nobody who remains a member can judge, or nobody remains at all. To
 * judge, one must have been a member where the heads part, know every head that was resolved since, or where that head
 * parted, have all of that in one tree, have been removed on the way to neither, and not have refused one of the two because the fork began beyond its horizon
 * (protocol §8).
 */
export function nobodyCanJudge(world: World, history: UnionHistory, members: ReadonlySet<InstanceId>): boolean {
  if (members.size === 0) return true
  const { heads } = history
  return heads.some((a, i) => heads.slice(i + 1).some((b) => !isJudged(world, history, members, [a, b])))
}

function isJudged(
  world: World,
  { dag, roster }: UnionHistory,
  members: ReadonlySet<InstanceId>,
  heads: readonly [DmlsEpoch, DmlsEpoch],
): boolean {
  const forkPoint = dag.forkPoint(...heads)
  if (forkPoint === undefined) return false
  const before = dag.causalPast([forkPoint])
  const since = [...dag.causalPast(heads)].filter((id) => !before.has(id))
  const resolved = since.flatMap((id) => dag.get(id)?.resolves ?? [])
  const present = [...roster(forkPoint)].filter(([instance]) => members.has(instance)).map(([, identity]) => identity)
  const refusedFrom = (name: string): string[] =>
    world.observations.events.flatMap(({ node, event }) =>
      node === name && event.type === 'beyondHorizon' ? [event.dmlsEpoch] : [],
    )
  return world.nodes.some(({ name, identity, group }) => {
    const known = group?.dag()
    if (known === undefined || !present.includes(identity)) return false
    const lacking = heads.filter((head) => !known.has(head))
    const refused = refusedFrom(name).some((epoch) =>
      lacking.some((head) => dag.has(epoch as DmlsEpoch) && dag.isAncestor(epoch as DmlsEpoch, head)),
    )
    if (!heads.every((head) => isLetBy({ dag, roster }, known, head, identity))) return false
    const canPlace = resolved.every((other) => known.has(other.head) || known.has(other.forkPoint))
    return !refused && canPlace && areInOneTree(known, forkPoint, [...heads, ...resolved.map(({ head }) => head)])
  })
}

/** Whether somebody knows a head, or is still a member in the first epoch on the way to it that it does not know. */
function isLetBy(
  history: Pick<UnionHistory, 'dag' | 'roster'>,
  known: Dag,
  head: DmlsEpoch,
  identity: string,
): boolean {
  const { dag, roster } = history
  let at = head
  while (!known.has(at)) {
    const parent = dag.get(at)?.parent
    if (parent === undefined) return false
    if (known.has(parent)) return [...roster(at).values()].includes(identity)
    at = parent
  }
  return true
}

/**
 * Whether those epochs that are known, and do not lie before a fork point, hang together below it or above. Whoever entered
 * twice has two trees, and cannot tell what of one was there before the other.
 */
function areInOneTree(known: Dag, forkPoint: DmlsEpoch, epochs: readonly DmlsEpoch[]): boolean {
  if (!known.has(forkPoint)) return false
  const since = epochs.filter((epoch) => known.has(epoch) && !known.precedes(epoch, forkPoint))
  return known.forkPoint(forkPoint, ...since) !== undefined
}

export function short(id: string): string {
  return id.slice(0, 8)
}
