/** What a group does by itself: it lets members go that ask for it, and forgets what it deleted. */
import { afterEach, expect, test } from 'vitest'
import { carry, handPair, onlyGroup, say } from './by-hand.ts'
import { agree, createGroupOf, createHub, createPerson, groupOf, type Person, until } from './harness.ts'

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
