/**
 * The way back into a group (protocol §7.6, §8) for whoever has several: requests that were made one after the other,
 * removals that were made one after the other, and Welcomes that come late.
 */
import type { CommitMade, RetentionPolicy } from '@dmls/dmls'
import type { KeyPackage } from '@dmls/mls'
import { describe, expect, test } from 'vitest'
import { type Actor, fingerprint } from '../scenarios/actor.ts'
import { actors, agreedHead, commitTo, groupOf, welcomeOf } from '../scenarios/story.ts'

const MINUTE = 60_000
/** Epochs are forgotten a minute after they were left. */
const SHORT: RetentionPolicy = {
  retained: { kind: 'age', ageMs: MINUTE },
  readable: { kind: 'age', ageMs: MINUTE },
  epochsMax: 64,
  sizeMaxBytes: 1 << 24,
}

type People = [Actor, Actor, Actor, Actor]

/**
 * alice and charlie go on while bob, beside them, invites dave; they merge, and invite dave into what goes on. He
 * follows their Welcome, and bob's is still on its way.
 */
async function daveIsInvitedTwice() {
  const [alice, bob, charlie, dave] = (await actors(['alice', 'bob', 'charlie', 'dave'])) as People
  await groupOf([alice, bob, charlie])
  const aside = await bob.commit({ add: [await dave.keyPackage()] })
  const ahead = await alice.commit()
  await charlie.receive(ahead.wire)
  await alice.receive(await charlie.say('we go on here'), aside.wire)
  const merge = await alice.commit()
  expect([merge.parent, merge.resolved]).toEqual([ahead.epoch, [aside.epoch]])
  await charlie.receive(aside.wire, merge.wire)
  expect(await dave.welcome(welcomeOf(merge))).toBe('joined')
  return { alice, charlie, dave, aside }
}

/** Two key packages, the one that names the lower instance first. */
async function offersOf(person: Actor): Promise<[KeyPackage, KeyPackage]> {
  const offers: [KeyPackage, KeyPackage] = [await person.keyPackage(), await person.keyPackage()]
  return offers.sort((a, b) => (person.instanceOf(a) < person.instanceOf(b) ? -1 : 1))
}

/** The two remove dave, who hears it. */
async function remove(dave: Actor, [by, other]: readonly [Actor, Actor]): Promise<CommitMade> {
  const removal = await by.commit({ remove: [dave.self] })
  await other.receive(removal.wire)
  expect(await dave.receive(removal.wire)).toEqual(['removed'])
  return removal
}

/** They invite him again, as a new instance; whether he follows is up to him. */
async function inviteAgain(dave: Actor, [by, other]: readonly [Actor, Actor]): Promise<CommitMade> {
  const invitation = await by.commit({ add: [await dave.keyPackage()] })
  await other.receive(invitation.wire)
  return invitation
}

