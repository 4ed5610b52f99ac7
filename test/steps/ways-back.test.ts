/**
 * The way back into a group (protocol §7.6, §8) for whoever has several: requests that were made one after the other,
 * removals that were made one after the other, and Welcomes that come late.
 */
import { type CommitMade, isKnownTo, type RetentionPolicy } from '@dmls/dmls'
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
type Five = [Actor, Actor, Actor, Actor, Actor]

/**
 * alice and charlie go on while bob, beside them, invites dave; alice merges that, and erin does the same elsewhere. So
 * there are three Welcomes for one instance.
 */
async function daveIsInvitedThrice() {
  const [alice, bob, charlie, erin, dave] = (await actors(['alice', 'bob', 'charlie', 'erin', 'dave'])) as Five
  await groupOf([alice, bob, charlie, erin])
  const aside = await bob.commit({ add: [await dave.keyPackage()] })
  const ahead = await alice.commit()
  for (const person of [charlie, erin]) await person.receive(ahead.wire)
  const text = await charlie.say('we go on here')
  for (const person of [alice, erin]) await person.receive(text, aside.wire)
  const merge = await alice.commit()
  const rival = await erin.commit()
  for (const { parent, resolved } of [merge, rival]) expect([parent, resolved]).toEqual([ahead.epoch, [aside.epoch]])
  await charlie.receive(aside.wire, merge.wire)
  return { alice, charlie, erin, dave, aside, merge, rival }
}

/** The same, and dave follows alice's Welcome while the others are still on their way. */
async function daveFollowsOneOfThree() {
  const people = await daveIsInvitedThrice()
  expect(await people.dave.welcome(welcomeOf(people.merge))).toBe('joined')
  return people
}

