/** What was heard of the senders of a group, in the store: few records for many senders, one for a message. */
import { utf8 } from '@dmls/crypto'
import { Dag, dmlsEpoch, type EpochFacts, type InstanceId, instanceId, type Witness } from '@dmls/dmls'
import { expect, test } from 'vitest'
import { WitnessPacks } from '../src/group/witness-packs.ts'
import { MemoryStore } from '../src/memory-store.ts'
import { groupRecordKey, sequenceKey } from '../src/store-keys.ts'

const GROUP_ID = utf8('a group')
const ROOT = dmlsEpoch('00')
const MEMBERS = Array.from({ length: 1000 }, (_, i) => instanceId(i.toString(16).padStart(64, '0')))
const [ALICE, BOB] = MEMBERS as [InstanceId, InstanceId]

const COMMITLESS = { committer: undefined, committerLeaf: undefined, counter: 0n, resolves: [], adds: [], removes: [] }
const founding: EpochFacts = {
  ...COMMITLESS,
  id: ROOT,
  parent: undefined,
  epoch: 0n,
  updates: [],
  settings: undefined,
  confirmationTag: '00',
  roster: MEMBERS.map((instance, leafIndex) => ({ instance, identity: instance, leafIndex })),
}

/** A child of the founding epoch, which bob began. */
function child(name: string, counter: bigint): EpochFacts {
  return {
    ...founding,
    id: dmlsEpoch(name),
    parent: ROOT,
    epoch: 1n,
    committer: BOB,
    committerLeaf: 1,
    counter,
    updates: [BOB],
    confirmationTag: name,
    roster: undefined as never,
  }
}

class Writing {
  readonly store = new MemoryStore()
  readonly packs = new WitnessPacks(GROUP_ID)
  dag = Dag.empty().insert(founding)

  /** How many records it took. */
  async hear(...messages: readonly Witness[]): Promise<number> {
    for (const message of messages) this.dag = this.dag.witness(message)
    const { operations, written } = this.packs.put(messages, this.dag)
    await this.store.write(operations)
    written()
    return operations.length
  }

  async readBack(epochs: readonly EpochFacts[] = []): Promise<Dag> {
    const { witnesses } = await WitnessPacks.load(this.store, GROUP_ID)
    const empty = epochs.reduce((dag, facts) => dag.insert(facts), Dag.empty().insert(founding))
    return witnesses.reduce((dag, witness) => dag.witness(witness), empty)
  }
}

test('a thousand senders are read from 125 records, and a message writes one of half a kilobyte', async () => {
  const writing = new Writing()
  for (const sender of MEMBERS) expect(await writing.hear({ sender, counter: 1n, epoch: ROOT })).toBe(1)
  let records = 0
  for await (const [, value] of writing.store.entries({ prefix: new Uint8Array(0) })) {
    records++
    expect(value.length).toBeLessThanOrEqual(512)
  }
  expect(records).toBe(125)
  expect(await writing.hear({ sender: ALICE, counter: 2n, epoch: ROOT })).toBe(1)
  expect([...(await writing.readBack()).witnesses()]).toEqual([...writing.dag.witnesses()])
})

test('whoever was read back keeps its place', async () => {
  const writing = new Writing()
  await writing.hear(...MEMBERS.slice(0, 20).map((sender) => ({ sender, counter: 1n, epoch: ROOT })))
  const { packs } = await WitnessPacks.load(writing.store, GROUP_ID)
  const dag = writing.dag.witness({ sender: ALICE, counter: 2n, epoch: ROOT })
  const { operations } = packs.put([{ sender: ALICE, counter: 2n, epoch: ROOT }], dag)
  await writing.store.write(operations)
  writing.dag = dag
  expect([...(await writing.readBack()).witnesses()]).toEqual([...dag.witnesses()])
})

test('a sender that used one counter on two branches is known for it after a restart', async () => {
  const writing = new Writing()
  const branches = [child('01', 1n), child('02', 2n)]
  for (const facts of branches) writing.dag = writing.dag.insert(facts)
  for (const { id } of branches) await writing.hear({ sender: ALICE, counter: 7n, epoch: id })
  const again = await writing.readBack(branches)
  expect(again.equivocation(ALICE)).toEqual({ sender: ALICE, counter: 7n, epochs: branches.map(({ id }) => id) })
})

test('they are not read back when a record is missing', async () => {
  const writing = new Writing()
  await writing.hear(...MEMBERS.slice(0, 20).map((sender) => ({ sender, counter: 1n, epoch: ROOT })))
  const key = groupRecordKey(GROUP_ID, 'witness', sequenceKey(0))
  await writing.store.write([{ type: 'delete', key }])
  await expect(writing.readBack()).rejects.toThrow(expect.objectContaining({ code: 'store_incomplete' }))
})
