/** What a group does by itself: it lets members go that ask for it, and forgets what it deleted. */
import { toHex } from '@dmls/crypto'
import { DEFAULT_RETENTION } from '@dmls/dmls'
import { afterEach, expect, test } from 'vitest'
import { type Clock, StoreError } from '../src/ports.ts'
import { type GroupRecord, groupRecordPrefix } from '../src/store-keys.ts'
import { systemClock } from '../src/system-clock.ts'
import { carry, createHandPerson, handPair, listen, onlyGroup, say } from './by-hand.ts'
import { agree, createGroupOf, createHub, createPerson, groupOf, type Person, say as sayTo, until } from './harness.ts'
import { contentsOf } from './stored.ts'

/** Like no other delay. */
const QUIESCENCE_MS = 11

const open: { readonly client: { close(): Promise<void> } }[] = []

afterEach(async () => {
  for (const person of open.splice(0)) await person.client.close()
})

test('a member that asks to leave is removed by one of the others, and told', async () => {
  const hub = createHub()
  const people = (await Promise.all(['alice', 'bob', 'charlie'].map((name) => createPerson(hub, name)))) as [
    Person,
    Person,
    Person,
  ]
  open.push(...people)
  const [alice, bob, charlie] = people
  await createGroupOf(people)
  await groupOf(bob).leave()
  await until(() => groupOf(alice).members().length === 2, 'alice sees bob gone')
  await until(() => agree([alice, charlie]) && !groupOf(bob).isMember, 'bob is out')
  expect(bob.events.filter(({ type }) => type === 'removed')).toHaveLength(1)
  expect(
    groupOf(charlie)
      .members()
      .map(({ instance }) => instance),
  ).toEqual(
    groupOf(alice)
      .members()
      .map(({ instance }) => instance),
  )
})

test('the store is told to forget once secrets were deleted, and not before', async () => {
  const people = await handPair({ retentionIntervalMs: 5 })
  open.push(...people)
  const [alice, bob] = people
  await onlyGroup(alice).update()
  expect(alice.store.forgotten).toBe(0)
  // bob follows and speaks: nobody starts anything from the old epoch any more
  await carry(alice, bob)
  await say(bob, 'here I am')
  await carry(bob, alice)
  await until(() => alice.store.forgotten > 0, 'the old epoch is forgotten')
})

test('a member that asks to leave is left to those who may remove it, and nobody else tries', async () => {
  const hub = createHub()
  let duties = 0
  const clock: Clock = {
    nowMs: () => systemClock.nowMs(),
    schedule: (delayMs, task) => {
      if (delayMs === QUIESCENCE_MS) duties++
      return systemClock.schedule(delayMs, task)
    },
  }
  const timing = { mergeQuiescenceMs: QUIESCENCE_MS, mergeRankDelayMs: 0 }
  const alice = await createPerson(hub, 'alice')
  const bob = await createPerson(hub, 'bob', undefined, { clock, timing })
  const charlie = await createPerson(hub, 'charlie')
  open.push(alice, bob, charlie)
  const identities = [toHex(alice.client.identity)]
  const admin = { kind: 'named', instances: [], identities, invitations: 'named' } as const
  await createGroupOf([alice, bob, charlie], { policy: { admin } })
  hub.partition([['alice'], ['bob', 'charlie']])
  await groupOf(charlie).leave()
  await sayTo(charlie, 'let me go')
  await until(() => bob.texts.length === 1, 'bob has heard of it')
  await new Promise((resolve) => setTimeout(resolve, 20 * QUIESCENCE_MS))
  expect(duties).toBe(0)
  hub.heal()
  await until(() => agree([alice, bob]) && groupOf(bob).members().length === 2, 'alice lets charlie go')
})

test('what fails is tried again, less and less often', async () => {
  const timing = { mergeQuiescenceMs: 4, resumeSyncMs: 1, resumeQuietMs: 1 }
  const people = await handPair(timing)
  open.push(...people)
  const [alice, bob] = people
  await onlyGroup(bob).leave()
  const [wish] = bob.delivery.take()
  const { store } = alice
  const full = (): never => {
    throw new StoreError('store_failed', 'no space is left')
  }
  if (wish !== undefined) await alice.delivery.hand(wish)
  store.onWrite = full
  const before = store.batches.length
  await new Promise((resolve) => setTimeout(resolve, 600))
  const attempts = store.batches.length - before
  expect(attempts).toBeGreaterThan(1)
  // 4, 8, 16, 32, 64, 128, 256 milliseconds and more
  expect(attempts).toBeLessThan(12)
  store.onWrite = () => undefined
  await until(() => onlyGroup(alice).members().length === 1, 'there is space again')
})

test('nothing is reported of a client that was closed', async () => {
  const timing = { cannotFollowAfterMs: 10 }
  const people = await handPair(timing)
  open.push(...people)
  const [alice, bob] = people
  await onlyGroup(alice).update()
  alice.delivery.take()
  await say(alice, 'further on')
  await carry(alice, bob)
  expect(bob.events.at(-1)).toMatchObject({ type: 'unknownEpoch' })
  await bob.client.close()
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(bob.events.at(-1)).toMatchObject({ type: 'unknownEpoch' })
  expect(bob.delivery.published).toEqual([])
})

test('a flood of epochs is cut to what the policy keeps at once, and leaves nothing in the store (scenario 1)', async () => {
  // nobody looks at the clock, and carol’s silence would keep every epoch
  const people = [await createHandPerson(), await createHandPerson(), await createHandPerson()] as const
  open.push(...people)
  const [alice, bob, carol] = people
  const retention = { ...DEFAULT_RETENTION, epochsMax: 2 }
  listen(alice, await alice.client.createGroup({ policy: { retention } }))
  const group = onlyGroup(alice)
  await group.add([await bob.client.createKeyPackage(), await carol.client.createKeyPackage()])
  await carry(alice, bob)
  const count = async (record: GroupRecord): Promise<number> =>
    (await contentsOf(bob.store, groupRecordPrefix(group.id, record))).size
  for (let i = 0; i < 8; i++) {
    await group.update()
    await carry(alice, bob)
  }
  // what is deleted is deleted between the steps
  await say(bob, 'enough')
  expect([await count('epoch'), await count('initKey'), await count('commit')]).toEqual([2, 2, 2])
  expect(onlyGroup(bob).dag().size).toBe(9)
})
