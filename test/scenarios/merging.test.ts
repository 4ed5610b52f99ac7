/** Newcomers on the losing side, and merges that cross (protocol §7.6): scenarios 10, 11, 31, 32 and 34. */
import { type ApplicationContent, identifierBytes, needsHealing } from '@dmls/dmls'
import { describe, expect, test } from 'vitest'
import type { Actor } from './actor.ts'
import { actors, agreedHead, groupOf, welcomeOf } from './story.ts'

type Five = [Actor, Actor, Actor, Actor, Actor]

/** alice and bob found a group; on one side alice invites carol, on the other bob invites dora. Nobody knows of both. */
async function bothSidesInvite() {
  const people = (await actors(['alice', 'bob', 'carol', 'dora', 'erin'])) as Five
  const [alice, bob, carol, dora, erin] = people
  await groupOf([alice, bob, erin])
  const left = await alice.commit({ add: [await carol.keyPackage()] })
  await carol.welcome(welcomeOf(left))
  const right = await bob.commit({ add: [await dora.keyPackage()] })
  await dora.welcome(welcomeOf(right))
  return { people, alice, bob, carol, dora, erin, left, right }
}

describe('a newcomer of the losing branch', () => {
  test('scenario 10: ends up in the merged group by a Welcome to the key package that it was invited with', async () => {
    const { people, alice, bob, carol, dora, erin, left, right } = await bothSidesInvite()
    // as which instances they were invited, before anything is merged
    const invited = [carol.self, dora.self]
    const places = [carol, dora].map((person) => person.head)
    await erin.receive(left.wire, right.wire)
    const merge = await erin.commit()
    for (const person of [alice, bob, carol, dora]) {
      await person.receive(left.wire, right.wire, merge.wire, ...merge.handovers)
      if (merge.welcome !== undefined && [carol, dora].includes(person)) await person.welcome(welcomeOf(merge))
    }
    agreedHead(people)
    expect(erin.membersAmong(people)).toEqual(['alice', 'bob', 'carol', 'dora', 'erin'])
    expect([carol.self, dora.self]).toEqual(invited)
    expect([...erin.state.dag.roster(erin.head).keys()]).toEqual(expect.arrayContaining(invited))
    // one of the two was on the side that lost, and the merge is its second way in
    expect(merge.resolved).toHaveLength(1)
    expect(places).toContain(merge.resolved[0])
  })

  test('scenario 32: a Welcome that comes before its handover waits for it; without one it moves nobody', async () => {
    const { people, carol, dora, erin, left, right } = await bothSidesInvite()
    await erin.receive(left.wire, right.wire)
    const merge = await erin.commit()
    const loser = erin.state.dag.isAncestor(left.epoch, erin.head) ? dora : carol
    const head = loser.head
    expect(await loser.welcome(welcomeOf(merge))).toBe('refused: no_handover')
    expect(loser.head).toBe(head)
    // messages of its own branch go on being read meanwhile
    await loser.receive(merge.wire)
    expect(loser.head).toBe(head)
    await loser.receive(...merge.handovers)
    expect(loser.head).toBe(erin.head)
    expect(loser.waitingWelcomes).toEqual([])
    expect(loser.membersAmong(people)).toEqual(['alice', 'bob', 'carol', 'dora', 'erin'])
  })
})

describe('a private branch', () => {
  /** mallory removes everybody in private, and invites them there with their own key packages. */
  async function hijack(people: readonly Actor[], mallory: Actor) {
    const victims = people.filter((person) => person !== mallory)
    const invited = await Promise.all(victims.map((person) => person.keyPackage()))
    const hijacker = await mallory.copy('in private')
    await hijacker.commit({ remove: victims.map(({ self }) => self) })
    return hijacker.commit({ add: invited })
  }

  test('scenario 11: a Welcome into it moves nobody who is in the group', async () => {
    const people = (await actors(['alice', 'bob', 'mallory'])) as [Actor, Actor, Actor]
    const [alice, bob, mallory] = people
    await groupOf(people)
    const origin = alice.head
    const made = await hijack(people, mallory)
    for (const victim of [alice, bob]) {
      expect(await victim.welcome(welcomeOf(made))).toBe('refused: no_handover')
      expect(victim.head).toBe(origin)
    }
  })

  test('scenario 11: nor does a handover, if one was there when the branches parted', async () => {
    const people = (await actors(['alice', 'bob', 'mallory'])) as [Actor, Actor, Actor]
    const [alice, bob, mallory] = people
    await groupOf(people)
    const origin = alice.head
    const made = await hijack(people, mallory)
    const elsewhere = new Uint8Array(32).fill(9)
    const handover = (forkPoint: Uint8Array): ApplicationContent => ({
      kind: 'handover',
      resolvedBy: identifierBytes(made.epoch),
      forkPoint,
      heads: [identifierBytes(origin)],
      entrances: [],
      gone: [],
    })
    const honest = await mallory.send(handover(identifierBytes(origin)))
    for (const victim of [alice, bob]) {
      await victim.receive(honest)
      expect(await victim.welcome(welcomeOf(made))).toBe('refused: can_judge')
      expect(victim.head).toBe(origin)
    }
    // nothing lies before the beginning of the group: the founder sees through a lie about where they part
    const lie = await mallory.send(handover(elsewhere))
    await alice.receive(lie)
    expect(await alice.welcome(welcomeOf(made))).toBe('refused: can_judge')
    expect(alice.head).toBe(origin)
  })
})

