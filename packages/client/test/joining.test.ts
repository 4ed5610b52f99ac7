/** Clients that let themselves into a group by an external commit (protocol §2). */
import { toHex, utf8 } from '@dmls/crypto'
import { decodeMlsMessage } from '@dmls/mls'
import { afterEach, describe, expect, test } from 'vitest'
import type { GroupEvent } from '../src/api.ts'
import { MemoryStore } from '../src/memory-store.ts'
import { carry, createHandPerson, onlyGroup, told } from './by-hand.ts'
import {
  agree,
  createGroupOf,
  createHub,
  createPerson,
  eventsOf,
  groupOf,
  listen,
  type Person,
  say,
  until,
} from './harness.ts'
import { contentsOf } from './stored.ts'

const open: Person[] = []
const OPEN_DOOR = { policy: { externalCommits: 'allowed' } } as const

async function people(hub: ReturnType<typeof createHub>, ...names: string[]): Promise<Person[]> {
  // nobody deletes an epoch while somebody is on its way in
  const timing = { retentionIntervalMs: 3_600_000 }
  const created = await Promise.all(names.map((name) => createPerson(hub, name, new MemoryStore(), { timing })))
  open.push(...created)
  return created
}

afterEach(async () => {
  for (const person of open.splice(0)) await person.client.close()
})

async function enter(person: Person, joinInfo: Uint8Array): Promise<void> {
  listen(person, await person.client.joinGroup(joinInfo))
}

test('whoever lets itself in tells the others at once', async () => {
  const [alice, dora] = [await createHandPerson(), await createHandPerson()]
  const group = await alice.client.createGroup(OPEN_DOOR)
  await dora.client.joinGroup(await group.createJoinInfo())
  expect(await carry(dora, alice)).toHaveLength(1)
  expect([group.head, group.members().length]).toEqual([onlyGroup(dora).head, 2])
  await told(alice, dora)
})

