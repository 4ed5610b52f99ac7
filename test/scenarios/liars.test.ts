/** Members that speak of forks which never were: invented heads, and handovers to nowhere (protocol §7.2, §7.6). */
import { toHex } from '@dmls/crypto'
import {
  type ApplicationContent,
  DEFAULT_GROUP_POLICY,
  type DmlsEpoch,
  dmlsEpoch,
  type GroupPolicy,
  identifierBytes,
  policyAt,
  policyExtension,
} from '@dmls/dmls'
import type { Proposal } from '@dmls/mls'
import { describe, expect, test } from 'vitest'
import { type Actor, fingerprint } from './actor.ts'
import { type Forgery, forgeCommit } from './forge.ts'
import { actors, agreedHead, commitTo, groupOf, welcomeOf } from './story.ts'

const DAY_MS = 24 * 3_600_000

const NOWHERE = dmlsEpoch('cd'.repeat(32))
const GHOST = { head: dmlsEpoch('ab'.repeat(32)), forkPoint: NOWHERE }

function ruledBy(...people: readonly Actor[]): GroupPolicy {
  const identities = people.map(({ identity }) => toHex(identity.publicKey))
  return { ...DEFAULT_GROUP_POLICY, admin: { kind: 'named', instances: [], identities, invitations: 'named' } }
}

/** alice made the group with bob; carol and mallory came together, and then erin. alice rules, or everybody does. */
async function infiltrated(rules: 'alice' | 'everybody' = 'alice') {
  const people = (await actors(['alice', 'bob', 'carol', 'mallory', 'erin'])) as [Actor, Actor, Actor, Actor, Actor]
  const [alice, bob, carol, mallory, erin] = people
  await groupOf([alice, bob], rules === 'alice' ? ruledBy(alice) : {})
  await commitTo(alice, { add: [await carol.keyPackage(), await mallory.keyPackage()] }, [bob], [carol, mallory])
  await commitTo(alice, { add: [await erin.keyPackage()] }, [bob, carol, mallory], [erin])
  return { people, alice, bob, carol, mallory, erin }
}

function removal(by: Actor, whom: Actor): Proposal {
  return { proposalType: 'remove', removed: by.state.dag.roster(by.head).get(whom.self)?.leafIndex as number }
}

/** Whoever hears it refuses it with this code, and nothing changes. */
async function refusedBy(people: readonly Actor[], wire: Uint8Array, code: string): Promise<void> {
  for (const person of people) {
    const before = fingerprint(person.state)
    expect([person.name, await person.receive(wire)]).toEqual([person.name, [`refused: ${code}`]])
    expect(fingerprint(person.state)).toBe(before)
  }
}

