/**
 * What an application is told, with its contents, by a client whose messages are carried by hand. Whose settings a merge
 * left out is in `settings.test.ts`, evidence against two tongues in `evidence.test.ts`; coming back needs time and peers:
 * `test/scenarios/absence.test.ts`.
 */
import { toHex } from '@dmls/crypto'
import { DEFAULT_GROUP_POLICY, dmlsEpoch, NO_CHANGES, type RetentionPolicy } from '@dmls/dmls'
import { afterEach, describe, expect, test } from 'vitest'
import type { GroupEvent, Timing } from '../src/api.ts'
import { eventsOf } from '../src/group/events.ts'
import { MemoryStore } from '../src/memory-store.ts'
import { carry, createHandPerson, type HandPerson, listen, onlyGroup, say } from './by-hand.ts'
import { createSolo } from './solo.ts'

const open: HandPerson[] = []

async function people(count: number, timing: Partial<Timing> = {}): Promise<HandPerson[]> {
  const created: HandPerson[] = []
  for (let i = 0; i < count; i++) created.push(await createHandPerson(undefined, timing))
  open.push(...created)
  return created
}

afterEach(async () => {
  for (const person of open.splice(0)) await person.client.close()
})

/** The first of them begins a group and adds the others. */
async function group(members: readonly HandPerson[], retention?: RetentionPolicy): Promise<void> {
  const [creator, ...others] = members as [HandPerson, ...HandPerson[]]
  const policy = retention === undefined ? {} : { policy: { retention } }
  listen(creator, await creator.client.createGroup(policy))
  const keyPackages = await Promise.all(others.map(({ client }) => client.createKeyPackage()))
  await onlyGroup(creator).add(keyPackages)
  await carry(creator, ...others)
}

/** Everything of one type, once it has all been told. */
async function told<T extends GroupEvent['type']>(
  person: HandPerson,
  type: T,
): Promise<Extract<GroupEvent, { type: T }>[]> {
  await person.client.close()
  return person.events.filter((event): event is Extract<GroupEvent, { type: T }> => event.type === type)
}

function identityOf(person: HandPerson): string {
  return toHex(person.client.identity)
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 2000 && !condition(); i++) await new Promise((resolve) => setTimeout(resolve, 5))
  expect(condition()).toBe(true)
}