describe('merges that cross', () => {
  test('scenario 31: everybody ends on one head, the newcomers of all branches too', async () => {
    const names = ['alice', 'bob', 'carol', 'ivan', 'judy', 'dora', 'erin', 'frank', 'grace', 'heidi'] as const
    const people = await actors(names)
    const who = Object.fromEntries(people.map((person) => [person.name, person])) as Record<
      (typeof names)[number],
      Actor
    >
    const { alice, bob, carol, ivan, judy, dora, erin, frank, grace, heidi } = who
    await groupOf([alice, bob, carol, ivan, judy])
    // three sides, each with a newcomer; ivan stands with alice and judy with bob
    const a = await alice.commit({ add: [await dora.keyPackage()] })
    await dora.welcome(welcomeOf(a))
    const b = await bob.commit({ add: [await erin.keyPackage()] })
    await erin.welcome(welcomeOf(b))
    const c = await carol.commit({ add: [await frank.keyPackage()] })
    await frank.welcome(welcomeOf(c))
    await ivan.receive(a.wire)
    const withAlice = await ivan.say('with alice')
    await judy.receive(b.wire)
    const withBob = await judy.say('with bob')
    // alice and bob each hear of the other side, and not who stands there: each resolves what the other builds on
    await alice.receive(withAlice, b.wire)
    const first = await alice.commit({ add: [await grace.keyPackage()] })
    await grace.welcome(welcomeOf(first))
    await bob.receive(withBob, a.wire)
    const second = await bob.commit({ add: [await heidi.keyPackage()] })
    await heidi.welcome(welcomeOf(second))
    expect([first.parent, first.resolved]).toEqual([a.epoch, [b.epoch]])
    expect([second.parent, second.resolved]).toEqual([b.epoch, [a.epoch]])

    const commits = [a, b, c, first, second]
    const wires = [...commits.flatMap((made) => [made.wire, ...made.handovers]), withAlice, withBob]
    const welcomes = commits.map(welcomeOf)
    await carol.receive(...wires)
    expect(carol.state.dag.unresolvedHeads()).toEqual([c.epoch, first.epoch, second.epoch].sort())
    const last = await carol.commit()
    wires.push(last.wire, ...last.handovers)
    if (last.welcome !== undefined) welcomes.push(last.welcome.message)
    for (const person of people) {
      for (const welcome of welcomes) await person.welcome(welcome)
      await person.receive(...wires)
    }
    expect(carol.membersAmong(people)).toHaveLength(names.length)
    expect(agreedHead(people)).toBe(last.epoch)
  })
})

