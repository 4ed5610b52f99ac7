/** Who may do what, when rights change on one side while they are used on the other (protocol §10). */
import { toHex } from '@dmls/crypto'
import {
  type AdminPolicy,
  type AdminRule,
  DEFAULT_GROUP_POLICY,
  heldEpoch,
  policyAt,
  policyExtension,
} from '@dmls/dmls'
import { describe, expect, test } from 'vitest'
import { type Actor, fingerprint } from './actor.ts'
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

/** Whoever comes first in the order of identities may do everything, the others update and invite one at a time. */
const FIRST_RULES: AdminRule = ({ actor, adds, removes, settings }, { members }) => {
  const [first] = members.map(({ identity }) => identity).sort()
  return actor.identity === first || (removes.length === 0 && !settings && adds.length < 2)
}

/** Five people, the first of whom rules; erin is outside. */
async function ruledByApplication() {
  const people = (await actors(['alice', 'bob', 'carol', 'dora', 'erin'])) as Five
  for (const person of people) person.adminRule = FIRST_RULES
  const erin = people[4]
  const inside = [...people.slice(0, 4)] as [Actor, Actor, Actor, Actor]
  inside.sort((a, b) => (toHex(a.identity.publicKey) < toHex(b.identity.publicKey) ? -1 : 1))
  await groupOf(inside, { admin: { kind: 'application' } })
  const [ruler, bob, carol, dora] = inside
  return { people, ruler, bob, carol, dora, erin }
}

describe('a rule of the application', () => {
  test('is asked about the epoch in which something was done, and two sides answer alike in every order', async () => {
    const { people, ruler, bob, carol, dora, erin } = await ruledByApplication()
    const scenes: string[] = []
    const watched: AdminRule = (operation, scene) => {
      scenes.push(`${operation.actor.instance} ${scene.dmlsEpoch} ${scene.epoch} ${scene.members.length}`)
      return FIRST_RULES(operation, scene)
    }
    const origin = ruler.head
    const removal = await ruler.commit({ remove: [dora.self] })
    const invitation = await bob.commit({ add: [await erin.keyPackage()] })
    const outcomes = new Set<string>()
    for (const order of permutations([removal.wire, invitation.wire])) {
      const witness = await carol.copy('witness')
      witness.adminRule = watched
      scenes.length = 0
      expect(await witness.receive(...order)).toEqual(['commit', 'commit'])
      expect(scenes.sort()).toEqual([`${bob.self} ${origin} 1 4`, `${ruler.self} ${origin} 1 4`].sort())
      // the merge removes and adds, and needs nobody's right for what the plan demands
      const merge = await witness.commit()
      outcomes.add(`${witness.membersAmong(people)} ${merge.parent}`)
    }
    expect(outcomes.size).toBe(1)
    expect([...outcomes][0]).toContain(['erin', ...[ruler, bob, carol].map(({ name }) => name)].sort().join(','))
  })

  test('keeps a member from what it does not allow, and everybody from believing it: nothing changes', async () => {
    const { ruler, bob, carol, dora } = await ruledByApplication()
    await expect(bob.commit({ remove: [dora.self] })).rejects.toMatchObject({ code: 'not_allowed' })
    const leafIndex = bob.state.dag.roster(bob.head).get(dora.self)?.leafIndex as number
    const forged = await forgeCommit(bob, { proposals: [{ proposalType: 'remove', removed: leafIndex }] })
    for (const person of [ruler, carol]) {
      const before = fingerprint(person.state)
      expect(await person.receive(forged.wire)).toEqual(['refused: not_allowed'])
      expect(fingerprint(person.state)).toBe(before)
    }
    const extension = policyExtension({ ...DEFAULT_GROUP_POLICY, admin: named(bob) })
    const coup = await forgeCommit(bob, {
      proposals: [{ proposalType: 'group_context_extensions', extensions: [extension] }],
    })
    expect(await carol.receive(coup.wire)).toEqual(['refused: not_allowed'])
  })

  test('that fails refuses the commit by a typed error and changes nothing', async () => {
    const { ruler, bob, carol, erin } = await ruledByApplication()
    carol.adminRule = () => {
      throw new Error('a mistake of the application')
    }
    const made = await bob.commit({ add: [await erin.keyPackage()] })
    const before = fingerprint(carol.state)
    expect(await carol.receive(made.wire)).toEqual(['refused: admin_rule_failed'])
    expect(fingerprint(carol.state)).toBe(before)
    expect(await ruler.receive(made.wire)).toEqual(['commit'])
  })

  test('is needed to begin or to enter such a group, and its other settings can be changed', async () => {
    const { ruler, bob, erin } = await ruledByApplication()
    const made = await ruler.commit({ add: [await erin.keyPackage()] })
    erin.adminRule = undefined
    expect(await erin.welcome(welcomeOf(made))).toBe('refused: no_admin_rule')
    erin.adminRule = FIRST_RULES
    expect(await erin.welcome(welcomeOf(made))).toBe('joined')
    const [alone] = (await actors(['alone'])) as [Actor]
    await expect(alone.create({ admin: { kind: 'application' } })).rejects.toMatchObject({ code: 'no_admin_rule' })
    const open = { ...policyAt(ruler.state, ruler.head), externalCommits: 'allowed' as const }
    const changed = await ruler.commit({ settings: [policyExtension(open)] })
    expect(await bob.receive(made.wire, changed.wire)).toEqual(['commit', 'commit'])
    expect(policyAt(bob.state, bob.head)).toEqual(open)
  })
})
