/**
 * What must hold where commits can be lost for good: in groups that delete what they no longer need, and in those that
 * have a member who plays against the rules. Nobody can say there which of all commits count; but whoever stands
 * somewhere must stand there with the others, with the members that follow from what led there, and with the messages
 * of the epochs that it could read.
 */
import type { DmlsEpoch, InstanceId } from '@dmls/dmls'
import { disagreement, entered, short } from './checkers.ts'
import type { SimNode } from './sim-node.ts'
import type { UnionHistory } from './union-history.ts'
import type { World } from './world.ts'

/** Who is a member by the specification, given a history and heads whose past is taken together. */
export type MembershipOfHeads = (history: UnionHistory, heads: readonly DmlsEpoch[]) => ReadonlySet<InstanceId>

function believersOf(world: World): SimNode[] {
  return world.nodes.filter((node) => node.group?.isMember === true)
}

function identitiesAt(node: SimNode): ReadonlySet<string> {
  const members = node.requireGroup().members()
  return new Set(members.map(({ identity }) => Buffer.from(identity).toString('hex')))
}

/** Whether a node was told that it cannot get to where others are. */
function wasTold(world: World, name: string): boolean {
  return world.observations.events.some(({ node, event }) => node === name && event.type === 'cannotFollow')
}

/**
 * Of two who take each other for members, both are at one head with the same secrets, or one of them was told that it
 * cannot follow.
 */
export function checkConsistentHeads(world: World): string[] {
  const believers = believersOf(world)
  return believers.flatMap((one, i) =>
    believers.slice(i + 1).flatMap((other) => {
      if (!identitiesAt(one).has(other.identity) && !identitiesAt(other).has(one.identity)) return []
      if (wasTold(world, one.name) || wasTold(world, other.name)) return []
      return disagreement(one, other)
    }),
  )
}

/**
 * Some head is shared by everybody who is in it and takes itself for a member, told or not: the group is still one. Not
 * by those whom nobody there can bring back, because all the others came after every epoch that these know.
 */
export function checkSharedHead(world: World): string[] {
  const believers = believersOf(world)
  const isShared = (node: SimNode): boolean => {
    const identities = identitiesAt(node)
    const together = believers.filter((other) => disagreement(node, other).length === 0)
    return believers.every(
      (other) =>
        !identities.has(other.identity) || together.includes(other) || !together.some((one) => knowsPastOf(one, other)),
    )
  }
  if (believers.length === 0 || believers.some(isShared)) return []
  const places = believers.map((node) => `${node.name} at ${short(node.requireGroup().head)}`)
  return [`nobody shares a head with all its members: ${places.join(', ')}`]
}

/** Whether an epoch on the way to somebody's head lies on the way to ours, as far as we know. */
function knowsPastOf(one: SimNode, other: SimNode): boolean {
  const ours = one.requireGroup().dag()
  const { head } = one.requireGroup()
  const theirs = other.requireGroup()
  return [theirs.head, ...theirs.dag().ancestors(theirs.head)].some(
    (id) => ours.has(id) && (id === head || ours.precedes(id, head)),
  )
}

/**
 * Whether a branch that others merged came too late for somebody, who judges as if it was not there (protocol §8). Then
 * what follows from the history is not the same for everybody, until all are where the merge is.
 */
export function lacksMerged(node: SimNode, history: UnionHistory): boolean {
  const dag = node.group?.dag()
  if (dag === undefined) return false
  return dag
    .epochs()
    .some(({ resolves }) =>
      resolves.some(({ head, forkPoint }) => !dag.has(head) && dag.has(forkPoint) && history.dag.has(head)),
    )
}

/** The members of everybody's head are those that follow from all that led to it. */
export function checkHeadMembers(world: World, history: UnionHistory, membershipOf: MembershipOfHeads): string[] {
  return believersOf(world).flatMap((node) => {
    const { head } = node.requireGroup()
    const expected = [...membershipOf(history, [head])].sort()
    const found = node
      .requireGroup()
      .members()
      .map(({ instance }) => instance)
      .sort()
    if (expected.join() === found.join()) return []
    return [`${node.name} at ${short(head)} has members ${found.map(short)}, not ${expected.map(short)}`]
  })
}

/**
 * Each message is given once to each process, and to everybody who was a member of its epoch and stands where that led.
 * Not so what its author said in an epoch that it has forgotten: it serves that to nobody any more. Nor what came to a
 * reader who had forgotten the epoch, and was told so.
 */
