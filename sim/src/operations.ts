/**
 * What can happen to a group, as plain data that a generator makes and shrinks, and how it is carried out in a world.
 * Numbers choose among those who can do it at that moment.
 */
import { type MaliciousMove, tamper } from './malice.ts'
import { BAD_LINK, GOOD_LINK } from './network-conditions.ts'
import { policyOf, type ScenarioPolicy } from './scenario-policy.ts'
import type { SimNode } from './sim-node.ts'
import { type ClockError, RIGHT_CLOCK } from './virtual-clock.ts'
import type { World } from './world.ts'

export type Operation =
  | { readonly kind: 'say'; readonly who: number }
  | { readonly kind: 'add'; readonly who: number; readonly whom: number }
  | { readonly kind: 'remove'; readonly who: number; readonly whom: number }
  | { readonly kind: 'update'; readonly who: number }
  | { readonly kind: 'leave'; readonly who: number }
  /** The island of each node, in their order. */
  | { readonly kind: 'partition'; readonly islands: readonly number[] }
  | { readonly kind: 'join' }
  | { readonly kind: 'weather'; readonly weather: 'good' | 'bad' }
  | { readonly kind: 'crash'; readonly who: number }
  | { readonly kind: 'crashAtWrite'; readonly who: number; readonly write: number; readonly what: 'before' | 'after' }
  | { readonly kind: 'restart'; readonly who: number }
  /** Its disk is copied. */
  | { readonly kind: 'backup'; readonly who: number }
  /** It dies, and is started on the copy of its disk. */
  | { readonly kind: 'restore'; readonly who: number }
  | ({ readonly kind: 'malice' } & MaliciousMove)
  | ({ readonly kind: 'insider' } & InsiderMove)

/** What a member does that plays against the rules. */
export type Deed =
  /** Two commits under one counter, for two places on the network. */
  | 'equivocate'
  /** A commit in some epoch that it holds, which lists the open heads and does nothing of what they demand. */
  | 'lazy merge'
  /** Commits from where it was when it was removed; an ordinary one before. */
  | 'go on'
  /** Removes somebody, whether or not it may. */
  | 'remove'
  /** A dozen commits from one epoch. */
  | 'flood'
  /** A commit that lists a head that nobody has, and removes somebody as if that demanded it. */
  | 'ghost head'
  /** Says that an epoch of its own resolves ours, or that somebody is out. */
  | 'lie'

export interface InsiderMove {
  readonly deed: Deed
  /** Whose place on the network it comes from. */
  readonly who: number
  /** Another place, or whom it is about. */
  readonly whom: number
}

/** The hostile member of a scenario: made by whoever plays it, because it is no client. */
export interface Insider {
  readonly do: (move: InsiderMove) => Promise<void>
}

export interface Step {
  readonly operation: Operation
  /** How long until the next one. */
  readonly thenMs: number
}

export interface Scenario {
  readonly seed: number
  /** Nodes in all. */
  readonly nodes: number
  /** How many of them begin the group. */
  readonly founders: number
  /** `wrong`: no two agree, and none runs at the right speed (scenario 19). Default: all are right. */
  readonly clocks?: 'right' | 'wrong'
  /** Default: what a group agrees on by default. */
  readonly policy?: ScenarioPolicy
  readonly steps: readonly Step[]
}

/** Two clocks may differ by twice that; a key package is good from an hour before it was made. */
const CLOCK_SKEW_MS = 20 * 60_000

const NAMES = ['alice', 'bob', 'charlie', 'dora', 'erin', 'frank', 'grace', 'heidi', 'ivan', 'judy', 'kim', 'leo']

export function nodeName(index: number): string {
  const round = Math.floor(index / NAMES.length)
  return `${NAMES[index % NAMES.length]}${round === 0 ? '' : round + 1}`
}

/** A group of founders, and others who may join it. */
export async function beginScenario(world: World, { nodes, founders, clocks, policy }: Scenario): Promise<void> {
  const all: SimNode[] = []
  const random = world.random.fork('clocks')
  const clockOf = (): ClockError =>
    clocks === 'wrong'
      ? { skewMs: random.int(-CLOCK_SKEW_MS, CLOCK_SKEW_MS), rate: 1 + random.int(-50, 50) / 1000 }
      : RIGHT_CLOCK
  for (let i = 0; i < nodes; i++) all.push(await world.add(nodeName(i), { clock: clockOf() }))
  const [creator, ...others] = all.slice(0, Math.max(1, Math.min(founders, nodes)))
  if (creator === undefined) return
  if (policy === undefined) await world.createGroup(creator, others)
  else await world.createGroup(creator, others, {}, (invited) => policyOf(policy, creator, invited))
}

