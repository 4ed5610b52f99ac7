/** Clients that change what their group agrees on, and what they are told when only one of two changes stands. */
import { toHex } from '@dmls/crypto'
import { type AdminRule, DEFAULT_GROUP_POLICY, DMLS_POLICY_EXTENSION } from '@dmls/dmls'
import { afterEach, describe, expect, test } from 'vitest'
import type { DmlsClientOptions, GroupEvent } from '../src/api.ts'
import { agree, createGroupOf, createHub, createPerson, eventsOf, groupOf, type Person, until } from './harness.ts'

const open: Person[] = []
type Three = [Person, Person, Person]

async function people(hub: ReturnType<typeof createHub>, options: Partial<DmlsClientOptions> = {}): Promise<Three> {
  const created = await Promise.all(
    ['alice', 'bob', 'carol'].map((name) => createPerson(hub, name, undefined, options)),
  )
  open.push(...created)
  return created as Three
}

afterEach(async () => {
  for (const person of open.splice(0)) await person.client.close()
})

function policies(persons: readonly Person[]): unknown[] {
  return persons.map((person) => groupOf(person).policy())
}

describe('the settings of a group', () => {
  test('are changed by their fields, and everybody has them', async () => {
    const three = await people(createHub())
    await createGroupOf(three)
    const [alice, bob] = three
    expect(groupOf(bob).policy()).toEqual(DEFAULT_GROUP_POLICY)
    await groupOf(alice).changeSettings({ policy: { externalCommits: 'allowed' } })
    await until(() => agree(three), 'the change')
    const retention = { ...DEFAULT_GROUP_POLICY.retention, epochsMax: 64 }
    await groupOf(bob).changeSettings({ policy: { retention } })
    await until(() => agree(three) && groupOf(alice).policy().retention.epochsMax === 64, 'the second change')
    const wanted = { ...DEFAULT_GROUP_POLICY, externalCommits: 'allowed', retention }
    expect(policies(three)).toEqual([wanted, wanted, wanted])
  })

  test('hold the extensions of RFC 9420 beside the policy, and a change leaves the others alone', async () => {
    const three = await people(createHub())
    await createGroupOf(three)
    const [alice, bob] = three
    // required_capabilities that demand nothing: three empty lists
    const nothing = { extensionType: 3, extensionData: new Uint8Array(3) }
    await groupOf(alice).changeSettings({ extensions: [nothing], policy: { externalCommits: 'allowed' } })
    await until(() => agree(three), 'the change')
    await groupOf(bob).changeSettings({ extensions: [nothing] })
    await until(() => agree(three), 'the same again')
    expect(groupOf(alice).policy().externalCommits).toBe('allowed')
  })

  test('are refused by a typed error when nobody could follow them, and stay as they are', async () => {
    const three = await people(createHub())
    await createGroupOf(three)
    const group = groupOf(three[0])
    const head = group.head
    const policy = { extensionType: DMLS_POLICY_EXTENSION, extensionData: new Uint8Array(1) }
    const unknown = { extensionType: 0xf0ff, extensionData: new Uint8Array(1) }
    for (const [change, code] of [
      [{ policy: { forkChoice: { kind: 'draft' } } }, 'fork_choice_changed'],
      [{ policy: { admin: { kind: 'application' } } }, 'unsupported_policy'],
      [{ extensions: [policy] }, 'policy_by_extension'],
      [{ extensions: [unknown] }, 'capability_missing'],
    ] as const) {
      await expect(group.changeSettings(change)).rejects.toMatchObject({ code })
    }
    expect(group.head).toBe(head)
    expect(group.policy()).toEqual(DEFAULT_GROUP_POLICY)
  })

  test('of the winning side stand after a fork, and everybody is told whose change was left out, and which', async () => {
    const hub = createHub()
    // carol merges when she is asked to, and nobody before that
    const three = await people(hub, { timing: { mergeQuiescenceMs: 1e9 } })
    await createGroupOf(three)
    const [alice, bob, carol] = three
    hub.partition([['alice'], ['bob', 'carol']])
    const retention = { ...DEFAULT_GROUP_POLICY.retention, epochsMax: 64 }
    await groupOf(alice).changeSettings({ policy: { externalCommits: 'allowed' } })
    await groupOf(bob).changeSettings({ policy: { retention } })
    await until(() => groupOf(bob).head === groupOf(carol).head, 'the change of bob')
    // two voices against one
    await groupOf(carol).update()
    const lost = groupOf(alice).head
    hub.heal()
    await until(() => three.every((person) => groupOf(person).openHeads().length === 2), 'the fork')
    await groupOf(carol).update()
    await until(() => agree(three), 'one head')
    for (const person of three) {
      expect(groupOf(person).policy()).toEqual({ ...DEFAULT_GROUP_POLICY, retention })
      const [merged] = eventsOf(person, 'merged')
      expect(merged).toMatchObject({ resolved: [lost], came: [], went: [] })
      expect(merged?.overridden).toHaveLength(1)
      const [overridden] = merged?.overridden ?? []
      expect(overridden?.dmlsEpoch).toBe(lost)
      expect(toHex(overridden?.by?.identity ?? new Uint8Array(0))).toBe(toHex(alice.client.identity))
      expect(overridden?.extensions).toEqual([])
      // what alice had set; what she left as it was, and bob changed, is no matter
      expect(overridden?.policy).toEqual({ externalCommits: 'allowed' })
    }
  })
})

