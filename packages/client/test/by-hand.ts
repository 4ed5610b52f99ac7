/** People whose messages a test carries by hand, and whose stores it watches. */
import {
  type DmlsClient,
  type DmlsClientOptions,
  type DmlsGroup,
  type GroupEvent,
  loadOrCreateIdentity,
  openClient,
  type Timing,
} from '@dmls/client'
import { nodeProvider } from '@dmls/crypto/node'
import { MemoryStore } from '../src/memory-store.ts'
import type { Store, StoreOperation, StoreRange } from '../src/ports.ts'
import { HandDelivery, type Published } from './hand-delivery.ts'

function copyOf(operation: StoreOperation): StoreOperation {
  return operation.type === 'put' ? { ...operation, value: operation.value.slice() } : operation
}

/** A store that shows its batches before they take effect, and can be made to refuse. */
export class WatchedStore implements Store {
  readonly memory: MemoryStore
  /** As they were written: whoever writes a secret overwrites its own copy. */
  readonly batches: (readonly StoreOperation[])[] = []
  /** The very arrays of values that went in or came out. */
  readonly passed: Uint8Array[] = []
  onWrite: () => void = () => undefined
  onRead: () => void = () => undefined
  /** How often it was told to forget. */
  forgotten = 0

  constructor(memory: MemoryStore = new MemoryStore()) {
    this.memory = memory
  }

  async get(key: Uint8Array): Promise<Uint8Array | undefined> {
    this.onRead()
    const value = await this.memory.get(key)
    if (value !== undefined) this.passed.push(value)
    return value
  }

  async *entries(range: StoreRange): AsyncGenerator<readonly [key: Uint8Array, value: Uint8Array]> {
    for await (const [key, value] of this.memory.entries(range)) {
      this.passed.push(value)
      yield [key, value]
    }
  }

  keys(range: StoreRange): AsyncIterable<Uint8Array> {
    return this.memory.keys(range)
  }

  write(operations: readonly StoreOperation[]): Promise<void> {
    this.batches.push(operations.map(copyOf))
    for (const operation of operations) if (operation.type === 'put') this.passed.push(operation.value)
    this.onWrite()
    return this.memory.write(operations)
  }

  forget(): Promise<void> {
    this.forgotten++
    return this.memory.forget()
  }

  close(): Promise<void> {
    return this.memory.close()
  }
}

/** Eleven days: longer than any test, and not too long for a timer. */
const NEVER_MS = 1e9

export interface HandPerson {
  readonly client: DmlsClient
  readonly delivery: HandDelivery
  readonly store: WatchedStore
  readonly events: GroupEvent[]
  readonly texts: string[]
}

export async function createHandPerson(
  memory?: MemoryStore,
  timing: Partial<Timing> = {},
  options: Pick<DmlsClientOptions, 'clock' | 'adminRule'> = {},
): Promise<HandPerson> {
  const store = new WatchedStore(memory)
  const delivery = new HandDelivery()
  const identity = await loadOrCreateIdentity(store, nodeProvider)
  // nothing happens by itself, unless it is asked for
  const still = { mergeQuiescenceMs: NEVER_MS, mergeRankDelayMs: 0, retentionIntervalMs: NEVER_MS }
  const client = await openClient({
    provider: nodeProvider,
    store,
    delivery,
    identity,
    timing: { ...still, ...timing },
    ...options,
  })
  const person: HandPerson = { client, delivery, store, events: [], texts: [] }
  for (const group of client.groups()) listen(person, group)
  client.onGroup((group) => listen(person, group))
  return person
}

export function listen(person: HandPerson, group: DmlsGroup): void {
  group.on((event) => {
    person.events.push(event)
    if (event.type === 'message') person.texts.push(new TextDecoder().decode(event.message.data))
  })
}

export function onlyGroup(person: HandPerson): DmlsGroup {
  const group = person.client.groups()[0]
  if (group === undefined) throw new Error('this person is in no group')
  return group
}

/** What somebody published, handed to others, in order. */
export async function carry(from: HandPerson, ...to: readonly HandPerson[]): Promise<Published[]> {
  const published = from.delivery.take()
  for (const message of published) for (const person of to) await person.delivery.hand(message)
  return published
}

export function say(person: HandPerson, text: string): Promise<Uint8Array> {
  return onlyGroup(person).send(new TextEncoder().encode(text))
}

/** These people in a group that the first of them began, and nothing on its way. */
export async function handGroup(creator: HandPerson, ...others: readonly HandPerson[]): Promise<void> {
  listen(creator, await creator.client.createGroup())
  await onlyGroup(creator).add(await Promise.all(others.map(({ client }) => client.createKeyPackage())))
  await carry(creator, ...others)
}

/** alice and bob in a group that alice began. */
export async function handPair(timing?: Partial<Timing>): Promise<readonly [HandPerson, HandPerson]> {
  const alice = await createHandPerson(undefined, timing)
  const bob = await createHandPerson(undefined, timing)
  await handGroup(alice, bob)
  return [alice, bob]
}

/** Resolves once the application has been told everything. */
export async function told(...people: readonly HandPerson[]): Promise<void> {
  for (const person of people) await person.client.close()
}