describe('an invented head', () => {
  test('scenario 17: takes nobody out: everyone who did not come after the liar refuses it, and so does the victim', async () => {
    const { people, alice, bob, carol, mallory } = await infiltrated()
    const plain = await forgeCommit(mallory, { proposals: [removal(mallory, carol)] })
    await refusedBy([alice, bob], plain.wire, 'not_allowed')
    const forged = await forgeCommit(mallory, { proposals: [removal(mallory, carol)], data: { resolves: [GHOST] } })
    await refusedBy([alice, bob, carol], forged.wire, 'bad_fork_point')
    expect(carol.state.removal).toBeUndefined()
    // the next honest commit lands, with the liar in it or not
    await commitTo(alice, { remove: [mallory.self] }, [bob, carol])
    expect(agreedHead([alice, bob, carol])).toBe(alice.head)
    expect(bob.membersAmong(people)).toEqual(['alice', 'bob', 'carol', 'erin'])
  })

  test('scenario 17: changes no settings, not even for those who cannot judge it: no plan demands that', async () => {
    const { alice, bob, carol, mallory, erin } = await infiltrated()
    const settings: Proposal = {
      proposalType: 'group_context_extensions',
      extensions: [policyExtension(ruledBy(mallory))],
    }
    const coup = await forgeCommit(mallory, { proposals: [settings], data: { resolves: [GHOST] } })
    await refusedBy([alice, bob, carol], coup.wire, 'bad_fork_point')
    await refusedBy([erin], coup.wire, 'not_allowed')
    expect(policyAt(erin.state, erin.head)).toEqual(ruledBy(alice))
  })

  test('scenario 17: is believed by those who came after the liar, until they have forgotten the epoch they came in', async () => {
    const { alice, bob, carol, mallory, erin } = await infiltrated()
    const lie = (): Promise<{ wire: Uint8Array }> =>
      forgeCommit(mallory, { proposals: [removal(mallory, carol)], data: { resolves: [GHOST] } })
    const forged = await lie()
    const misled = await erin.copy('misled')
    expect(await misled.receive(forged.wire)).toEqual(['commit'])
    // the group goes on: a week after its first child the first epoch is gone, and with it what lay before
    await commitTo(alice, {}, [bob, carol, mallory, erin])
    erin.nowMs += 8 * DAY_MS
    erin.retire()
    await refusedBy([erin], (await lie()).wire, 'bad_fork_point')
  })

  test('scenario 17: is seen through wherever it is said to have parted: beside the branch, after it, before its author came', async () => {
    const { alice, bob, carol, mallory, erin } = await infiltrated()
    const beforeMallory = alice.state.dag.parent(alice.state.dag.parent(alice.head) as DmlsEpoch) as DmlsEpoch
    const origin = alice.head
    const side = await bob.commit()
    const main = await commitTo(alice, {}, [bob, carol, mallory, erin])
    for (const person of [alice, carol, mallory, erin]) await person.receive(side.wire)
    const { head } = GHOST
    const lies: [readonly Actor[], Forgery][] = [
      // on another branch
      [[alice, bob, carol, erin], { epoch: main.epoch, data: { resolves: [{ head, forkPoint: side.epoch }] } }],
      // below the epoch in which it is said
      [[alice, bob, carol, erin], { epoch: origin, data: { resolves: [{ head, forkPoint: main.epoch }] } }],
      // where mallory was not
      [[alice, bob, carol], { epoch: main.epoch, data: { resolves: [{ head, forkPoint: beforeMallory }] } }],
      [[alice, bob, carol], { epoch: main.epoch, data: { resolves: [{ head, forkPoint: NOWHERE }] } }],
      // a head that there is, from where it did not part
      [
        [alice, bob, carol, erin],
        { epoch: main.epoch, data: { resolves: [{ head: side.epoch, forkPoint: main.epoch }] } },
      ],
      [
        [alice, bob, carol, erin],
        { epoch: main.epoch, data: { resolves: [{ head: side.epoch, forkPoint: NOWHERE }] } },
      ],
    ]
    for (const [judges, lie] of lies) await refusedBy(judges, (await forgeCommit(mallory, lie)).wire, 'bad_fork_point')
    const honest = { epoch: main.epoch, data: { resolves: [{ head: side.epoch, forkPoint: origin }] } }
    const { wire } = await forgeCommit(mallory, honest)
    for (const person of [alice, bob, carol, erin]) expect(await person.receive(wire)).toEqual(['commit'])
  })
})