describe('a group that leaves the rights to its application', () => {
  /** Whoever began the group removes; everybody else invites one at a time. */
  const creators = new Set<string>()
  const adminRule: AdminRule = ({ actor, adds, removes, settings }) =>
    creators.has(actor.identity) || (removes.length === 0 && !settings && adds.length < 2)

  test('asks the same rule on both sides of a cut, and ends with what it allowed', async () => {
    const hub = createHub()
    const three = await people(hub, { adminRule })
    const dora = await createPerson(hub, 'dora', undefined, { adminRule })
    open.push(dora)
    const [alice, bob, carol] = three
    creators.add(toHex(alice.client.identity))
    await createGroupOf(three, { policy: { admin: { kind: 'application' } } })
    hub.partition([['alice'], ['bob', 'carol', 'dora']])
    await groupOf(alice).remove([carol.client.identity])
    await expect(groupOf(bob).remove([carol.client.identity])).rejects.toMatchObject({ code: 'not_allowed' })
    await groupOf(bob).add([await dora.client.createKeyPackage()])
    hub.heal()
    const remaining = [alice, bob, dora]
    await until(() => agree(remaining) && groupOf(alice).members().length === 3, 'one head')
    const names = groupOf(dora).members()
    expect(names.map(({ identity }) => toHex(identity)).sort()).toEqual(
      remaining.map(({ client }) => toHex(client.identity)).sort(),
    )
    const refused = (event: GroupEvent): boolean => event.type === 'refused'
    expect(remaining.flatMap(({ events }) => events.filter(refused))).toEqual([])
  }, 20_000)

  test('is neither begun nor opened by a client without a rule', async () => {
    const hub = createHub()
    const [alice] = await people(hub)
    const application = { policy: { admin: { kind: 'application' } } } as const
    await expect(alice.client.createGroup(application)).rejects.toMatchObject({ code: 'no_admin_rule' })
    expect(alice.client.groups()).toEqual([])
    const dora = await createPerson(hub, 'dora', undefined, { adminRule })
    await dora.client.createGroup(application)
    const store = dora.store.copy()
    await dora.client.close()
    await expect(createPerson(hub, 'dora', store)).rejects.toMatchObject({ blame: 'missing', code: 'no_admin_rule' })
    open.push(await createPerson(hub, 'dora', store, { adminRule }))
  })
})