describe('a removed member to whom an old Welcome comes', () => {
  test('follows the new one all the same, because the instance that the old one brings in is removed', async () => {
    const { alice, charlie, dave, aside } = await daveIsInvitedTwice()
    await remove(dave, [alice, charlie])
    // how should he know that it is old?
    expect(await dave.welcome(welcomeOf(aside))).toBe('joined')
    expect(dave.head).toBe(aside.epoch)
    expect(dave.state.removal).toBeUndefined()
    const invitation = await inviteAgain(dave, [alice, charlie])
    expect(await dave.welcome(welcomeOf(invitation))).toBe('joined')
    expect(agreedHead([alice, charlie, dave])).toBe(invitation.epoch)
    expect(await alice.receive(await dave.say('back'))).toEqual(['application'])
  })

  test('follows the new one also when the old one is for the instance that was removed before the last', async () => {
    const { alice, charlie, dave, aside } = await daveIsInvitedTwice()
    const first = dave.self
    await remove(dave, [alice, charlie])
    expect(await dave.welcome(welcomeOf(await inviteAgain(dave, [alice, charlie])))).toBe('joined')
    const second = dave.self
    await remove(dave, [alice, charlie])
    expect(await dave.welcome(welcomeOf(aside))).toBe('joined')
    expect(dave.self).toBe(first)
    expect(dave.state.overcome.map(({ removes }) => removes)).toEqual([[first], [second]])
    const invitation = await inviteAgain(dave, [alice, charlie])
    expect(await dave.welcome(welcomeOf(invitation))).toBe('joined')
    expect(agreedHead([alice, charlie, dave])).toBe(invitation.epoch)
  })

  test('is out again when the old one leads round to where it was removed, and follows the new one', async () => {
    const [alice, bob, charlie, dave] = (await actors(['alice', 'bob', 'charlie', 'dave'])) as People
    await groupOf([alice, bob, charlie])
    // both sides invite dave; the merge keeps the lower of the two instances
    const [lower, higher] = await offersOf(dave)
    const ahead = await alice.commit({ add: [lower] })
    await dave.welcome(welcomeOf(ahead))
    await charlie.receive(ahead.wire)
    const aside = await bob.commit({ add: [higher] })
    const further = await bob.commit()
    await alice.receive(await charlie.say('we go on here'), aside.wire, further.wire)
    await charlie.receive(aside.wire, further.wire)
    const merge = await alice.commit()
    expect([merge.parent, merge.resolved]).toEqual([ahead.epoch, [further.epoch]])
    await charlie.receive(merge.wire)
    // dave came after the fork, and takes the merge without the other branch
    expect(await dave.receive(merge.wire)).toEqual(['commit'])
    const first = dave.self
    await remove(dave, [alice, charlie])

    expect(await dave.welcome(welcomeOf(aside))).toBe('joined')
    expect([dave.head, dave.self]).toEqual([aside.epoch, dave.instanceOf(higher)])
    expect(dave.state.removal).toBeUndefined()
    // what leads on from there ends where it was removed
    expect(await dave.receive(further.wire)).toEqual(['commit'])
    expect([dave.head, dave.self]).toEqual([merge.epoch, first])
    expect(dave.state.removal).toMatchObject({ parent: merge.epoch, by: alice.self, removes: [first] })
    expect(dave.state.overcome).toEqual([])
    const invitation = await inviteAgain(dave, [alice, charlie])
    expect(await dave.welcome(welcomeOf(invitation))).toBe('joined')
    expect(agreedHead([alice, charlie, dave])).toBe(invitation.epoch)
  })
})

describe('a member that asked twice to come back', () => {
  /**
   * The others go on without dave and forget where he stayed. What he has is a backup: it cannot follow, and then it
   * hears what it never said.
   */
  async function daveIsRestored() {
    const [alice, bob, charlie, original] = (await actors(['alice', 'bob', 'charlie', 'dave'])) as People
    await groupOf([alice, bob, charlie, original], { retention: SHORT })
    const dave = await original.copy('restored')
    const unheard = await original.say('after the backup')
    const here = [alice, bob, charlie] as const
    for (const by of here) {
      await commitTo(by, {}, here)
      for (const person of here) person.nowMs += 2 * MINUTE
      for (const person of here) person.retire()
    }
    return { alice, bob, charlie, here, dave, unheard }
  }

  test('for two reasons, follows the answer to its first request', async () => {
    const { bob, here, dave, unheard } = await daveIsRestored()
    const first = await dave.askBack('out_of_reach')
    for (const person of here) expect(await person.hearRequest(first)).toBe('noted')
    const answer = await bob.bringBack()
    for (const person of here) if (person !== bob) await person.receive(answer.wire)
    expect(await dave.receive(unheard)).toEqual(['lost'])
    await dave.askBack('state_lost')

    expect(await dave.welcome(welcomeOf(answer))).toBe('joined')
    expect([dave.head, dave.self]).toEqual([answer.epoch, dave.instanceOf(first)])
    expect(dave.state).toMatchObject({ asked: undefined, isLost: false })
    expect(await bob.receive(await dave.say('as somebody new'))).toEqual(['application'])
  })

  test('for one reason, follows the answer to whichever request is answered', async () => {
    for (const answered of [0, 1] as const) {
      const { bob, dave, unheard } = await daveIsRestored()
      await dave.receive(unheard)
      const requests = [await dave.askBack('state_lost'), await dave.askBack('state_lost')] as const
      expect(await bob.hearRequest(requests[answered])).toBe('noted')
      const answer = await bob.bringBack()
      expect(await dave.welcome(welcomeOf(answer))).toBe('joined')
      expect([dave.head, dave.self]).toEqual([answer.epoch, dave.instanceOf(requests[answered])])
    }
  })
})