describe('an application is told', () => {
  test('of each new head, whose commit it is, and who came or went by it', async () => {
    const [alice, bob, carol] = (await people(3)) as [HandPerson, HandPerson, HandPerson]
    await group([alice, bob])
    const first = onlyGroup(bob).head
    await onlyGroup(alice).add([await carol.client.createKeyPackage()])
    await carry(alice, bob)
    const second = onlyGroup(bob).head
    expect(second).not.toBe(first)
    const [added] = bob.events.filter((event) => event.type === 'epochAdded')
    expect(added).toMatchObject({ dmlsEpoch: second, parent: first })
    expect(toHex(added?.committer?.identity ?? new Uint8Array(0))).toBe(identityOf(alice))
    const [changed] = bob.events.filter((event) => event.type === 'headChanged')
    expect(changed).toEqual({ type: 'headChanged', from: first, to: second, epoch: 2n })
    const [members] = await told(bob, 'membersChanged')
    expect(members?.added.map(({ identity }) => toHex(identity))).toEqual([identityOf(carol)])
    expect(members?.removed).toEqual([])
  })

  test('of a fork, and of the merge that ends it: who came, who went', async () => {
    const [alice, bob, carol, dora, erin] = (await people(5)) as [
      HandPerson,
      HandPerson,
      HandPerson,
      HandPerson,
      HandPerson,
    ]
    await group([alice, bob, carol, dora])
    const gone = onlyGroup(alice)
      .members()
      .find(({ identity }) => toHex(identity) === identityOf(dora))?.instance
    await onlyGroup(alice).add([await erin.client.createKeyPackage()])
    await onlyGroup(bob).remove([dora.client.identity])
    const sides = [onlyGroup(alice).head, onlyGroup(bob).head]
    await carry(alice, carol)
    const came = onlyGroup(carol)
      .members()
      .find(({ identity }) => toHex(identity) === identityOf(erin))?.instance
    await carry(bob, carol)
    expect(carol.events.find(({ type }) => type === 'forkOpened')).toEqual({
      type: 'forkOpened',
      heads: [...sides].sort(),
    })
    const base = onlyGroup(carol).head
    await onlyGroup(carol).update()
    const [merged, ...more] = await told(carol, 'merged')
    expect(more).toEqual([])
    // what there is to do depends on the side that was chosen: the other one's deed
    expect(merged).toEqual({
      type: 'merged',
      dmlsEpoch: onlyGroup(carol).head,
      resolved: sides.filter((head) => head !== base),
      came: base === sides[0] ? [] : [came],
      went: base === sides[0] ? [gone] : [],
      overridden: [],
    })
  })

  test('of a message on a losing branch (scenario 26): whose, in which epoch, and that it is on one', async () => {
    const [alice, bob, carol, dora] = (await people(4)) as [HandPerson, HandPerson, HandPerson, HandPerson]
    await group([alice, bob, carol, dora])
    await onlyGroup(alice).update()
    await onlyGroup(bob).update()
    const losing = onlyGroup(alice).head
    await say(alice, 'alone')
    await carry(alice, dora)
    await carry(bob, carol, dora)
    // two voices against one
    await say(carol, 'with bob')
    await carry(carol, dora)
    expect(onlyGroup(dora).head).toBe(onlyGroup(bob).head)
    await say(alice, 'still alone')
    await carry(alice, dora)
    const messages = await told(dora, 'message')
    expect(messages.map(({ message }) => [new TextDecoder().decode(message.data), message.branch])).toEqual([
      ['alone', 'chosen'],
      ['with bob', 'chosen'],
      ['still alone', 'losing'],
    ])
    const last = messages.at(-1)?.message
    expect(last?.dmlsEpoch).toBe(losing)
    expect(toHex(last?.sender.identity ?? new Uint8Array(0))).toBe(identityOf(alice))
  })

  test('of a fork that stays open, with its heads and for how long', async () => {
    const [alice, bob, carol] = (await people(3, { forkOpenTooLongMs: 40 })) as [HandPerson, HandPerson, HandPerson]
    await group([alice, bob, carol])
    await onlyGroup(alice).update()
    await onlyGroup(bob).update()
    await carry(alice, carol)
    await carry(bob, carol)
    await until(() => carol.events.some(({ type }) => type === 'forkOpenTooLong'))
    const heads = [onlyGroup(alice).head, onlyGroup(bob).head].sort()
    const [tooLong, ...more] = await told(carol, 'forkOpenTooLong')
    expect(tooLong).toMatchObject({ heads })
    // a timer may be a millisecond early by the clock
    expect(tooLong?.openMs).toBeGreaterThanOrEqual(35)
    // once for each fork
    expect(more).toEqual([])
    expect(await told(alice, 'forkOpenTooLong')).toEqual([])
  })

  test.each([
    ['can only be read', 1_000_000],
    ['is forgotten', 0],
  ])(
    'that a commit comes from beyond the horizon, where the epoch that it starts from %s',
    async (_what, readableMs) => {
      const retention: RetentionPolicy = {
        ...DEFAULT_GROUP_POLICY.retention,
        retained: { kind: 'age', ageMs: 0 },
        readable: { kind: 'age', ageMs: readableMs },
      }
      const [alice, bob, carol] = (await people(3, { retentionIntervalMs: 10 })) as [HandPerson, HandPerson, HandPerson]
      await group([alice, bob, carol], retention)
      const origin = onlyGroup(carol).head
      await onlyGroup(alice).update()
      await onlyGroup(bob).update()
      await carry(alice, carol)
      const head = onlyGroup(carol).head
      // its secrets are deleted, and the store is told to forget them
      await until(() => carol.store.forgotten > 0)
      await carry(bob, carol)
      expect(onlyGroup(carol).head).toBe(head)
      const said = await told(carol, 'beyondHorizon')
      expect(said).toEqual([{ type: 'beyondHorizon', dmlsEpoch: origin }])
      expect(carol.events.filter(({ type }) => type === 'refused')).toEqual([])
    },
  )

  test('that it was removed, and by whom', async () => {
    const [alice, bob] = (await people(2)) as [HandPerson, HandPerson]
    await group([alice, bob])
    await onlyGroup(alice).remove([bob.client.identity])
    await carry(alice, bob)
    expect(onlyGroup(bob).isMember).toBe(false)
    const [removed, ...more] = await told(bob, 'removed')
    expect(more).toEqual([])
    expect(toHex(removed?.by?.identity ?? new Uint8Array(0))).toBe(identityOf(alice))
  })
})

test('whoever was exchanged by a merge is told when another merge keeps it', async () => {
  const { running } = await createSolo(new MemoryStore())
  const state = running.current
  const removal = { parent: state.head, by: state.self, removes: [state.self], exchanged: true }
  const back = { type: 'rejoined', dmlsEpoch: state.head }
  expect(eventsOf({ ...state, removal }, state, NO_CHANGES)).toContainEqual(back)
  // one who enters anew is told by the step that does it
  const elsewhere = dmlsEpoch(new Uint8Array(32))
  expect(eventsOf({ ...state, removal, home: elsewhere }, state, NO_CHANGES)).not.toContainEqual(back)
  expect(eventsOf(state, state, NO_CHANGES)).toEqual([])
})