describe('an honest merge of what parted before a member came', () => {
  /** bob invites frank; alice, who has not heard of it, invites erin, and carol is with her. bob moves to them. */
  async function parted() {
    const people = await actors(['alice', 'bob', 'carol', 'erin', 'frank'])
    const [alice, bob, carol, erin, frank] = people as [Actor, Actor, Actor, Actor, Actor]
    await groupOf([alice, bob, carol], ruledBy(alice, bob))
    const far = await bob.commit({ add: [await frank.keyPackage()] })
    await frank.welcome(welcomeOf(far))
    const near = await commitTo(alice, { add: [await erin.keyPackage()] }, [carol, bob], [erin])
    const word = await carol.say('here')
    for (const person of [alice, bob, erin]) await person.receive(word)
    expect(agreedHead([alice, bob, carol, erin])).toBe(near.epoch)
    return { people, alice, bob, carol, erin, frank, far, near }
  }

  test('scenario 31: is believed by the newcomer, with what it demands, whoever of the older ones makes it', async () => {
    const { people, alice, bob, carol, erin, far, near } = await parted()
    for (const merger of [alice, bob, carol]) {
      const [author, newcomer] = [await merger.copy('author'), await erin.copy(`newcomer of ${merger.name}`)]
      await author.receive(far.wire)
      const merge = await author.commit()
      expect(merge).toMatchObject({ parent: near.epoch, resolved: [far.epoch] })
      expect(await newcomer.receive(merge.wire)).toEqual(['commit'])
      expect(newcomer.membersAmong(people)).toEqual(['alice', 'bob', 'carol', 'erin', 'frank'])
    }
  })

  test('scenario 31: is believed also when nobody starts anything more in the epoch that the newcomer came in', async () => {
    const { people, alice, bob, carol, erin, far, near } = await parted()
    const own = await commitTo(erin, {}, [alice, bob, carol])
    for (const person of [alice, bob, carol]) await erin.receive(await person.say('hello'))
    erin.retire()
    expect(erin.state.epochs.get(near.epoch)?.stage).toBe('readable')
    await carol.receive(far.wire)
    const merge = await carol.commit()
    expect(merge).toMatchObject({ parent: own.epoch, resolved: [far.epoch] })
    expect(await erin.receive(merge.wire)).toEqual(['commit'])
    expect(erin.membersAmong(people)).toEqual(['alice', 'bob', 'carol', 'erin', 'frank'])
  })

  test('scenario 31: is believed of whoever a merge has taken in again, and of whoever came back, about what parted since', async () => {
    const { people, alice, bob, carol, erin, frank, far } = await parted()
    // frank, whom bob had invited beside this branch, enters by the merge; bob asks to be replaced, and is
    for (const person of [alice, carol]) await person.receive(far.wire)
    const merge = await commitTo(alice, {}, [erin, carol, bob])
    await frank.receive(...merge.handovers)
    expect(await frank.welcome(welcomeOf(merge))).toBe('joined')
    const request = await bob.askBack('state_lost')
    expect(await carol.hearRequest(request)).toBe('noted')
    const exchange = await carol.bringBack()
    for (const person of [alice, erin, frank]) await person.receive(exchange.wire)
    expect(await bob.welcome(welcomeOf(exchange))).toBe('joined')
    // erin parts from the others, with whom is grace now
    const [grace] = (await actors(['grace'])) as [Actor]
    const side = await erin.commit()
    const main = await commitTo(alice, { add: [await grace.keyPackage()] }, [carol, bob, frank], [grace])
    const word = await carol.say('here')
    for (const person of [bob, frank, grace]) await person.receive(word)
    for (const merger of [frank, bob]) {
      expect(await merger.receive(side.wire)).toEqual(['commit'])
      const merge = await (await merger.copy('author')).commit()
      expect(merge).toMatchObject({ parent: main.epoch, resolved: [side.epoch] })
      expect(await (await grace.copy(`newcomer of ${merger.name}`)).receive(merge.wire)).toEqual(['commit'])
    }
    expect(bob.membersAmong([...people, grace])).toEqual(['alice', 'bob', 'carol', 'erin', 'frank', 'grace'])
  })
})

