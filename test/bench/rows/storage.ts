/**
 * What a client writes: for a message and for a commit, early in an epoch and when almost everybody has been heard; and
 * what it takes to read a group back, beside what it takes to verify it again.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { type DmlsClient, loadOrCreateIdentity, openClient } from '@dmls/client'
import type { Authenticator, Delivery, Store, StoreOperation, StoreRange, TopicHandler } from '@dmls/client/ports'
import { systemRandom, toHex } from '@dmls/crypto'
import { createNodeProvider } from '@dmls/crypto/node'
import { makeCommit } from '@dmls/dmls'
import { decodeMlsMessage, decodeRatchetTreeBytes, ratchetTreeBytes, validateRatchetTree } from '@dmls/mls'
import { type LevelStore, openLevelStore } from '@dmls/store-level'
import {
  type Alice,
  decentralizedGroup,
  firstMessageOf,
  identityOf,
  NEWCOMER_LEAF,
  NOW_MS,
} from '../builder/decentralized-group.ts'
import { newNodeSuite } from '../libraries/index.ts'
import { collectGarbage, median, timed } from '../sampling.ts'

/** What one batch wrote. */
export interface WriteSize {
  readonly records: number
  readonly bytes: number
}

export interface StorageReport {
  readonly members: number
  readonly join: WriteSize
  /** A first message of somebody, with few and with almost all members heard in the epoch. */
  readonly firstMessage: WriteSize
  readonly lastMessage: WriteSize
  readonly commit: WriteSize
  /** Just joined. */
  readonly joined: Opening
  /** After almost everybody was heard and a commit came: what a client finds that is started again. */
  readonly inUse: Opening
}

/** Measured in turn. */
export interface Opening {
  /** Milliseconds to open a client with this group, from a store on the disk that is open already. */
  readonly loadMs: number
  /** Milliseconds to verify the group's tree again, as one who joins does. */
  readonly verifyMs: number
}

/** Accepts every credential, as the measurements of the other libraries do. */
export const authenticator: Authenticator = { identity: identityOf, authenticate: async () => undefined }

const ROUNDS = 9
const WARM_UP = 2
/** Senders speak in an order that goes all over the tree; a prime, so that each of them does. */
const STRIDE = 389

