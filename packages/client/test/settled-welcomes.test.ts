/** A Welcome that led into a group is done with: not kept, not verified again, not fetched again. */
import { afterEach, expect, test } from 'vitest'
import { MemoryStore } from '../src/memory-store.ts'
import { SettledWelcomes } from '../src/settled-welcomes.ts'
import { createHandPerson, type HandPerson, onlyGroup, told } from './by-hand.ts'
import { isWelcome } from './hand-delivery.ts'

const open: HandPerson[] = []

afterEach(() => told(...open.splice(0)))

test('of a Welcome that was used only the name is kept, and a restart does not use it again', async () => {
  const [alice, bob] = [await createHandPerson(), await createHandPerson()]
  open.push(alice, bob)
  const group = await alice.client.createGroup()
  await group.add([await bob.client.createKeyPackage()])
  const published = alice.delivery.take()
  for (const each of published) await bob.delivery.hand(each)
  expect(onlyGroup(bob).head).toBe(group.head)
  const welcome = published.find(isWelcome)
  if (welcome === undefined) throw new Error('nobody was welcomed')
  expect(await bob.delivery.served(welcome.topic)).toEqual([])
  expect(await bob.delivery.hand(welcome)).toBe('ignore')

  const again = await createHandPerson(bob.store.memory.copy())
  open.push(again)
  expect(onlyGroup(again).head).toBe(group.head)
  // nothing was tried, so nothing was written
  expect(again.store.batches).toEqual([])
  expect(await again.delivery.hand(welcome)).toBe('ignore')
})

test('only so many names are remembered, the latest, also across a restart', async () => {
  const store = new MemoryStore()
  const settled = await SettledWelcomes.open(store, 3)
  const ids = Array.from({ length: 5 }, (_, i) => `${i}`.repeat(64))
  for (const id of ids) {
    const { operations, written } = settled.add(id)
    await store.write(operations)
    expect(settled.has(id)).toBe(false)
    written()
  }
  const again = await SettledWelcomes.open(store, 3)
  for (const each of [settled, again]) {
    expect([...each.ids()]).toEqual(ids.slice(2))
    expect(ids.map((id) => each.has(id))).toEqual([false, false, true, true, true])
  }
  const late = 'f'.repeat(64)
  await store.write(again.add(late).operations)
  expect([...(await SettledWelcomes.open(store, 3)).ids()]).toEqual([...ids.slice(3), late])
})