describe('a resolved branch', () => {
  test('scenario 34: does not win again, however many members turn out to have spoken on it', async () => {
    const people = await actors(['alice', 'bob', 'carol', 'dora', 'erin', 'frank', 'grace'])
    const [alice, bob, carol, dora, erin, frank, grace] = people as [Actor, Actor, Actor, Actor, Actor, Actor, Actor]
    await groupOf(people)
    const left = await alice.commit()
    const right = await bob.commit()
    await grace.receive(left.wire)
    const onLeft = await grace.say('grace is on the left')
    // carol, dora, erin and frank stand on the right, and alice does not hear them: two voices against one
    const onRight: Uint8Array[] = []
    for (const person of [carol, dora, erin, frank]) {
      await person.receive(right.wire)
      onRight.push(await person.say(`${person.name} is on the right`))
    }
    await alice.receive(onLeft, right.wire)
    const merge = await alice.commit()
    expect([merge.parent, merge.resolved]).toEqual([left.epoch, [right.epoch]])
    // whoever hears all of them and not the merge is on the right: five voices against two
    const witness = await frank.copy('without the merge')
    await witness.receive(left.wire, onLeft, ...onRight)
    expect(witness.head).toBe(right.epoch)
    for (const person of people) {
      await person.receive(left.wire, right.wire, merge.wire, onLeft, ...onRight)
      expect(person.head).toBe(merge.epoch)
      expect(person.state.dag.unresolvedHeads()).toEqual([merge.epoch])
    }
    expect(alice.texts).toHaveLength(5)
  })

  test('scenario 34: a late child of it opens the fork again, and nothing that the merge did is lost', async () => {
    const people = (await actors(['alice', 'bob', 'carol', 'dora', 'erin'])) as Five
    const [alice, bob, carol, dora, erin] = people
    await groupOf([alice, bob, carol, dora])
    const left = await alice.commit({ remove: [dora.self] })
    const right = await bob.commit({ add: [await erin.keyPackage()] })
    await erin.welcome(welcomeOf(right))
    await carol.receive(right.wire)
    await alice.receive(right.wire)
    const merge = await alice.commit()
    const late = await carol.commit()
    expect(merge.resolved).toContain(late.parent)
    for (const person of [bob, carol]) await person.receive(left.wire, right.wire, merge.wire, late.wire)
    await alice.receive(late.wire)
    expect(alice.state.dag.unresolvedHeads()).toHaveLength(2)
    expect(new Set([alice.head, bob.head, carol.head]).size).toBe(1)
    const again = await bob.commit()
    await alice.receive(again.wire)
    await carol.receive(again.wire)
    expect(agreedHead([alice, bob, carol])).toBe(again.epoch)
    expect(bob.membersAmong(people)).toEqual(['alice', 'bob', 'carol', 'erin'])
  })
})

test('scenario 14: a member that healed on the losing branch is told to heal again, and one commit is enough', async () => {
  const people = (await actors(['alice', 'bob', 'carol', 'dora'])) as [Actor, Actor, Actor, Actor]
  const [alice, bob, carol, dora] = people
  await groupOf(people)
  const lost = await alice.commit()
  const won = await bob.commit()
  await carol.receive(won.wire)
  const text = await carol.say('with bob')
  await dora.receive(won.wire)
  const second = await dora.say('me too')
  for (const person of people) await person.receive(lost.wire, won.wire, text, second)
  expect(agreedHead(people)).toBe(won.epoch)
  const due = people.filter((person) => needsHealing(person.state.dag, person.head, person.self))
  expect(due.map(({ name }) => name)).toEqual(['alice'])
  const healed = await alice.commit()
  expect(healed.parent).toBe(won.epoch)
  for (const person of people) await person.receive(healed.wire)
  expect(people.some((person) => needsHealing(person.state.dag, person.head, person.self))).toBe(false)
})

test('scenario 18: a commit of our own that loses, and wins after a restart, is taken from what was stored', async () => {
  const people = await actors(['alice', 'bob', 'carol', 'dora', 'erin', 'frank'])
  const [alice, bob, ...others] = people as [Actor, Actor, ...Actor[]]
  await groupOf(people)
  const own = await alice.commit()
  const rival = await bob.commit()
  const texts: { own: Uint8Array[]; rival: Uint8Array[] } = { own: [], rival: [] }
  for (const [i, person] of others.entries()) {
    // one of them heard bob first, the others alice
    const side = i === 0 ? 'rival' : 'own'
    await person.receive(side === 'own' ? own.wire : rival.wire)
    texts[side].push(await person.say(side))
  }
  await alice.receive(rival.wire, ...texts.rival)
  expect(alice.head).toBe(rival.epoch)
  const restarted = await alice.copy('after a restart')
  await restarted.receive(...texts.own)
  expect(restarted.head).toBe(own.epoch)
  // her own commit comes back, and is no news
  expect(await restarted.receive(own.wire)).toEqual(['own'])
  const text = await restarted.say('still me')
  expect(await (others.at(-1) as Actor).receive(text)).toEqual(['application'])
})

test('scenario 19: a merge adds again whom another invited, although its own clock says that the invitation expired', async () => {
  const people = (await actors(['alice', 'bob', 'carol'])) as [Actor, Actor, Actor]
  const [alice, bob, carol] = people
  await groupOf([alice, bob])
  const invitation = await bob.commit({ add: [await carol.keyPackage()] })
  await carol.welcome(welcomeOf(invitation))
  await alice.commit({ remove: [] })
  alice.nowMs += 10 * 365 * 24 * 3600 * 1000
  await alice.receive(invitation.wire)
  const merge = await alice.commit()
  await bob.receive(merge.wire)
  expect(alice.membersAmong(people)).toEqual(['alice', 'bob', 'carol'])
  // whom it invites itself, it checks
  const dora = await actors(['dora']).then(([person]) => person as Actor)
  await expect(alice.commit({ add: [await dora.keyPackage()] })).rejects.toMatchObject({ code: 'expired' })
})