/** Everybody's clock goes on, and everybody deletes what is due. */
function pass(people: readonly Actor[]): void {
  for (const person of people) person.nowMs += 2 * MINUTE
  for (const person of people) person.retire()
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
    const { alice, charlie, dave, aside } = await daveFollowsOneOfThree()
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
    const { alice, charlie, dave, aside } = await daveFollowsOneOfThree()
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

  test('follows the new one also after two old ones for the same instance', async () => {
    const { alice, charlie, dave, aside, rival } = await daveFollowsOneOfThree()
    await remove(dave, [alice, charlie])
    expect(await dave.welcome(welcomeOf(aside))).toBe('joined')
    // from one place where it is removed to another: that would be no way back
    expect(await dave.welcome(welcomeOf(rival))).toBe('refused: no_handover')
    const invitation = await inviteAgain(dave, [alice, charlie])
    expect(await dave.welcome(welcomeOf(invitation))).toBe('joined')
    expect(agreedHead([alice, charlie, dave])).toBe(invitation.epoch)
  })

  test('is a member like any other where a handover led it on, and follows the new one on the word of the next', async () => {
    const { alice, charlie, erin, dave, aside, merge, rival } = await daveFollowsOneOfThree()
    const removal = await remove(dave, [alice, charlie])
    expect(await dave.welcome(welcomeOf(aside))).toBe('joined')
    await dave.receive(...rival.handovers)
    expect(await dave.welcome(welcomeOf(rival))).toBe('joined')
    expect([dave.head, dave.state.removal]).toEqual([rival.epoch, undefined])
    const invitation = await inviteAgain(dave, [alice, charlie])
    // scenario 11: nobody takes a member away from the others by inviting it elsewhere
    expect(await dave.welcome(welcomeOf(invitation))).toBe('refused: no_handover')
    expect(dave.head).toBe(rival.epoch)

    await erin.receive(merge.wire, removal.wire, invitation.wire, await charlie.say('and on'))
    const last = await erin.commit()
    expect([last.parent, last.resolved]).toEqual([invitation.epoch, [rival.epoch]])
    // the Welcome waited for this
    await dave.receive(...last.handovers, last.wire)
    for (const person of [alice, charlie]) await person.receive(rival.wire, last.wire)
    expect(agreedHead([alice, charlie, erin, dave])).toBe(last.epoch)
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

describe('a member that a merge exchanges for another instance of itself', () => {
  /** Two sides invite dave, and a merge keeps the second; but its maker is removed beside that, and then the first stays. */
  async function daveIsExchangedInVain(follows: 'the first' | 'none yet' = 'the first') {
    const [alice, bob, charlie, dave] = (await actors(['alice', 'bob', 'charlie', 'dave'])) as People
    await groupOf([alice, bob, charlie])
    const [lower, higher] = await offersOf(dave)
    const ahead = await commitTo(alice, { add: [higher] }, [charlie], follows === 'the first' ? [dave] : [])
    const aside = await bob.commit({ add: [lower] })
    const word = await charlie.say('we go on here')
    const removal = await charlie.commit({ remove: [bob.self] })
    await alice.receive(word, aside.wire)
    const exchange = await alice.commit()
    expect([exchange.parent, exchange.resolved]).toEqual([ahead.epoch, [aside.epoch]])
    await charlie.receive(aside.wire, exchange.wire)
    const merge = await charlie.commit()
    expect([merge.parent, merge.resolved]).toEqual([removal.epoch, [exchange.epoch]])
    expect(await alice.receive(removal.wire, merge.wire)).toEqual(['commit', 'commit'])
    return { alice, charlie, dave, ahead, exchange, removal, merge }
  }

  test('is in again once a merge that knows more keeps it as what it was', async () => {
    const { alice, charlie, dave, exchange, removal, merge } = await daveIsExchangedInVain()
    const { self } = dave
    expect(await dave.receive(exchange.wire)).toEqual(['removed'])
    expect(dave.state.removal).toMatchObject({ exchanged: true, removes: [self] })
    await dave.receive(removal.wire)
    // nothing is decided yet
    expect(dave.state.removal).toBeDefined()
    await dave.receive(merge.wire)
    expect(dave.state.removal).toBeUndefined()
    expect(agreedHead([alice, charlie, dave])).toBe(merge.epoch)
    expect(await alice.receive(await dave.say('still here'))).toEqual(['application'])
  })

  test('is not out when it hears of the exchange after that', async () => {
    const { dave, ahead, exchange, removal, merge } = await daveIsExchangedInVain('none yet')
    // he comes in by the second invitation, and the handover leads him to the first
    expect(await dave.welcome(welcomeOf(exchange))).toBe('joined')
    await dave.receive(...merge.handovers)
    expect(await dave.welcome(welcomeOf(ahead))).toBe('joined')
    expect(await dave.receive(removal.wire, merge.wire)).toEqual(['commit', 'commit'])
    expect(await dave.receive(exchange.wire)).toEqual(['removed'])
    expect(dave.state.removal).toBeUndefined()
    expect(dave.head).toBe(merge.epoch)
  })

  test('is out all the same if that was no exchange, whatever else is merged', async () => {
    const [alice, bob, charlie, dave] = (await actors(['alice', 'bob', 'charlie', 'dave'])) as People
    await groupOf([alice, bob, charlie, dave])
    const removal = await alice.commit({ remove: [dave.self] })
    const aside = await charlie.commit()
    await commitTo(bob, {}, [dave])
    await bob.receive(aside.wire)
    await dave.receive(removal.wire, aside.wire)
    const merge = await commitTo(bob, {}, [dave])
    expect(merge.resolved).toHaveLength(1)
    expect(dave.head).toBe(merge.epoch)
    expect(dave.state.removal).toMatchObject({ exchanged: false, by: alice.self })
  })

  test('is out for good when somebody removed it beside that', async () => {
    const { charlie, dave, exchange, removal, merge } = await daveIsExchangedInVain()
    await dave.receive(exchange.wire, removal.wire)
    const decision = await charlie.commit({ remove: [dave.self] })
    await dave.receive(merge.wire, decision.wire)
    expect(dave.state.removal).toMatchObject({ exchanged: false, parent: merge.epoch })
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
      pass(here)
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

describe('a member that can follow nobody', () => {
  /** dave is away while the others go on, removing him or not, until they have forgotten where he stayed. */
  async function daveIsAway(does: 'removed' | 'kept') {
    const [alice, bob, charlie, dave] = (await actors(['alice', 'bob', 'charlie', 'dave'])) as People
    await groupOf([alice, bob, charlie, dave], { retention: SHORT })
    const here = [alice, bob, charlie] as const
    await commitTo(alice, does === 'removed' ? { remove: [dave.self] } : {}, here)
    pass(here)
    return { alice, bob, dave, here }
  }

  test('asks as whom it was invited, for nobody there can exchange what it is', async () => {
    const { alice, bob, dave, here } = await daveIsAway('removed')
    const invitation = await commitTo(bob, { add: [await dave.keyPackage()] }, here)
    const invited = await dave.invitationBy(welcomeOf(invitation))
    const request = await dave.askBack('out_of_reach')
    for (const person of here) expect(await person.hearRequest(request)).toBe('refused: rejoin_of_stranger')
    // an invitation alone moves nobody: it may be old
    expect(await dave.welcome(welcomeOf(invitation))).toBe('refused: no_handover')
    const again = await dave.askBack('out_of_reach', invited)
    for (const person of here) expect(await person.hearRequest(again)).toBe('noted')
    // whoever came since is nobody to him, and leaves the answer to others
    const [erin] = (await actors(['erin'])) as [Actor]
    await commitTo(bob, { add: [await erin.keyPackage()] }, here, [erin])
    expect([alice, bob, erin].map((person) => isKnownTo(person.state, again))).toEqual([true, true, false])
    const answer = await alice.bringBack()
    for (const person of here) if (person !== alice) await person.receive(answer.wire)
    expect(await dave.welcome(welcomeOf(answer))).toBe('joined')
    expect(dave.self).toBe(dave.instanceOf(again))
    expect(agreedHead([...here, dave])).toBe(answer.epoch)
    expect(await alice.receive(await dave.say('back'))).toEqual(['application'])
  })

  test('is brought back as whom it was invited also where it can process the commit that lets that one in', async () => {
    const [alice, bob, charlie, dave] = (await actors(['alice', 'bob', 'charlie', 'dave'])) as People
    await groupOf([alice, bob, charlie])
    const [lower, higher] = await offersOf(dave)
    const ahead = await commitTo(alice, { add: [higher] }, [charlie], [dave])
    const aside = await bob.commit({ add: [lower] })
    await alice.receive(await charlie.say('we go on here'), aside.wire)
    // the merge exchanges what he is for what the other side invited
    const merge = await alice.commit()
    expect([merge.parent, merge.resolved]).toEqual([ahead.epoch, [aside.epoch]])
    const request = await dave.askBack('out_of_reach', await dave.invitationBy(welcomeOf(merge)))
    expect(await alice.hearRequest(request)).toBe('noted')
    expect(await dave.welcome(welcomeOf(await alice.bringBack()))).toBe('joined')
    expect(agreedHead([alice, dave])).toBe(alice.head)
  })

  /** Two sides answer dave's request, each with the same instance; dave follows the one where nobody else stays. */
  async function daveIsAnsweredTwice() {
    const people = await actors(['alice', 'bob', 'charlie', 'dave', 'erin'])
    const [alice, bob, charlie, dave, erin] = people as [Actor, Actor, Actor, Actor, Actor]
    await groupOf([alice, bob, charlie, dave])
    const request = await dave.askBack('state_lost')
    for (const person of [alice, bob]) expect(await person.hearRequest(request)).toBe('noted')
    const lonely = await alice.bringBack()
    const answer = await bob.commit({ remove: [dave.self], add: [request, await erin.keyPackage()] })
    await charlie.receive(answer.wire)
    expect(await erin.welcome(welcomeOf(answer))).toBe('joined')
    expect(await dave.welcome(welcomeOf(lonely))).toBe('joined')
    expect(await bob.hearRequest(await dave.askBack('out_of_reach'))).toBe('refused: rejoin_unrelated')
    const invited = await dave.invitationBy(welcomeOf(answer))
    expect(invited).toEqual({ instance: dave.self, epoch: answer.epoch })
    return { bob, charlie, dave, erin, request: await dave.askBack('out_of_reach', invited) }
  }

  test('asks as what it is where that was invited to, too', async () => {
    const { bob, charlie, dave, request } = await daveIsAnsweredTwice()
    expect(await bob.hearRequest(request)).toBe('noted')
    const answer = await bob.bringBack()
    await charlie.receive(answer.wire)
    expect(await dave.welcome(welcomeOf(answer))).toBe('joined')
    expect(agreedHead([bob, charlie, dave])).toBe(answer.epoch)
  })

  test('follows no answer of somebody whom it does not know', async () => {
    const { dave, erin, request } = await daveIsAnsweredTwice()
    expect(await erin.hearRequest(request)).toBe('noted')
    const { head } = dave
    expect(await dave.welcome(welcomeOf(await erin.bringBack()))).toBe('refused: stranger_answers')
    expect(dave.head).toBe(head)
  })

  test('takes the answer to its request for one, and no invitation: the side with more members stays', async () => {
    const { alice, dave, here } = await daveIsAway('kept')
    for (const by of here) await commitTo(by, {}, here)
    // dave has gone much further, but alone
    for (let i = 0; i < 6; i += 1) await dave.commit()
    pass([dave])
    expect(await dave.hearRequest(await alice.askBack('out_of_reach'))).toBe('noted')
    const answer = await dave.bringBack()
    const { head } = alice
    expect(await alice.welcome(welcomeOf(answer))).toBe('refused: our_side_stays')
    expect(alice.head).toBe(head)
  })
})

test('whoever followed one of two merges is not moved to the other by what was said before', async () => {
  const { dave, aside, merge, rival } = await daveIsInvitedThrice()
  await dave.welcome(welcomeOf(aside))
  await dave.receive(...merge.handovers, ...rival.handovers)
  expect(dave.state.handovers.size).toBe(2)
  expect(await dave.welcome(welcomeOf(merge))).toBe('joined')
  expect(await dave.welcome(welcomeOf(rival))).toBe('refused: no_handover')
  expect(dave.head).toBe(merge.epoch)
})

describe('a newcomer of two sides that merged each other', () => {
  /**
   * Both invite dave and frank. charlie merges alice's side into his, where frank goes on by his invitation, and she, who
   * has gone on, his into hers, where all go on.
   */
  async function daveIsMergedTwice() {
    const people = await actors(['alice', 'bob', 'charlie', 'erin', 'dave', 'frank'])
    const [alice, bob, charlie, erin, dave, frank] = people as [...Five, Actor]
    await groupOf([alice, bob, charlie, erin])
    const [lower, higher] = await offersOf(dave)
    const [frankLower, frankHigher] = await offersOf(frank)
    const left = await alice.commit({ add: [lower, frankHigher] })
    const right = await charlie.commit({ add: [higher, frankLower] })
    await bob.receive(right.wire)
    await charlie.receive(await bob.say('we go on here'), left.wire)
    const swept = await charlie.commit()
    expect([swept.parent, swept.resolved]).toEqual([right.epoch, [left.epoch]])
    const further = await alice.commit()
    await erin.receive(left.wire, further.wire)
    await alice.receive(await erin.say('we go on there'), right.wire, swept.wire)
    const merge = await alice.commit()
    expect([merge.parent, merge.resolved]).toEqual([further.epoch, [swept.epoch]])
    return { alice, dave, left, right, swept, further, merge }
  }

  test('is not led back to what was merged since, whatever Welcome comes late', async () => {
    const { alice, dave, left, right, swept, further, merge } = await daveIsMergedTwice()
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

  test('gets to the merge also by a Welcome to what was merged, of which it did not know', async () => {
    const { alice, dave, left, right, swept, further, merge } = await daveIsMergedTwice()
    await dave.welcome(welcomeOf(left))
    await dave.receive(...swept.handovers, further.wire, merge.wire)
    const { self } = dave
    expect(dave.head).toBe(merge.epoch)
    // charlie's merge is handed over to, and alice's is not known to follow from it
    expect(await dave.welcome(welcomeOf(right))).toBe('joined')
    expect(dave.head).toBe(right.epoch)
    // there, he is exchanged for the instance that alice invited
    expect(await dave.receive(swept.wire)).toEqual(['removed'])
    expect(await dave.welcome(welcomeOf(swept))).toBe('joined')
    expect(agreedHead([alice, dave])).toBe(merge.epoch)
    expect([dave.self, dave.state.removal]).toEqual([self, undefined])
    expect(await alice.receive(await dave.say('here I am'))).toEqual(['application'])
  })

  test('gets to the merge also when it came while its reader was elsewhere', async () => {
    const { alice, dave, left, right, swept, further, merge } = await daveIsMergedTwice()
    await dave.welcome(welcomeOf(left))
    await dave.receive(...swept.handovers)
    expect(await dave.welcome(welcomeOf(right))).toBe('joined')
    expect(await dave.receive(further.wire, merge.wire)).toEqual(['commit', 'commit'])
    expect(dave.head).toBe(right.epoch)
    expect(await dave.receive(swept.wire)).toEqual(['removed'])
    expect(await dave.welcome(welcomeOf(swept))).toBe('joined')
    expect(agreedHead([alice, dave])).toBe(merge.epoch)
    expect(await alice.receive(await dave.say('here I am'))).toEqual(['application'])
  })
})
