/** Clients on an in-memory hub and in-memory stores, and waiting for what they come to. */

import type { CreateGroupOptions, DmlsClient, DmlsClientOptions, DmlsGroup, GroupEvent, Store } from '@dmls/client'
import { loadOrCreateIdentity, openClient } from '@dmls/client'
import { nodeProvider } from '@dmls/crypto/node'
import { MemoryHub } from '../src/memory-delivery.ts'
import { MemoryStore } from '../src/memory-store.ts'

export interface Person {
  readonly name: string
  readonly client: DmlsClient
  readonly store: MemoryStore
  /** What the groups of this client told. */
  readonly events: GroupEvent[]
  /** Texts that arrived, in order. */
  readonly texts: string[]
}

const suite = nodeProvider.cipherSuite(1)

export function createHub(): MemoryHub {
  return new MemoryHub((message) => suite.hash(message))
}

export async function createPerson(
  hub: MemoryHub,
  name: string,
  store: MemoryStore = new MemoryStore(),
  options: Partial<DmlsClientOptions> = {},
): Promise<Person> {
  const identity = await loadOrCreateIdentity(store as Store, nodeProvider)
  const client = await openClient({
    provider: nodeProvider,
    store,
    delivery: hub.join(name),
    identity,
    ...options,
    timing: { mergeQuiescenceMs: 10, mergeRankDelayMs: 40, retentionIntervalMs: 50, ...options.timing },
  })
  const person: Person = { name, client, store, events: [], texts: [] }
  for (const group of client.groups()) listen(person, group)
  client.onGroup((group) => listen(person, group))
  return person
}

export function listen(person: Person, group: DmlsGroup): void {
  group.on((event) => {
    person.events.push(event)
    if (event.type === 'message') person.texts.push(new TextDecoder().decode(event.message.data))
  })
}

/** The one group of a person. */
export function groupOf(person: Person): DmlsGroup {
  const group = person.client.groups()[0]
  if (group === undefined) throw new Error(`${person.name} is in no group`)
  return group
}

export async function until(condition: () => boolean, what: string, timeoutMs = 10_000): Promise<void> {
  const deadline = Date.now() + timeoutMs
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`waited in vain for: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** Whether everybody has the same head and no fork is open. */
export function agree(people: readonly Person[]): boolean {
  return people.every((person) => {
    const group = person.client.groups()[0]
    return group !== undefined && group.head === groupOf(people[0] as Person).head && group.openHeads().length === 1
  })
}

export function say(person: Person, text: string): Promise<Uint8Array> {
  return groupOf(person).send(new TextEncoder().encode(text))
}

/** A group of these people, the first one its creator. */
export async function createGroupOf(people: readonly Person[], options: CreateGroupOptions = {}): Promise<void> {
  const [creator, ...others] = people as [Person, ...Person[]]
  listen(creator, await creator.client.createGroup(options))
  if (others.length === 0) return
  const keyPackages = await Promise.all(others.map((person) => person.client.createKeyPackage()))
  await groupOf(creator).add(keyPackages)
  await until(() => agree(people), 'everybody joined')
}

/** Events of one type that a person was told, in order. */
export function eventsOf<T extends GroupEvent['type']>(person: Person, type: T): Extract<GroupEvent, { type: T }>[] {
  return person.events.filter((event): event is Extract<GroupEvent, { type: T }> => event.type === type)
}
