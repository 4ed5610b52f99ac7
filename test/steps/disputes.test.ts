/** A commit that one member refuses and others accept, because they know of different branches (protocol §8). */

import { toHex } from '@dmls/crypto'
import { type AdminPolicy, DEFAULT_GROUP_POLICY, isDispute, type RetentionPolicy } from '@dmls/dmls'
import { invalid, missing } from '@dmls/mls'
import { expect, test } from 'vitest'
import type { Actor } from '../scenarios/actor.ts'
import { actors, agreedHead, commitTo, groupOf, welcomeOf } from '../scenarios/story.ts'

const MINUTE = 60_000
/** Epochs are forgotten a minute after they were left. */
const SHORT: RetentionPolicy = {
  ...DEFAULT_GROUP_POLICY.retention,
  retained: { kind: 'age', ageMs: MINUTE },
  readable: { kind: 'age', ageMs: MINUTE },
}

type Five = [Actor, Actor, Actor, Actor, Actor]

/** erin, the admin, adds frank beside the others. It reaches dave too late; for him, bob's merge adds frank without any right. */
async function daveRefusesTheMerge() {
  const people = await actors(['alice', 'bob', 'charlie', 'dave', 'erin'])
  const [alice, bob, charlie, dave, erin] = people as Five
  const frank = (await actors(['frank']))[0] as Actor
  const identities = [toHex(erin.identity.publicKey)]
  const admin: AdminPolicy = { kind: 'named', instances: [], identities, invitations: 'named' }
  await groupOf([erin, alice, bob, charlie, dave], { retention: SHORT, admin })
  const aside = await erin.commit({ add: [await frank.keyPackage()] })
  const ahead = await commitTo(alice, {}, [bob, charlie, dave])
  dave.nowMs += 2 * MINUTE
  dave.retire()
  for (const person of [alice, bob, charlie]) await person.receive(aside.wire)
  expect(await dave.receive(aside.wire)).toEqual(['refused: beyond_horizon'])
  const merge = await bob.commit()
  expect([merge.parent, merge.resolved]).toEqual([ahead.epoch, [aside.epoch]])
  for (const person of [alice, charlie]) expect(await person.receive(merge.wire)).toEqual(['commit'])
  expect(await dave.receive(merge.wire)).toEqual(['refused: not_allowed'])
  return { alice, bob, charlie, dave, ahead }
}

test('whoever refused what the others accepted is brought back to where they are', async () => {
  const { alice, bob, charlie, dave, ahead } = await daveRefusesTheMerge()
  expect(await alice.hearRequest(await dave.askBack('out_of_reach'))).toBe('refused: rejoin_needless')
  const request = await dave.askBack('out_of_reach', undefined, new Set([ahead.epoch]))
  expect(await alice.hearRequest(request)).toBe('noted')
  for (const person of [bob, charlie]) await alice.receive(await person.say('here'))
  const answer = await alice.bringBack()
  for (const person of [bob, charlie]) await person.receive(answer.wire)
  expect(await dave.welcome(welcomeOf(answer))).toBe('joined')
  expect(agreedHead([alice, bob, charlie, dave])).toBe(answer.epoch)
})

test('a dispute is about what history decides, not about what is bad for everybody', () => {
  expect(isDispute(invalid('plan_unsatisfied', 'a merge that leaves out what we know to be due'))).toBe(true)
  expect(isDispute(invalid('bad_signature', 'anybody can send that'))).toBe(false)
  expect(isDispute(missing('unknown_head', 'that may still come'))).toBe(false)
  expect(isDispute(new Error('something else'))).toBe(false)
})