/** On a store on the disk. */
export async function measureStorage(members: number, rounds: number = ROUNDS): Promise<StorageReport> {
  const folder = await mkdtemp(join(tmpdir(), 'dmls-bench-'))
  try {
    return await measureIn(folder, members, rounds)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function measureIn(folder: string, members: number, rounds: number): Promise<StorageReport> {
  const store = new CountingStore(await openLevelStore(folder, { sync: false }))
  const { alice, client, join: joining } = await clientInGroup(store, members)
  await client.close()
  await store.close()
  const joined = await measureLoad(folder, alice, rounds)
  const later = await measureWrites(folder, alice, members)
  const inUse = await measureLoad(folder, alice, rounds)
  return { members, join: joining, ...later, joined, inUse }
}

/** A first message of everybody else, and a commit. */
async function measureWrites(
  folder: string,
  { state, services }: Alice,
  members: number,
): Promise<Pick<StorageReport, 'firstMessage' | 'lastMessage' | 'commit'>> {
  const store = new CountingStore(await openLevelStore(folder, { sync: false }))
  const delivery = new HandDelivery()
  const client = await open(store, delivery)
  const data = systemRandom(100)
  const firstMessages: WriteSize[] = []
  const lastMessages: WriteSize[] = []
  const all = members - NEWCOMER_LEAF - 1
  for (let i = 0; i < all; i++) {
    const wire = await firstMessageOf(state, NEWCOMER_LEAF + 1 + ((i * STRIDE) % all), data)
    const written = await store.during(() => delivery.hand(wire))
    if (i < all / 10) firstMessages.push(written)
    if (i >= all - all / 10) lastMessages.push(written)
  }
  const made = await makeCommit(state, {}, services)
  const commit = await store.during(() => delivery.hand(made.wire))
  await readAll(client, all)
  await store.write([])
  await client.close()
  await store.close()
  return { firstMessage: mean(firstMessages), lastMessage: mean(lastMessages), commit }
}

/** Whoever is started again has read what came before. */
async function readAll(client: DmlsClient, messages: number): Promise<void> {
  let read = 0
  for (const group of client.groups()) group.on(({ type }) => void (type === 'message' && read++))
  while (read < messages) await setImmediate()
  await setImmediate()
}

function mean(sizes: readonly WriteSize[]): WriteSize {
  const of = (field: keyof WriteSize): number => sizes.reduce((sum, size) => sum + size[field], 0) / sizes.length
  return { records: of('records'), bytes: of('bytes') }
}

export interface ClientInGroup {
  readonly alice: Alice
  readonly client: DmlsClient
  /** What becoming a member wrote. */
  readonly join: WriteSize
}

/** A client that a member of a large group has let in. */
export async function clientInGroup(store: CountingStore<Store>, members: number): Promise<ClientInGroup> {
  const delivery = new HandDelivery()
  const client = await open(store, delivery)
  const suite = newNodeSuite()
  const founder = await decentralizedGroup(suite, members)
  const message = decodeMlsMessage(await client.createKeyPackage())
  if (message.wireFormat !== 'mls_key_package') throw new Error('not a key package')
  const invited = await makeCommit(founder.state, { add: [message.keyPackage] }, founder.services)
  const join = await store.during(() => delivery.hand(invited.welcome?.message ?? new Uint8Array(0)))
  if (client.groups().length !== 1) throw new Error('the client is in no group')
  return { alice: { ...founder, state: invited.state }, client, join }
}

/** A client on a store, which makes its identity on first use. */
export async function open(store: Store, delivery: Delivery): Promise<DmlsClient> {
  const provider = createNodeProvider({ verifyOn: 'threads' })
  const identity = await loadOrCreateIdentity(store, provider)
  const clock = { nowMs: () => NOW_MS, schedule: () => ({ cancel: () => undefined }) }
  return openClient({ provider, store, delivery, identity, authenticator, clock })
}

/** In turn, so that both see the same machine. */
async function measureLoad(folder: string, alice: Alice, rounds: number): Promise<Opening> {
  const verify = verification(alice)
  const [loads, verifications]: [number[], number[]] = [[], []]
  for (let round = -WARM_UP; round < rounds; round++) {
    const store = await openLevelStore(folder, { sync: false })
    collectGarbage()
    const loaded = await timed(() => open(store, new HandDelivery()))
    if (loaded.value.groups().length !== 1) throw new Error('the group was not read back')
    await loaded.value.close()
    await store.close()
    collectGarbage()
    const verified = await timed(verify)
    if (round < 0) continue
    loads.push(loaded.ms)
    verifications.push(verified.ms)
  }
  return { loadMs: median(loads), verifyMs: median(verifications) }
}

/** Decoding and validating the group's tree, by one who has seen none of its keys. */
function verification({ state }: Alice): () => Promise<void> {
  const held = state.epochs.get(state.head)
  if (held === undefined) throw new Error('the head is not held')
  const { context, tree } = held.group
  const bytes = ratchetTreeBytes(tree)
  return () => {
    const suite = newNodeSuite()
    return validateRatchetTree(suite, decodeRatchetTreeBytes(suite, bytes), {
      groupId: context.groupId,
      groupExtensions: context.extensions,
      treeHash: context.treeHash,
    })
  }
}

/** A Delivery that delivers what it is handed, to whoever subscribed. */
export class HandDelivery implements Delivery {
  readonly #handlers = new Map<string, TopicHandler>()

  async subscribe(topic: Uint8Array, handler: TopicHandler): Promise<() => Promise<void>> {
    this.#handlers.set(toHex(topic), handler)
    return async () => void this.#handlers.delete(toHex(topic))
  }

  /** To every topic: only one of them takes it. */
  async hand(message: Uint8Array): Promise<void> {
    for (const handler of [...this.#handlers.values()]) await handler.receive(message.slice(), 'alice')
  }

  async publish(): Promise<void> {
    // nobody else is there
  }

  async backfill(): Promise<void> {
    // nobody to ask
  }

  async close(): Promise<void> {
    this.#handlers.clear()
  }
}

/** A store that tells what is written while something happens. */
export class CountingStore<S extends Store = LevelStore> implements Store {
  readonly inner: S
  #written = { records: 0, bytes: 0 }

  constructor(inner: S) {
    this.inner = inner
  }

  async during(happening: () => Promise<unknown>): Promise<WriteSize> {
    this.#written = { records: 0, bytes: 0 }
    await happening()
    return { ...this.#written }
  }

  get(key: Uint8Array): Promise<Uint8Array | undefined> {
    return this.inner.get(key)
  }

  entries(range: StoreRange): AsyncIterable<readonly [key: Uint8Array, value: Uint8Array]> {
    return this.inner.entries(range)
  }

  keys(range: StoreRange): AsyncIterable<Uint8Array> {
    return this.inner.keys(range)
  }

  write(operations: readonly StoreOperation[]): Promise<void> {
    this.#written.records += operations.length
    for (const operation of operations) {
      this.#written.bytes += operation.key.length + (operation.type === 'put' ? operation.value.length : 0)
    }
    return this.inner.write(operations)
  }

  forget(): Promise<void> {
    return this.inner.forget()
  }

  close(): Promise<void> {
    return this.inner.close()
  }
}