describe('a member that can follow nobody, and is out where the others are', () => {
  /** dave was away; meanwhile the others removed him, and invited him again. */
  async function daveIsInvitedAfresh() {
    const [alice, bob, charlie, dave] = (await actors(['alice', 'bob', 'charlie', 'dave'])) as People
    await groupOf([alice, bob, charlie, dave], { retention: SHORT })
    const here = [alice, bob, charlie] as const
    await commitTo(alice, { remove: [dave.self] }, here)
    for (const person of here) person.nowMs += 2 * MINUTE
    for (const person of here) person.retire()
    const invitation = await commitTo(bob, { add: [await dave.keyPackage()] }, here)
    return { alice, bob, charlie, dave, here, invitation }
  }

  test('goes there by an invitation, for nobody there can exchange what it is', async () => {
    const { alice, here, dave, invitation } = await daveIsInvitedAfresh()
    const { self } = dave
    const request = await dave.askBack('out_of_reach')
    for (const person of here) expect(await person.hearRequest(request)).toBe('refused: rejoin_of_stranger')
    expect(await dave.welcome(welcomeOf(invitation))).toBe('joined')
    expect(dave.self).not.toBe(self)
    expect(agreedHead([...here, dave])).toBe(invitation.epoch)
    expect(await alice.receive(await dave.say('back'))).toEqual(['application'])
  })

  test('goes nowhere as long as it does not know that it cannot follow', async () => {
    const { dave, invitation } = await daveIsInvitedAfresh()
    const { head } = dave
    expect(await dave.welcome(welcomeOf(invitation))).toBe('refused: no_handover')
    expect(dave.head).toBe(head)
  })
})

describe('a handover to a branch that was merged since', () => {
  test('leads nobody back there, whatever Welcome comes late', async () => {
    const people = await actors(['alice', 'bob', 'charlie', 'erin', 'dave'])
    const [alice, bob, charlie, erin, dave] = people as [Actor, Actor, Actor, Actor, Actor]
    await groupOf([alice, bob, charlie, erin])
    // both sides invite dave, and charlie merges alice's into his own
    const [lower, higher] = await offersOf(dave)
    const left = await alice.commit({ add: [lower] })
    const right = await charlie.commit({ add: [higher] })
    await bob.receive(right.wire)
    await charlie.receive(await bob.say('we go on here'), left.wire)
    const swept = await charlie.commit()
    expect([swept.parent, swept.resolved]).toEqual([right.epoch, [left.epoch]])
    // alice has gone on beside it, and merges that into hers
    const further = await alice.commit()
    await erin.receive(left.wire, further.wire)
    await alice.receive(await erin.say('we go on there'), right.wire, swept.wire)
    const merge = await alice.commit()
    expect([merge.parent, merge.resolved]).toEqual([further.epoch, [swept.epoch]])

    // dave enters by charlie's merge, is handed over to alice, and follows her to where all are
    await dave.welcome(welcomeOf(swept))
    await dave.receive(...merge.handovers)
    expect(await dave.welcome(welcomeOf(left))).toBe('joined')
    await dave.receive(...swept.handovers, further.wire, merge.wire)
    expect(dave.head).toBe(merge.epoch)
    expect([...dave.state.handovers.values()]).toContainEqual(
      expect.objectContaining({ saidIn: left.epoch, resolvedBy: swept.epoch, entrances: [right.epoch] }),
    )
    const before = fingerprint(dave.state)
    expect(await dave.welcome(welcomeOf(right))).toBe('refused: no_handover')
    expect(fingerprint(dave.state)).toBe(before)
    expect(agreedHead([alice, dave])).toBe(merge.epoch)
  })
})