describe('a newcomer that lets itself in', () => {
  test('is a member for everybody, reads and is read', async () => {
    const everybody = await people(createHub(), 'alice', 'bob', 'dora')
    const [alice, bob, dora] = everybody as [Person, Person, Person]
    await createGroupOf([alice, bob], OPEN_DOOR)
    await enter(dora, await groupOf(bob).createJoinInfo())
    await until(() => agree(everybody), 'one head')
    expect(groupOf(alice).members()).toHaveLength(3)
    const [added] = eventsOf(alice, 'membersChanged').at(-1)?.added ?? []
    expect(toHex(added?.identity ?? new Uint8Array(0))).toBe(toHex(dora.client.identity))
    await say(dora, 'I let myself in')
    await say(alice, 'so I see')
    await until(() => alice.texts.length === 1 && dora.texts.length === 1, 'the messages')
    // and it takes part in what comes next
    await groupOf(dora).update()
    await until(() => agree(everybody), 'the update')
    expect(new Set(everybody.map((person) => toHex(groupOf(person).epochAuthenticator()))).size).toBe(1)
  })

  test('from an epoch that the others have left ends in the merged group by itself', async () => {
    const everybody = await people(createHub(), 'alice', 'bob', 'dora')
    const [alice, bob, dora] = everybody as [Person, Person, Person]
    await createGroupOf([alice, bob], OPEN_DOOR)
    const joinInfo = await groupOf(alice).createJoinInfo()
    await groupOf(bob).update()
    await until(() => agree([alice, bob]), 'the update')
    await groupOf(alice).update()
    await until(() => agree([alice, bob]), 'another update')
    await enter(dora, joinInfo)
    await until(() => agree(everybody) && groupOf(alice).members().length === 3, 'one head')
    await say(dora, 'late, and in')
    await until(() => bob.texts.length === 1, 'the message')
  })

  test('scenario 12: beside another one, and beside a commit of a member, ends in one group with both', async () => {
    const everybody = await people(createHub(), 'alice', 'bob', 'dora', 'erin')
    const [alice, bob, dora, erin] = everybody as [Person, Person, Person, Person]
    await createGroupOf([alice, bob], OPEN_DOOR)
    const joinInfo = await groupOf(alice).createJoinInfo()
    await Promise.all([enter(dora, joinInfo), enter(erin, joinInfo), groupOf(bob).update()])
    await until(() => agree(everybody) && groupOf(alice).members().length === 4, 'one head')
    await say(dora, 'dora is in')
    await say(erin, 'erin is in')
    await until(() => everybody.every(({ texts }) => texts.length > 0) && bob.texts.length === 2, 'the messages')
    const unfit = new Set(['plan_unsatisfied', 'not_allowed', 'bad_confirmation_tag'])
    for (const person of everybody) {
      expect(eventsOf(person, 'refused').filter(({ code }) => unfit.has(code))).toEqual([])
    }
  })

  test('scenario 12: with two devices at once keeps one leaf', async () => {
    const hub = createHub()
    const [alice, bob] = (await people(hub, 'alice', 'bob')) as [Person, Person]
    const timing = { askPeersDelayMs: 20, cannotFollowAfterMs: 200 }
    const dora = await createPerson(hub, 'dora', undefined, { timing })
    const store = new MemoryStore()
    const identity = (await dora.store.get(utf8('identity'))) as Uint8Array
    await store.write([{ type: 'put', key: utf8('identity'), value: identity }])
    const laptop = await createPerson(hub, 'the laptop of dora', store, { timing })
    open.push(dora, laptop)
    await createGroupOf([alice, bob], OPEN_DOOR)
    const joinInfo = await groupOf(alice).createJoinInfo()
    hub.partition([['alice', 'bob'], ['dora'], ['the laptop of dora']])
    await enter(dora, joinInfo)
    await enter(laptop, joinInfo)
    hub.heal()
    const kept = (): Person[] => [dora, laptop].filter((device) => agree([alice, bob, device]))
    await until(() => groupOf(alice).members().length === 3 && kept().length === 1, 'the device that is kept')
    // and the other one learns that it is out, or that the others are where it cannot follow
    const [other] = [dora, laptop].filter((device) => !kept().includes(device))
    await say(alice, 'who is there?')
    const isOut = (event: GroupEvent): boolean => event.type === 'removed' || event.type === 'cannotFollow'
    await until(() => other?.events.some(isOut) === true, 'the device that is not')
    const ofDora = groupOf(bob)
      .members()
      .filter(({ identity: who }) => toHex(who) === toHex(dora.client.identity))
    expect(ofDora).toHaveLength(1)
  })

  test('and dies before anybody heard of it is in once it is opened again', async () => {
    const hub = createHub()
    const [alice, bob, dora] = (await people(hub, 'alice', 'bob', 'dora')) as [Person, Person, Person]
    await createGroupOf([alice, bob], OPEN_DOOR)
    const joinInfo = await groupOf(alice).createJoinInfo()
    hub.partition([['alice', 'bob'], ['dora']])
    await enter(dora, joinInfo)
    const store = dora.store.copy()
    await dora.client.close()
    hub.heal()
    const again = await createPerson(hub, 'dora again', store)
    open.push(again)
    await until(() => agree([alice, bob, again]) && groupOf(alice).members().length === 3, 'one head')
    await say(alice, 'welcome')
    await until(() => again.texts.includes('welcome'), 'the message')
  })

  test('is refused by whoever the group does not allow it, and no group gives away how', async () => {
    const hub = createHub()
    const [alice, bob, dora] = (await people(hub, 'alice', 'bob', 'dora')) as [Person, Person, Person]
    await createGroupOf([alice, bob])
    await expect(groupOf(alice).createJoinInfo()).rejects.toMatchObject({ code: 'external_commits_refused' })
    await groupOf(alice).changeSettings(OPEN_DOOR)
    await until(() => agree([alice, bob]), 'the open door')
    const joinInfo = await groupOf(alice).createJoinInfo()
    await expect(bob.client.joinGroup(joinInfo)).rejects.toMatchObject({ code: 'group_exists' })
    await groupOf(bob).changeSettings({ policy: { externalCommits: 'refused' } })
    await until(() => agree([alice, bob]), 'the closed door')
    await expect(groupOf(alice).createJoinInfo()).rejects.toMatchObject({ code: 'external_commits_refused' })
    expect(dora.client.groups()).toEqual([])
  })

  test('enters once, however often it asks at the same time', async () => {
    const everybody = (await people(createHub(), 'alice', 'dora')) as [Person, Person]
    const [alice, dora] = everybody
    await createGroupOf([alice], OPEN_DOOR)
    const joinInfo = await groupOf(alice).createJoinInfo()
    const attempts = await Promise.allSettled([1, 2, 3].map(() => dora.client.joinGroup(joinInfo)))
    expect(attempts.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected'])
    expect(attempts[1]).toMatchObject({ reason: { code: 'group_exists' } })
    await until(() => agree(everybody) && groupOf(alice).members().length === 2, 'one head')
  })

  test('with bytes that are no good gets a typed error, and nothing is left of the attempt', async () => {
    const [alice, dora] = (await people(createHub(), 'alice', 'dora')) as [Person, Person]
    await createGroupOf([alice], OPEN_DOOR)
    const joinInfo = await groupOf(alice).createJoinInfo()
    const before = await contentsOf(dora.store)
    const bad = [
      new Uint8Array(0),
      joinInfo.slice(0, -1),
      new Uint8Array([...joinInfo, 0]),
      await alice.client.createKeyPackage(),
    ]
    // every part of it is under the signature or checked against what is
    for (let at = 4; at < joinInfo.length; at += 7) {
      const flipped = joinInfo.slice()
      flipped[at] = (flipped[at] as number) ^ 1
      bad.push(flipped)
    }
    for (const bytes of bad) {
      const blame = expect.stringMatching(/^(malformed|invalid|missing|usage)$/)
      await expect(dora.client.joinGroup(bytes)).rejects.toMatchObject({ name: 'MlsError', blame })
    }
    expect(await contentsOf(dora.store)).toEqual(before)
    expect(dora.client.groups()).toEqual([])
    expect(decodeMlsMessage(joinInfo).wireFormat).toBe('mls_group_info')
    await enter(dora, joinInfo)
    await until(() => agree([alice, dora]), 'the good bytes')
  })
})
