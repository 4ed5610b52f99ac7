/** An epoch in the store is what its steps have written of it, part by part. */
import { toHex } from '@dmls/crypto'
import { nodeProvider } from '@dmls/crypto/node'
import { type HeldEpoch, headGroup, makeCommit, sendMessage } from '@dmls/dmls'
import { encodeGroupState, type GroupState, sendProposal, treeRecords } from '@dmls/mls'
import { expect, test } from 'vitest'
import { EpochRecords } from '../src/group/epoch-records.ts'
import { MemoryStore } from '../src/memory-store.ts'
import type { StoreOperation } from '../src/ports.ts'
import { groupPrefix, groupRecordPrefix } from '../src/store-keys.ts'
import { WatchedStore } from './by-hand.ts'
import { createSolo, type Solo } from './solo.ts'

const suite = nodeProvider.cipherSuite(1)

/** Every record of a store under a group's prefix, in bytes of values. */
async function storedSize(store: MemoryStore, groupId: Uint8Array): Promise<number> {
  let size = 0
  for await (const [, value] of store.entries({ prefix: groupPrefix(groupId) })) size += value.length
  return size
}

/** The values of records that hold secrets. */
function secretsAmong(operations: readonly StoreOperation[], groupId: Uint8Array): Uint8Array[] {
  const prefixes = (['epoch', 'initKey', 'secretNode'] as const).map((kind) => toHex(groupRecordPrefix(groupId, kind)))
  return operations.flatMap((operation) => {
    const isSecret = prefixes.some((prefix) => toHex(operation.key).startsWith(prefix))
    return operation.type === 'put' && isSecret ? [operation.value] : []
  })
}

function treeRecordsOf({ tree }: GroupState): { readonly hash: string; readonly bytes: Uint8Array }[] {
  return [...treeRecords(tree, () => false)].map(({ hash, bytes }) => ({ hash: toHex(hash), bytes }))
}

/** The state after a proposal that stays in the epoch's cache. */
async function withProposal({ running, context }: Solo, state: GroupState): Promise<GroupState> {
  const { signerFor, authenticate } = running.services()
  const signer = signerFor(state.tree.leaf(state.ownLeaf)?.signatureKey as Uint8Array)
  const psk = { pskType: 'external', pskId: context.random(8) } as const
  const proposal = { proposalType: 'psk', psk: { psk, pskNonce: context.random(suite.hashSize) } } as const
  const services = { random: context.random, authenticate, now: BigInt(Math.floor(context.clock.nowMs() / 1000)) }
  const sent = await sendProposal(state, proposal, { signer }, services)
  return sent.state
}

test('written step by step, it is read back as it is, its size is that of its records, and no copy of a secret stays', async () => {
  const solo = await createSolo(new WatchedStore())
  const { running } = solo
  const { groupId, profile } = running.current
  const store = new MemoryStore()
  const records = new EpochRecords(groupId)
  const id = running.current.head
  const tree = new Map<string, Uint8Array>()
  const write = async (held: HeldEpoch): Promise<readonly StoreOperation[]> => {
    const { operations, written } = records.put(id, held)
    await store.write(operations)
    expect(secretsAmong(operations, groupId).every((value) => value.some((byte) => byte !== 0))).toBe(true)
    written()
    expect(secretsAmong(operations, groupId).filter((value) => value.some((byte) => byte !== 0))).toEqual([])
    expect(records.sizeOf(id)).toBe(await storedSize(store, groupId))
    return operations
  }
  const held = (group: GroupState, supersededAtMs?: number): HeldEpoch => ({ stage: 'open', group, supersededAtMs })

  const first = headGroup(running.current)
  expect((await write(held(first))).length).toBe(3)
  expect(await write(held(first))).toEqual([])
  // a message, two proposals, a commit
  const said = (await sendMessage(running.current, { kind: 'presence' }, running.services())).state.epochs.get(id)
  expect((await write(said as HeldEpoch)).length).toBe(1)
  const proposed = await withProposal(solo, said?.group as GroupState)
  expect((await write(held(proposed))).length).toBe(2)
  const proposedTwice = await withProposal(solo, proposed)
  expect((await write(held(proposedTwice))).length).toBe(2)
  const made = await makeCommit(running.current, {}, running.services())
  const { initKey, ownCommits } = (made.state.epochs.get(id) as HeldEpoch).group
  const parent = { ...proposedTwice, initKey, ownCommits }
  expect((await write(held(parent, 1234))).length).toBe(2)

  for (const { bytes, hash } of treeRecordsOf(parent)) tree.set(hash, bytes)
  const read: StoreOperation[] = []
  const shown = new WatchedStore(store)
  shown.entries = async function* (range) {
    for await (const [key, value] of store.entries(range)) {
      read.push({ type: 'put', key, value })
      yield [key, value]
    }
  }
  const loaded = await EpochRecords.load(shown, groupId, { suite, profile }, tree)
  expect(secretsAmong(read, groupId).length).toBe(3)
  expect(secretsAmong(read, groupId).filter((value) => value.some((byte) => byte !== 0))).toEqual([])
  const again = loaded.epochs.get(id)
  expect(again?.supersededAtMs).toBe(1234)
  expect(encodeGroupState((again as HeldEpoch).group)).toEqual(encodeGroupState(parent))
  expect([...(again as HeldEpoch).group.proposals.keys()]).toEqual([...parent.proposals.keys()])
  expect(loaded.records.sizeOf(id)).toBe(records.sizeOf(id))
  // who has read it back writes nothing for what is stored, and leaves nothing when it is over
  expect(loaded.records.put(id, again as HeldEpoch).operations).toEqual([])
  const { operations, written } = loaded.records.delete(id)
  await store.write(operations)
  written()
  expect([await storedSize(store, groupId), loaded.records.sizeOf(id)]).toEqual([0, 0])
})

test('it is not read back when a part of it is missing', async () => {
  const { running } = await createSolo(new WatchedStore())
  const { groupId, profile, head } = running.current
  const { operations } = new EpochRecords(groupId).put(head, running.current.epochs.get(head) as HeldEpoch)
  const tree = new Map(treeRecordsOf(headGroup(running.current)).map(({ hash, bytes }) => [hash, bytes]))
  for (const missing of operations) {
    const store = new MemoryStore()
    await store.write(operations.filter((operation) => operation !== missing))
    const load = EpochRecords.load(store, groupId, { suite, profile }, tree)
    const isCore = operations.indexOf(missing) === 0
    // without its core there is no epoch
    if (isCore) expect((await load).epochs.size).toBe(0)
    else await expect(load).rejects.toThrow(expect.objectContaining({ name: 'MlsError' }))
  }
})