describe('a lying handover', () => {
  const said = (lie: Partial<Extract<ApplicationContent, { kind: 'handover' }>>): ApplicationContent => ({
    kind: 'handover',
    resolvedBy: new Uint8Array(32).fill(8),
    forkPoint: identifierBytes(NOWHERE),
    heads: [],
    entrances: [],
    gone: [],
    ...lie,
  })

  /** mallory removes others on a branch of its own, and invites them there with their own key packages. */
  async function privateBranch(mallory: Actor, victims: readonly Actor[]) {
    const invited = await Promise.all(victims.map((person) => person.keyPackage()))
    const inPrivate = await mallory.copy('in private')
    await inPrivate.commit({ remove: victims.map(({ self }) => self) })
    return inPrivate.commit({ add: invited })
  }

  test('scenario 11: leads nobody into a private branch who did not come after the liar, wherever it says that they part', async () => {
    const { alice, bob, carol, mallory } = await infiltrated('everybody')
    const origin = alice.head
    const victims = [alice, bob, carol]
    const made = await privateBranch(mallory, victims)
    for (const forkPoint of [NOWHERE, ...alice.state.dag.epochs().map(({ id }) => id)]) {
      const lie = await mallory.send(
        said({ resolvedBy: identifierBytes(made.epoch), forkPoint: identifierBytes(forkPoint) }),
      )
      for (const victim of victims) {
        expect(await victim.receive(lie)).toEqual(['application'])
        expect(await victim.welcome(welcomeOf(made))).toMatch(/^refused: (no_handover|can_judge)$/)
        expect(victim.head).toBe(origin)
      }
    }
  })

  test('scenario 11: tells nobody that it is out who did not come after the liar', async () => {
    const { people, alice, bob, carol, mallory } = await infiltrated()
    for (const victim of [alice, bob, carol]) {
      const lie = await mallory.send(said({ gone: [identifierBytes(victim.self)] }))
      expect(await victim.receive(lie)).toEqual(['application'])
      expect(victim.state.removal).toBeUndefined()
      expect(victim.state.handovers.size).toBe(0)
      expect((await (await victim.copy('later')).commit()).parent).toBe(alice.head)
    }
    expect(bob.membersAmong(people)).toEqual(['alice', 'bob', 'carol', 'erin', 'mallory'])
  })

  test('scenario 11: is believed by those who came after the liar, until they have forgotten the epoch they came in', async () => {
    const { alice, bob, carol, mallory, erin } = await infiltrated()
    const gone = (): Promise<Uint8Array> => mallory.send(said({ gone: [identifierBytes(erin.self)] }))
    const misled = await erin.copy('misled')
    await misled.receive(await gone())
    expect(misled.state.removal).toMatchObject({ by: mallory.self })
    await commitTo(alice, {}, [bob, carol, mallory, erin])
    erin.nowMs += 8 * DAY_MS
    erin.retire()
    expect(await erin.receive(await gone())).toEqual(['application'])
    expect(erin.state.removal).toBeUndefined()
  })

  test('scenario 32: takes away no honest one about the same epochs', async () => {
    const { people, alice, bob, carol, mallory, erin } = await infiltrated('everybody')
    const [frank] = (await actors(['frank'])) as [Actor]
    const lost = await mallory.commit({ add: [await frank.keyPackage()] })
    await frank.welcome(welcomeOf(lost))
    const won = await commitTo(alice, {}, [bob, carol, erin])
    for (const person of [bob, carol, erin]) await alice.receive(await person.say('here'))
    await alice.receive(lost.wire)
    const merge = await alice.commit()
    expect(merge).toMatchObject({ parent: won.epoch, resolved: [lost.epoch] })
    // as if frank had been where they part
    const [resolvedBy, forkPoint] = [identifierBytes(merge.epoch), identifierBytes(lost.epoch)]
    const lie = await mallory.send(said({ resolvedBy, forkPoint }))
    await frank.receive(...merge.handovers, lie)
    expect(await frank.welcome(welcomeOf(merge))).toBe('joined')
    expect(frank.head).toBe(merge.epoch)
    expect(frank.membersAmong([...people, frank])).toContain('frank')
  })
})