export async function checkDeliveredIfHeld(world: World, history: UnionHistory): Promise<string[]> {
  const violations: string[] = []
  const { delivered, sent, events } = world.observations
  const given = new Map<string, number[]>()
  for (const { node, life, id } of delivered) given.set(`${node} ${id}`, [...(given.get(`${node} ${id}`) ?? []), life])
  for (const [who, lives] of given) {
    const [name = '', id = ''] = who.split(' ')
    if (new Set(lives).size !== lives.length) violations.push(`${name} was given ${short(id)} ${lives.length} times`)
  }
  const tooLate = new Set(
    events.flatMap(({ node, event }) => (event.type === 'beyondHorizon' ? [`${node} ${event.dmlsEpoch}`] : [])),
  )
  const epochs = world.traffic.epochsOfMessages()
  const held = new Map<string, ReadonlySet<string>>()
  for (const node of believersOf(world)) held.set(node.name, new Set((await recordsOnDisk(node)).keys()))
  for (const { node: sender, id, text, isForgotten } of sent) {
    const epoch = id === undefined || isForgotten ? undefined : (epochs.get(id) as DmlsEpoch | undefined)
    if (epoch === undefined || held.get(sender)?.has(epoch) !== true) continue
    const author = world.node(sender)
    for (const reader of believersOf(world)) {
      const dag = reader.requireGroup().dag()
      const { head } = reader.requireGroup()
      if (reader === author || !dag.has(epoch) || tooLate.has(`${reader.name} ${epoch}`)) continue
      // a member of the epoch that came in on its way and is where that led; its author still is there, too
      const isOnItsWay = epoch === head || dag.precedes(epoch, head)
      const present = new Set(dag.roster(epoch).keys())
      const stays = (node: SimNode): boolean =>
        [...dag.roster(head).values()].some((m) => m.identity === node.identity && present.has(m.instance))
      if (!isOnItsWay || !stays(reader) || !stays(author) || !entered(reader, history, epoch)) continue
      if (!given.has(`${reader.name} ${id}`)) violations.push(`"${text}" of ${sender} never reached ${reader.name}`)
    }
  }
  return violations
}

const EPOCH_NAME_SIZE = 32

/**
 * Bytes of the secret records of each epoch on a node's disk. They stand under `g/`, the sized group id, a tag, and the
 * name of the epoch.
 */
async function recordsOnDisk(node: SimNode): Promise<ReadonlyMap<string, number>> {
  const { id } = node.requireGroup()
  const prefix = Buffer.concat([Buffer.from('g/'), Buffer.from([id.length >> 8, id.length]), id])
  const sizes = new Map<string, number>()
  for (const tag of ['/e', '/b', '/s', '/p', '/c']) {
    const start = Buffer.concat([prefix, Buffer.from(tag)])
    for await (const [key, value] of node.disk.entries({ prefix: start })) {
      const epoch = Buffer.from(key.slice(start.length, start.length + EPOCH_NAME_SIZE)).toString('hex')
      sizes.set(epoch, (sizes.get(epoch) ?? 0) + value.length)
    }
  }
  return sizes
}

/** Bytes and number of the epochs of which a disk holds secrets, the bytes of the chosen one apart. */
export interface HeldOnDisk {
  readonly epochs: number
  readonly headBytes: number
  readonly otherBytes: number
}

export async function heldOnDisk(node: SimNode): Promise<HeldOnDisk> {
  const sizes = await recordsOnDisk(node)
  const headBytes = sizes.get(node.requireGroup().head) ?? 0
  const all = [...sizes.values()].reduce((sum, size) => sum + size, 0)
  return { epochs: sizes.size, headBytes, otherBytes: all - headBytes }
}

/** Nobody's disk holds secrets of more epochs, or more bytes of them, than the group's policy allows. */
export async function checkCaps(world: World): Promise<string[]> {
  const violations: string[] = []
  for (const node of world.nodes) {
    if (node.group === undefined) continue
    const { epochsMax, sizeMaxBytes } = node.group.policy().retention
    const { epochs, headBytes, otherBytes } = await heldOnDisk(node)
    if (epochs > epochsMax) violations.push(`${node.name} holds ${epochs} epochs of ${epochsMax}`)
    // the head stays, however large it is
    if (otherBytes > Math.max(0, sizeMaxBytes - headBytes)) {
      violations.push(`${node.name} holds ${otherBytes} bytes beside the ${headBytes} of its head`)
    }
  }
  return violations
}
