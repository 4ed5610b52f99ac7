/** Worlds for stories: a group of named nodes on the simulator, and what is asked of it at the end. */
import type { GroupEvent } from '@dmls/client'
import { nodeProvider } from '@dmls/crypto/node'
import { checkWorld, type SimNode, type Verdict, World, type WorldOptions } from '@dmls/sim'
import { unresolvedHeads } from '../spec/history.ts'
import { membership } from '../spec/membership.ts'

/** A world with these nodes, in one group that the first one made. Whoever is in `outside` runs, and is in no group. */
export async function worldOf(
  names: readonly string[],
  options: Partial<WorldOptions> & { readonly outside?: readonly string[] } = {},
): Promise<World> {
  const world = new World({ seed: 1, provider: nodeProvider, ...options })
  const nodes: SimNode[] = []
  for (const name of names) nodes.push(await world.add(name))
  for (const name of options.outside ?? []) await world.add(name)
  const [creator, ...others] = nodes
  if (creator !== undefined) await world.createGroup(creator, others)
  return world
}

/** Lets a node do something and waits for it. @throws Error when it was refused */
export async function act(
  world: World,
  name: string,
  what: string,
  action: (node: SimNode) => Promise<unknown>,
): Promise<void> {
  const node = world.node(name)
  const attempt = await world.finish(node.attempt(what, () => action(node)))
  if (attempt.outcome.kind === 'refused') throw attempt.outcome.error
}

export function update(world: World, name: string): Promise<void> {
  return act(world, name, 'update', (node) => node.requireGroup().update())
}

export async function say(world: World, name: string, text: string): Promise<void> {
  await world.finish(world.node(name).say(text))
}

export function remove(world: World, name: string, whom: string): Promise<void> {
  const identity = Buffer.from(world.node(whom).identity, 'hex')
  return act(world, name, `remove ${whom}`, (node) => node.requireGroup().remove([new Uint8Array(identity)]))
}

/** One hands the other a key package, and the other adds it. */
export async function add(world: World, name: string, whom: string): Promise<void> {
  const keyPackage = await world.finish(world.node(whom).client.createKeyPackage())
  await act(world, name, `add ${whom}`, (node) => node.requireGroup().add([keyPackage]))
}

/** All invariants, against the specification's answer. */
export function verdictOf(world: World): Verdict {
  return checkWorld(world, ({ facts }) => {
    const history = { epochs: facts, messages: [] }
    return new Set(membership(history, unresolvedHeads(history)).keys())
  })
}

/** Faults end, messages flow, and it gets quiet. */
export async function settle(world: World): Promise<void> {
  await world.heal()
  await world.runUntilQuiet()
}

/** Names of the members in a node's chosen epoch, sorted. */
export function membersAt(world: World, name: string): string[] {
  const people = world.people
  return world
    .node(name)
    .requireGroup()
    .members()
    .flatMap(({ identity }) => people.get(Buffer.from(identity).toString('hex'))?.[0] ?? 'somebody unknown')
    .sort()
}

/** Texts that a node's application was given, in order. */
export function textsOf(world: World, name: string): string[] {
  return world.observations.delivered.filter(({ node }) => node === name).map(({ text }) => text)
}

/** Events of one type that a node was told. */
export function eventsOf<T extends GroupEvent['type']>(
  world: World,
  name: string,
  type: T,
): Extract<GroupEvent, { type: T }>[] {
  return world.observations.events.flatMap(({ node, event }) =>
    node === name && event.type === type ? [event as Extract<GroupEvent, { type: T }>] : [],
  )
}
