/**
 * A whole client: what mallory sends to its topics, and what happens when its records are damaged. The client answers
 * with a verdict and never throws, rejects only what every peer would, takes honest messages afterwards, and comes back
 * from its store as it was.
 */
import { MemoryStore } from '@dmls/client/memory-store'
import { StoreError, type StoreOperation, type Verdict } from '@dmls/client/ports'
import { equalBytes, toHex } from '@dmls/crypto'
import { decodeDmlsMessage, encodeDmlsMessage, identifierBytes } from '@dmls/dmls'
import { type Blame, decodeMlsMessage, messageHeader } from '@dmls/mls'
import { mutateBytes } from '../engine/byte-mutation.ts'
import type { Tape } from '../engine/tape.ts'
import { demand, Finding, refusalOrCrypto, type Target } from '../engine/target.ts'
import { anyMessage } from '../world/attacking.ts'
import { type ClientWorld, clientWorld, groupOf, type Opened, open } from '../world/client-world.ts'

interface Packet {
  readonly topic: 'group' | 'inbox'
  readonly bytes: Uint8Array
}

async function anyPacket(world: ClientWorld, tape: Tape): Promise<Packet> {
  if (tape.once(6)) {
    const bytes = mutateBytes(world.welcome, tape, world.honest)
    return { topic: tape.once(4) ? 'group' : 'inbox', bytes }
  }
  if (tape.once(8)) return { topic: 'group', bytes: mutateBytes(tape.pick(world.honest), tape, world.honest) }
  const { epoch, world: attack } = tape.pick(world.attacks)
  const message = decodeMlsMessage(await anyMessage(attack, tape))
  const hint = tape.once(12) ? tape.take(1 + tape.below(63)) : identifierBytes(epoch)
  const bytes = encodeDmlsMessage({ message, dmlsEpoch: hint })
  return { topic: 'group', bytes: tape.once(16) ? mutateBytes(bytes, tape, world.honest) : bytes }
}

/** Whether every honest peer of the group would refuse these bytes. */
function isHopeless(world: ClientWorld, { topic, bytes }: Packet): boolean {
  try {
    if (topic === 'inbox') return decodeMlsMessage(bytes).wireFormat !== 'mls_welcome'
    const header = messageHeader(decodeDmlsMessage(bytes).message)
    return header === undefined || !equalBytes(header.groupId, world.groupId)
  } catch {
    return true
  }
}

async function deliver(world: ClientWorld, bob: Opened, packet: Packet): Promise<Verdict> {
  const handler = bob.wire.handlers.get(world.topics[packet.topic])
  if (handler === undefined) throw new Finding('the client left its topic')
  try {
    const verdict = await handler.receive(packet.bytes.slice(), 'mallory')
    demand(verdict !== 'reject' || isHopeless(world, packet), 'a peer is blamed for what another might accept')
    return verdict
  } catch (error) {
    if (error instanceof Finding) throw error
    throw new Finding('the client threw at a peer’s bytes', { cause: error })
  }
}

function snapshot(bob: Opened): string {
  const group = groupOf(bob)
  const epochs = group
    .dag()
    .epochs()
    .map((facts) => facts.id)
  return [group.head, String(group.isMember), ...epochs].join(' ')
}

async function tryPackets(world: ClientWorld, tape: Tape): Promise<string> {
  const packets: Packet[] = []
  try {
    for (let left = 1 + tape.below(3); left > 0; left--) packets.push(await anyPacket(world, tape))
  } catch {
    return 'not made'
  }
  const bob = await open(world.store.copy(), 99)
  const labels: string[] = []
  groupOf(bob).on((event) => {
    if (event.type === 'refused') labels.push(`refused ${event.code}`)
    else labels.push(event.type)
  })
  const before = snapshot(bob)
  const verdicts: Verdict[] = []
  for (const packet of packets) verdicts.push(await deliver(world, bob, packet))
  const accepted = verdicts.includes('accept')
  if (!accepted) demand(snapshot(bob) === before, 'what was not accepted changed the group')
  for (const bytes of world.honest) {
    const verdict = await deliver(world, bob, { topic: 'group', bytes })
    demand(accepted || verdict === 'accept', 'an honest message is not accepted after hostile ones')
  }
  const after = snapshot(bob)
  await bob.client.close()
  await checkComesBack(bob, after)
  return [...verdicts, ...labels].join(' | ')
}

async function checkComesBack({ store }: Opened, expected: string): Promise<void> {
  let again: Opened
  try {
    again = await open(store.copy(), 100)
  } catch (error) {
    throw new Finding('the client cannot be opened again', { cause: error })
  }
  demand(snapshot(again) === expected, 'the client came back as another')
  await again.client.close()
}

export const clients: Target = {
  name: 'clients',
  tapeMax: 256,
  quickRuns: 60,
  open: async () => {
    const world = await clientWorld()
    return (tape) => tryPackets(world, tape)
  },
}

type Entry = readonly [key: Uint8Array, value: Uint8Array]
type Put = Extract<StoreOperation, { readonly type: 'put' }>

interface Entries {
  /** The caller's to keep: never damaged here. */
  readonly identity: Entry
  readonly records: readonly Entry[]
}

/** A disk may hold anything; then opening tells it, in words of ours. */
const STORED: readonly Blame[] = ['malformed', 'invalid', 'missing', 'usage', 'internal']

async function tryStore(world: ClientWorld, entries: Entries, tape: Tape): Promise<string> {
  const damaged = await damagedStore(entries, tape)
  let bob: Opened
  try {
    bob = await open(damaged, 99)
  } catch (error) {
    return storeRefusal(error)
  }
  const labels = ['opened']
  try {
    for (const group of bob.client.groups()) {
      group.members()
      group.openHeads()
      const handler = bob.wire.handlers.get(world.topics.group)
      for (const bytes of world.honest) labels.push((await handler?.receive(bytes, 'alice')) ?? 'elsewhere')
      await group.send(new Uint8Array(1))
      await group.update()
    }
  } catch (error) {
    labels.push(storeRefusal(error))
  }
  await bob.client.close()
  return labels.join(' | ')
}

function storeRefusal(error: unknown): string {
  return error instanceof StoreError ? `store ${error.code}` : refusalOrCrypto(error, STORED)
}

async function damagedStore({ identity, records: entries }: Entries, tape: Tape): Promise<MemoryStore> {
  const store = new MemoryStore()
  const records = entries.map(([key, value]): Put => ({ type: 'put', key, value: value.slice() }))
  for (let left = 1 + tape.below(3); left > 0; left--) {
    const at = tape.below(records.length)
    const record = records[at]
    if (record === undefined) continue
    const other = records[tape.below(records.length)] ?? record
    const how = tape.below(6)
    if (how === 4) records.splice(at, 1)
    else records[at] = { ...record, value: how === 5 ? other.value : mutateBytes(record.value, tape) }
  }
  const [key, value] = identity
  await store.write([...records, { type: 'put', key, value }])
  return store
}

export const stores: Target = {
  name: 'stores',
  tapeMax: 64,
  quickRuns: 100,
  open: async () => {
    const world = await clientWorld()
    const entries: Entry[] = []
    for await (const entry of world.store.entries({ prefix: new Uint8Array(0) })) entries.push(entry)
    const own = entries.filter(([key]) => toHex(key) !== toHex(new TextEncoder().encode('identity')))
    const identity = entries.find((entry) => !own.includes(entry))
    if (identity === undefined) throw new Error('bob has no identity')
    return (tape) => tryStore(world, { identity, records: own }, tape)
  },
}