/** Plays the steps, ends all faults and waits until it is quiet. */
export async function playScenario(
  world: World,
  scenario: Scenario,
  enter?: (world: World) => Promise<Insider>,
): Promise<void> {
  await beginScenario(world, scenario)
  const insider = await enter?.(world)
  for (const { operation, thenMs } of scenario.steps) {
    carryOut(world, operation)
    if (operation.kind === 'insider') await insider?.do(operation)
    await world.runFor(thenMs)
  }
  await world.heal(GOOD_LINK)
  await world.runUntilQuiet()
}

/**
 * Everybody who takes itself for a member says something, and what follows from that. Where commits were lost for good,
 * nobody knows that another is elsewhere before it hears of it.
 */
export async function speakUp(world: World): Promise<void> {
  for (const node of world.nodes) {
    if (node.isOpen && node.group?.isMember === true) await world.finish(node.say(`here is ${node.name}`))
  }
  await world.runUntilQuiet()
}

function at<T>(list: readonly T[], index: number): T | undefined {
  return list.length === 0 ? undefined : list[index % list.length]
}

/** Begins an operation and does not wait for it. Nothing happens if there is nobody to do it. */
export function carryOut(world: World, operation: Operation): void {
  world.trace.add('world', 'operation', JSON.stringify(operation))
  switch (operation.kind) {
    case 'say':
    case 'add':
    case 'remove':
    case 'update':
    case 'leave': {
      const who = at(
        world.nodes.filter((node) => node.isOpen && node.group?.isMember === true),
        operation.who,
      )
      if (who !== undefined) actAsMember(world, who, operation)
      return
    }
    case 'partition': {
      const islands = new Map<number, string[]>()
      for (const [i, node] of world.nodes.entries()) {
        const island = operation.islands[i % operation.islands.length] ?? 0
        islands.set(island, [...(islands.get(island) ?? []), node.name])
      }
      world.network.partition([...islands.values()])
      return
    }
    case 'join':
      world.network.heal()
      return
    case 'weather':
      world.network.conditions.setQuality(operation.weather === 'good' ? GOOD_LINK : BAD_LINK)
      return
    case 'crash':
      at(world.running, operation.who)?.crash()
      return
    case 'crashAtWrite':
      at(world.running, operation.who)?.armStore({ write: operation.write, what: operation.what })
      return
    case 'restart': {
      const off = world.nodes.filter((node) => !node.isRunning)
      void at(off, operation.who)?.start()
      return
    }
    case 'backup': {
      const member = world.nodes.filter((node) => node.isOpen && node.group?.isMember === true)
      at(member, operation.who)?.keepBackup()
      return
    }
    case 'restore': {
      const node = at(
        world.running.filter((each) => each.hasBackup),
        operation.who,
      )
      node?.crash()
      node?.restoreBackup()
      void node?.start()
      return
    }
    case 'malice':
      tamper(world, operation)
      return
    case 'insider':
      // whoever plays the scenario brings it
      return
  }
}

type MemberOperation = Extract<Operation, { kind: 'say' | 'add' | 'remove' | 'update' | 'leave' }>

function actAsMember(world: World, who: SimNode, operation: MemberOperation): void {
  const group = who.requireGroup()
  switch (operation.kind) {
    case 'say':
      void who.say(`text ${world.observations.sent.length} of ${who.name}`)
      return
    case 'add': {
      const present = new Set(group.members().map(({ identity }) => Buffer.from(identity).toString('hex')))
      const whom = at(
        world.nodes.filter((node) => node.isOpen && !present.has(node.identity)),
        operation.whom,
      )
      if (whom !== undefined) void addByHand(who, whom)
      return
    }
    case 'remove': {
      const whom = at(
        group.members().filter(({ isSelf }) => !isSelf),
        operation.whom,
      )
      if (whom !== undefined) void who.attempt('remove', () => group.remove([whom.instance]))
      return
    }
    case 'update':
      void who.attempt('update', () => group.update())
      return
    case 'leave':
      void who.attempt('leave', () => group.leave())
      return
  }
}

/** One hands the other a key package, whether or not the network carries anything between them. */
async function addByHand(who: SimNode, whom: SimNode): Promise<void> {
  let keyPackage: Uint8Array | undefined
  await whom.attempt('key package', async (client) => {
    keyPackage = await client.createKeyPackage()
  })
  const given = keyPackage
  if (given === undefined || !who.isOpen) return
  await who.attempt(`add ${whom.name}`, () => who.requireGroup().add([given]))
}
