/** What a look at the caps counts, and what it costs. */
import { nodeProvider } from '@dmls/crypto/node'
import { DEFAULT_RETENTION, makeCommit } from '@dmls/dmls'
import { type KeyPackage, treeRecordLevel } from '@dmls/mls'
import { expect, test } from 'vitest'
import { Forgetting } from '../src/group/forgetting.ts'
import { MessageLedger } from '../src/group/message-ledger.ts'
import { TreePacks } from '../src/group/tree-packs.ts'
import { createIdentity } from '../src/identity.ts'
import { KeyPackages } from '../src/key-packages.ts'
import { MemoryStore } from '../src/memory-store.ts'
import { createSolo } from './solo.ts'
import { TurnedClock } from './turned-clock.ts'

/** alice’s group, which forgets an epoch as soon as there is another, and which she invites others to. */
async function setting(sizeMaxBytes: number) {
  const store = new MemoryStore()
  const depth = { kind: 'depth', epochs: 1 } as const
  const clock = new TurnedClock()
  const { context: solo, running } = await createSolo(store, {
    retention: { ...DEFAULT_RETENTION, retained: depth, readable: depth, sizeMaxBytes },
  })
  const context = { ...solo, clock }
  const ledger = await MessageLedger.open(context, running.current.groupId)
  const own = await KeyPackages.open(context)
  const forgetting = new Forgetting({ context, running, ledger, keyPackages: own })
  const invite = async (count: number): Promise<readonly KeyPackage[]> => {
    const add: KeyPackage[] = []
    while (add.length < count) {
      const { identity } = await createIdentity(nodeProvider.cipherSuite(1), context.random)
      const others = await KeyPackages.open({ ...context, identity, store: new MemoryStore() })
      add.push((await others.create()).bundle.keyPackage)
    }
    await running.apply(await makeCommit(running.current, { add }, running.services()))
    return add
  }
  return { store, clock, own, running, forgetting, invite }
}

test('key packages count as long as they are kept, and not after that', async () => {
  const { running: measured, invite: measure } = await setting(1 << 24)
  await measure(4)
  const headSize = measured.records.sizeOf(measured.current.head)

  const { running, forgetting, invite } = await setting(headSize + 100)
  await invite(4)
  expect(forgetting.isOverCaps).toBe(true)
  // with the epoch before goes the need to add anybody again
  expect(await forgetting.run()).toBe(true)
  expect([...running.current.epochs.keys()]).toEqual([running.current.head])
  expect(running.current.keyPackages.size).toBe(0)
  expect(forgetting.isOverCaps).toBe(false)
})

test('whoever invites more does not make the next look encode again what was invited before', async () => {
  const { running, forgetting, invite } = await setting(1 << 24)
  let encodings = 0
  for (const keyPackage of await invite(2)) {
    const { initKey } = keyPackage
    Object.defineProperty(keyPackage, 'initKey', {
      get: () => {
        encodings++
        return initKey
      },
    })
  }
  const costOfLook = (): number => {
    const before = encodings
    expect(forgetting.isOverCaps).toBe(false)
    return encodings - before
  }
  expect(costOfLook()).toBe(2)
  await invite(1)
  expect(running.current.keyPackages.size).toBe(3)
  expect(costOfLook()).toBe(0)
})

test('with an epoch go the leaves that only its tree had', async () => {
  const { store, running, forgetting, invite } = await setting(1 << 24)
  const { groupId } = running.current
  const storedLeaves = async (): Promise<number> => {
    const { nodes } = await TreePacks.load(store, groupId)
    return [...nodes.values()].filter((bytes) => treeRecordLevel(bytes) === 0).length
  }
  await invite(2)
  await running.apply(await makeCommit(running.current, {}, running.services()))
  // alice’s leaf is another in every epoch
  expect(await storedLeaves()).toBe(5)
  await forgetting.run()
  expect([...running.current.epochs.keys()]).toEqual([running.current.head])
  expect(await storedLeaves()).toBe(3)
})

test('that private keys went is said, so that the store forgets them, also when no epoch went', async () => {
  const { clock, own, forgetting } = await setting(1 << 24)
  await own.create()
  expect(await forgetting.run()).toBe(false)
  clock.passDays(91)
  expect(await forgetting.run()).toBe(true)
  expect(own.all()).toEqual([])
  expect(await forgetting.run()).toBe(false)
})
