/** Who is out stays out, in whatever order the news comes (protocol §7): scenarios 7, 8 and 9. */
import { type InstanceId, isOrphaned, nextCommit } from '@dmls/dmls'
import { describe, expect, test } from 'vitest'
import type { Actor } from './actor.ts'
import { actors, groupOf, permutations, welcomeOf } from './story.ts'

/** What a member makes of everything it has received. */
function outcome(member: Actor): string {
  const { base, plan } = nextCommit(member.state)
  return JSON.stringify({ head: member.head, base, members: plan?.members, add: plan?.add, remove: plan?.remove })
}

/** Plays messages in every order to copies of one member, and returns the one outcome. */
async function inEveryOrder(member: Actor, wires: readonly Uint8Array[]): Promise<Actor> {
  let first: Actor | undefined
  for (const order of permutations(wires)) {
    const copy = await member.copy()
    await copy.receive(...order)
    expect(copy.waiting).toEqual([])
    first ??= copy
    expect(outcome(copy)).toBe(outcome(first))
  }
  return first as Actor
}

describe('a removed member', () => {
  test('scenario 7: whoever goes on committing from the epoch before its removal is out at the end, with all whom it added', async () => {
    const people = (await actors(['alice', 'bob', 'mallory', 'frank', 'grace'])) as [Actor, Actor, Actor, Actor, Actor]
    const [alice, bob, mallory, frank, grace] = people
    await groupOf([alice, bob, mallory])
    const removal = await bob.commit({ remove: [mallory.self] })
    const friend = await mallory.commit({ add: [await frank.keyPackage()] })
    await frank.welcome(welcomeOf(friend))
    const another = await frank.commit({ add: [await grace.keyPackage()] })
    const update = await mallory.commit()

    const wires = [removal.wire, friend.wire, another.wire, update.wire]
    const witness = await inEveryOrder(alice, wires)
    const merge = await witness.commit()
    expect(witness.membersAmong(people)).toEqual(['alice', 'bob'])
    await bob.receive(friend.wire, another.wire, update.wire, merge.wire, ...merge.handovers)
    expect(bob.head).toBe(witness.head)
    expect(bob.membersAmong(people)).toEqual(['alice', 'bob'])

    // and it may go on like this for as long as others still hold that epoch
    const late = await mallory.commit()
    await witness.receive(late.wire)
    await bob.receive(late.wire)
    expect(witness.membersAmong(people)).toEqual(['alice', 'bob'])
    expect(bob.head).toBe(witness.head)
    const last = await bob.commit()
    await witness.receive(last.wire)
    expect(witness.membersAmong(people)).toEqual(['alice', 'bob'])
    expect(witness.state.dag.unresolvedHeads()).toEqual([witness.head])
  })

  test('scenario 7: what a removed member says with its old keys is not heard', async () => {
    const [alice, bob, mallory] = (await actors(['alice', 'bob', 'mallory'])) as [Actor, Actor, Actor]
    await groupOf([alice, bob, mallory])
    const removal = await bob.commit({ remove: [mallory.self] })
    const text = await mallory.say('still here')
    await alice.receive(removal.wire)
    expect(await alice.receive(text)).toEqual(['refused: sender_removed'])
  })
})

describe('removals that cross', () => {
  for (const size of [2, 3]) {
    test(`scenario 8: a cycle of ${size} members who remove each other ends with all of them out, for everyone`, async () => {
      const people = await actors(['alice', 'bob', 'charlie', 'dave', 'erin'])
      await groupOf(people)
      const [dave, erin] = people.slice(3) as [Actor, Actor]
      const duellists = people.slice(0, size)
      const wires: Uint8Array[] = []
      for (const [i, member] of duellists.entries()) {
        const next = duellists[(i + 1) % size] as Actor
        wires.push((await member.commit({ remove: [next.self] })).wire)
      }
      const rest = ['alice', 'bob', 'charlie', 'dave', 'erin'].slice(size)
      const witness = await inEveryOrder(dave, wires)
      const merge = await witness.commit()
      expect(witness.membersAmong(people)).toEqual(rest)
      await erin.receive(merge.wire, ...wires)
      expect(erin.head).toBe(witness.head)
      // whoever was in the cycle learns of its removal when it hears of it
      for (const member of duellists) {
        await member.receive(...wires)
        expect(member.state.removal).toBeDefined()
      }
    })

    test(`scenario 8: a group in which all ${size} members remove each other is orphaned, and says so`, async () => {
      const people = await actors(['alice', 'bob', 'charlie'].slice(0, size))
      await groupOf(people)
      const wires: Uint8Array[] = []
      for (const [i, member] of people.entries()) {
        const next = people[(i + 1) % size] as Actor
        wires.push((await member.commit({ remove: [next.self] })).wire)
      }
      for (const member of people) {
        expect(isOrphaned(member.state)).toBe(false)
        await member.receive(...wires)
        expect(member.state.removal).toBeDefined()
        expect(isOrphaned(member.state)).toBe(true)
      }
    })
  }
})

describe('a removal beside a new invitation', () => {
  test('scenario 9: the old instance is out and the new one is in, whatever came first', async () => {
    const people = (await actors(['alice', 'bob', 'charlie', 'dave'])) as [Actor, Actor, Actor, Actor]
    const [alice, bob, charlie, dave] = people
    await groupOf(people)
    const old: InstanceId = bob.self
    // alice removes bob; beside it charlie removes him and invites him again
    const removal = await alice.commit({ remove: [old] })
    const secondRemoval = await charlie.commit({ remove: [old] })
    const keyPackage = await bob.keyPackage()
    const invitation = await charlie.commit({ add: [keyPackage] })
    const witness = await inEveryOrder(dave, [removal.wire, secondRemoval.wire, invitation.wire])
    const merge = await witness.commit()
    expect(witness.membersAmong(people)).toEqual(['alice', 'bob', 'charlie', 'dave'])
    const roster = witness.state.dag.roster(witness.head)
    expect(roster.has(old)).toBe(false)
    expect(roster.has(bob.instanceOf(keyPackage))).toBe(true)
    await alice.receive(secondRemoval.wire, invitation.wire, merge.wire)
    expect(alice.head).toBe(witness.head)
  })

  test('scenario 9: an instance that one side removed stays out, although the other side invited the very same one', async () => {
    const people = (await actors(['alice', 'bob', 'charlie', 'dave'])) as [Actor, Actor, Actor, Actor]
    const [alice, bob, charlie, dave] = people
    await groupOf([alice, charlie, dave])
    const keyPackage = await bob.keyPackage()
    const invitation = await alice.commit({ add: [keyPackage] })
    const sameInvitation = await charlie.commit({ add: [keyPackage] })
    const removal = await charlie.commit({ remove: [bob.instanceOf(keyPackage)] })
    const witness = await inEveryOrder(dave, [invitation.wire, sameInvitation.wire, removal.wire])
    await witness.commit()
    expect(witness.membersAmong(people)).toEqual(['alice', 'charlie', 'dave'])
  })
})
