import { toHex, utf8 } from '@dmls/crypto'
import { afterEach, describe, expect, test } from 'vitest'
import { MemoryStore } from '../src/memory-store.ts'
import { agree, createGroupOf, createHub, createPerson, groupOf, type Person, say, until } from './harness.ts'
import { contentsOf } from './stored.ts'

const open: Person[] = []

/** An error with which a closed client refuses. */
const CLOSED = { name: 'MlsError', blame: 'usage', code: 'client_closed' }

async function people(hub: ReturnType<typeof createHub>, ...names: string[]): Promise<Person[]> {
  const created = await Promise.all(names.map((name) => createPerson(hub, name)))
  open.push(...created)
  return created
}

afterEach(async () => {
  for (const person of open.splice(0)) await person.client.close()
})

function authenticators(persons: readonly Person[]): string[] {
  return [...new Set(persons.map((person) => toHex(groupOf(person).epochAuthenticator())))]
}

describe('a group of clients', () => {
  test('alice, bob and charlie form a group and read each other', async () => {
    const [alice, bob, charlie] = (await people(createHub(), 'alice', 'bob', 'charlie')) as [Person, Person, Person]
    await createGroupOf([alice, bob, charlie])
    await say(alice, 'hello')
    await say(bob, 'hi')
    await until(() => charlie.texts.length === 2 && alice.texts.length === 1, 'the messages')
    expect(charlie.texts).toEqual(['hello', 'hi'])
    expect(alice.texts).toEqual(['hi'])
    expect(authenticators([alice, bob, charlie])).toHaveLength(1)
  })

  test('two members who commit at the same time end on one head', async () => {
    const [alice, bob, charlie] = (await people(createHub(), 'alice', 'bob', 'charlie')) as [Person, Person, Person]
    await createGroupOf([alice, bob, charlie])
    await Promise.all([groupOf(alice).update(), groupOf(bob).update()])
    await until(() => agree([alice, bob, charlie]), 'one head')
    expect(authenticators([alice, bob, charlie])).toHaveLength(1)
  })

  test('after a partition the addition of one side and the removal of the other both hold', async () => {
    const hub = createHub()
    const everybody = await people(hub, 'alice', 'bob', 'charlie', 'dave', 'erin', 'frank')
    const [alice, bob, charlie, dave, erin, frank] = everybody as [Person, Person, Person, Person, Person, Person]
    await createGroupOf([alice, bob, charlie, dave, erin])
    hub.partition([
      ['alice', 'bob', 'frank'],
      ['charlie', 'dave', 'erin'],
    ])
    await groupOf(alice).add([await frank.client.createKeyPackage()])
    await until(() => agree([alice, bob, frank]), 'frank joined')
    await groupOf(charlie).remove([erin.client.identity])
    await groupOf(dave).update()
    await say(bob, 'on the left')
    await say(dave, 'on the right')
    await until(
      () => agree([charlie, dave]) && frank.texts.length === 1 && charlie.texts.length === 1,
      'both sides talk',
    )
    hub.heal()
    const remaining = [alice, bob, charlie, dave, frank]
    await until(() => agree(remaining), 'one head')
    expect(authenticators(remaining)).toHaveLength(1)
    const names = groupOf(alice)
      .members()
      .map((member) => toHex(member.identity))
    expect(names.sort()).toEqual(remaining.map((person) => toHex(person.client.identity)).sort())
    await say(frank, 'together again')
    await until(() => remaining.every((p) => p === frank || p.texts.includes('together again')), 'everybody reads it')
    expect(erin.texts).not.toContain('together again')
    expect(alice.texts).toContain('on the right')
  }, 30_000)

  test('a client that is opened again from its store goes on where it was', async () => {
    const hub = createHub()
    const [alice, bob] = (await people(hub, 'alice', 'bob')) as [Person, Person]
    await createGroupOf([alice, bob])
    await say(alice, 'before')
    await until(() => bob.texts.length === 1, 'the first message')
    const head = groupOf(bob).head
    const store = bob.store.copy()
    await bob.client.close()
    await groupOf(alice).update()
    await say(alice, 'while away')
    const again = await createPerson(hub, 'bob again', store)
    open.push(again)
    expect(groupOf(again).dag().has(head)).toBe(true)
    await until(() => again.texts.includes('while away'), 'the backfill')
    await say(again, 'back')
    await until(() => alice.texts.includes('back'), 'the answer')
  })

  test('scenario 28: two devices of alice are one identity with two leaves, and removing her removes both', async () => {
    const hub = createHub()
    const [bob, alice] = (await people(hub, 'bob', 'alice')) as [Person, Person]
    const store = new MemoryStore()
    await store.write([
      { type: 'put', key: utf8('identity'), value: (await alice.store.get(utf8('identity'))) as Uint8Array },
    ])
    const tablet = await createPerson(hub, 'the tablet of alice', store)
    open.push(tablet)
    await createGroupOf([bob, alice, tablet])
    const ofAlice = groupOf(tablet)
      .members()
      .filter(({ identity }) => toHex(identity) === toHex(alice.client.identity))
    expect(ofAlice).toHaveLength(2)
    await say(tablet, 'from the sofa')
    await until(() => alice.texts.includes('from the sofa'), 'the message')
    await groupOf(bob).remove([alice.client.identity])
    await until(() => [alice, tablet].every((device) => !groupOf(device).isMember), 'the removal')
    expect(groupOf(bob).members()).toHaveLength(1)
  })

  test('a Welcome is served until its recipient is heard', async () => {
    const hub = createHub()
    const [alice, bob] = (await people(hub, 'alice', 'bob')) as [Person, Person]
    await createGroupOf([alice, bob])
    const outgoing = async (): Promise<number> => {
      let count = 0
      for await (const _ of alice.store.entries({ prefix: utf8('o/') })) count++
      return count
    }
    expect(await outgoing()).toBe(1)
    await say(bob, 'here I am')
    await until(() => alice.texts.length === 1, 'the message')
    expect(await outgoing()).toBe(0)
  })
})

describe('a client that was closed', () => {
  test('begins no group, makes no key package and fetches none, and writes nothing', async () => {
    const hub = createHub()
    const [alice, bob] = (await people(hub, 'alice', 'bob')) as [Person, Person]
    await createGroupOf([alice], { policy: { externalCommits: 'allowed' } })
    const joinInfo = await groupOf(alice).createJoinInfo()
    const before = await contentsOf(bob.store)
    const { client } = bob
    const beingClosed = client.close()
    for (const call of [
      () => client.createGroup(),
      () => client.joinGroup(joinInfo),
      () => client.createKeyPackage(),
      () => client.fetchKeyPackage(alice.client.identity),
    ]) {
      await expect(call()).rejects.toMatchObject(CLOSED)
      await beingClosed
      await expect(call()).rejects.toMatchObject(CLOSED)
    }
    expect(client.groups()).toEqual([])
    expect(await contentsOf(bob.store)).toEqual(before)
  })

  test('has closed a group that was just beginning', async () => {
    const [alice] = (await people(createHub(), 'alice')) as [Person]
    const beginning = alice.client.createGroup()
    // it has begun when somebody else's turn would come
    await Promise.resolve()
    await alice.client.close()
    const group = await beginning
    expect(alice.client.groups()).toEqual([group])
    await expect(group.send(utf8('too late'))).rejects.toMatchObject({ blame: 'usage', code: 'group_closed' })
  })
})
