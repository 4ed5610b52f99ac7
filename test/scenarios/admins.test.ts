/** Who may do what, when rights change on one side while they are used on the other (protocol §10). */
import { toHex } from '@dmls/crypto'
import { type AdminPolicy, DEFAULT_GROUP_POLICY, heldEpoch, policyAt, policyExtension } from '@dmls/dmls'
import { describe, expect, test } from 'vitest'
import type { Actor } from './actor.ts'
import { forgeCommit } from './forge.ts'
import { actors, groupOf, permutations, welcomeOf } from './story.ts'

type Five = [Actor, Actor, Actor, Actor, Actor]

function named(...people: readonly Actor[]): AdminPolicy {
  const identities = people.map(({ identity }) => toHex(identity.publicKey))
  return { kind: 'named', instances: [], identities, invitations: 'named' }
}

/** alice and bob are admins; carol and dora are members; erin is outside. */
async function ruled() {
  const people = (await actors(['alice', 'bob', 'carol', 'dora', 'erin'])) as Five
  const [alice, bob, carol, dora, erin] = people
  await groupOf([alice, bob, carol, dora], { admin: named(alice, bob) })
  return { people, alice, bob, carol, dora, erin }
}

function demotionTo(...people: readonly Actor[]) {
  return { settings: [policyExtension({ ...DEFAULT_GROUP_POLICY, admin: named(...people) })] }
}

describe('named admins', () => {
  test('a right that is used beside its withdrawal counts, for everyone, in every order: it was there where it was used', async () => {
    const { people, alice, bob, carol, dora, erin } = await ruled()
    const demotion = await alice.commit(demotionTo(alice))
    const use = await bob.commit({ add: [await erin.keyPackage()], remove: [dora.self] })
    const outcomes = new Set<string>()
    for (const order of permutations([demotion.wire, use.wire])) {
      const witness = await carol.copy('witness')
      expect(await witness.receive(...order)).toEqual(['commit', 'commit'])
      const merge = await witness.commit()
      outcomes.add(`${witness.membersAmong(people)} ${merge.parent}`)
    }
    expect(outcomes.size).toBe(1)
    expect([...outcomes][0]).toContain('alice,bob,carol,erin')
  })

  test('after the merge the settings of the winner hold, and the other change is reported', async () => {
    const { alice, bob, carol } = await ruled()
    const one = await alice.commit(demotionTo(alice))
    const other = await bob.commit(demotionTo(bob))
    await carol.receive(one.wire, other.wire)
    const merge = await carol.commit()
    const [winner, loser] = merge.parent === one.epoch ? [alice, other] : [bob, one]
    expect(merge.plan?.settingsOverridden.map(({ epoch }) => epoch)).toEqual([loser.epoch])
    expect(policyAt(carol.state, carol.head).admin).toEqual(named(winner))
  })

  test('a demoted admin may do nothing more on the branch that demoted it', async () => {
    const { alice, bob, carol, dora } = await ruled()
    const demotion = await alice.commit(demotionTo(alice))
    for (const person of [bob, carol, dora]) await person.receive(demotion.wire)
    await expect(bob.commit({ remove: [dora.self] })).rejects.toMatchObject({ code: 'not_allowed' })
    const leafIndex = bob.state.dag.roster(bob.head).get(dora.self)?.leafIndex as number
    const forged = await forgeCommit(bob, { proposals: [{ proposalType: 'remove', removed: leafIndex }] })
    expect(await carol.receive(forged.wire)).toEqual(['refused: not_allowed'])
  })

  test('going on from where it still had the right does not help a demoted admin: who was removed beside it stays out', async () => {
    const { people, alice, bob, carol, dora, erin } = await ruled()
    // alice removes bob; bob, who has not heard of it, invites erin with his right of that epoch
    const removal = await alice.commit({ remove: [bob.self] })
    const use = await bob.commit({ add: [await erin.keyPackage()] })
    await erin.welcome(welcomeOf(use))
    await carol.receive(use.wire, removal.wire)
    await carol.commit()
    expect(carol.membersAmong(people)).toEqual(['alice', 'carol', 'dora'])
    expect(dora.isIn).toBe(true)
  })

  test('anybody may merge and heal, and a merge carries out what admins decided', async () => {
    const { people, alice, bob, carol, dora } = await ruled()
    const removal = await alice.commit({ remove: [dora.self] })
    const update = await bob.commit()
    await carol.receive(removal.wire, update.wire)
    const merge = await carol.commit()
    await alice.receive(update.wire, merge.wire)
    await bob.receive(removal.wire, merge.wire)
    expect(new Set([alice.head, bob.head, carol.head]).size).toBe(1)
    expect(alice.membersAmong(people)).toEqual(['alice', 'bob', 'carol'])
    expect(heldEpoch(alice.state, alice.head).stage).toBe('open')
  })
})
