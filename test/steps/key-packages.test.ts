/** Key packages of those who were added: kept as long as a merge may have to add them again, and no longer. */
import { type DmlsEpoch, nextCommit, type RetentionPolicy, retire } from '@dmls/dmls'
import { keyPackageBytes } from '@dmls/mls'
import { describe, expect, test } from 'vitest'
import type { Actor } from '../scenarios/actor.ts'
import { forgeCommit } from '../scenarios/forge.ts'
import { actors, commitTo, groupOf } from '../scenarios/story.ts'

const HOUR_MS = 3_600_000
const RETENTION: RetentionPolicy = {
  retained: { kind: 'age', ageMs: HOUR_MS },
  readable: { kind: 'age', ageMs: HOUR_MS },
  epochsMax: 1024,
  sizeMaxBytes: 1 << 26,
}
/** Bytes that take a few key packages. */
const SMALL = 2000

/** Deletes what is over after some hours. */
function wait(person: Actor, hours: number): void {
  person.nowMs += hours * HOUR_MS
  person.retire()
}

/** Whose key packages somebody keeps. */
function kept(by: Actor, people: readonly Actor[]): string[] {
  return people.filter(({ self }) => by.state.keyPackages.has(self)).map(({ name }) => name)
}

describe('the key package of somebody who was added', () => {
  test('is kept while a commit can be made that does not know of it, and gone with the last epoch of that kind', async () => {
    const [alice, bob, carol] = (await actors(['alice', 'bob', 'carol'])) as [Actor, Actor, Actor]
    await groupOf([alice, bob], { retention: RETENTION })
    await commitTo(alice, { add: [await carol.keyPackage()] }, [bob], [carol])
    wait(alice, 0)
    expect(kept(alice, [bob, carol])).toEqual(['bob', 'carol'])
    await alice.commit()
    wait(alice, 2)
    expect(alice.state.keyPackages.size).toBe(0)
  })

  test('is used by the merge, which invites the same instance into the branch that lacks it', async () => {
    const [alice, bob, carol, dora] = (await actors(['alice', 'bob', 'carol', 'dora'])) as [Actor, Actor, Actor, Actor]
    await groupOf([alice, bob], { retention: RETENTION })
    const sides = [
      await commitTo(alice, { add: [await carol.keyPackage()] }, [], [carol]),
      await commitTo(bob, { add: [await dora.keyPackage()] }, [], [dora]),
    ]
    const invited = [carol.self, dora.self].sort()
    // what is older than the fork is over, the fork is not
    await alice.receive((sides[1] as (typeof sides)[1]).wire)
    wait(alice, 2)
    const { plan } = nextCommit(alice.state)
    expect(plan?.add).toHaveLength(1)
    const merge = await alice.commit()
    expect([...alice.state.dag.roster(merge.epoch).keys()].filter((each) => invited.includes(each)).sort()).toEqual(
      invited,
    )
    wait(alice, 2)
    expect(alice.state.keyPackages.size).toBe(0)
  })

  test('is gone at once with whoever was removed, for a removal always holds', async () => {
    const [alice, bob, carol] = (await actors(['alice', 'bob', 'carol'])) as [Actor, Actor, Actor]
    await groupOf([alice, bob], { retention: RETENTION })
    await commitTo(alice, { add: [await carol.keyPackage()] }, [bob], [carol])
    const { self } = carol
    await commitTo(alice, { remove: [self] }, [bob])
    expect(alice.state.keyPackages.has(self)).toBe(true)
    wait(alice, 0)
    expect(alice.state.keyPackages.has(self)).toBe(false)
    // not so an epoch: the one before carol came is still there for those who are late
    expect(alice.state.epochs.size).toBeGreaterThan(2)
  })

  test('is kept when it came with a branch that the caps took, up to the bytes of the policy; whoever brought most loses first (scenario 1)', async () => {
    const [alice, bob, mallory, carol] = (await actors(['alice', 'bob', 'mallory', 'carol'])) as [
      Actor,
      Actor,
      Actor,
      Actor,
    ]
    const strangers = await actors(Array.from({ length: 12 }, (_, i) => `stranger ${i}`))
    await groupOf([alice, bob, mallory], { retention: { ...RETENTION, sizeMaxBytes: SMALL } })
    const origin: DmlsEpoch = alice.head
    const invitation = await bob.commit({ add: [await carol.keyPackage()] })
    await alice.receive(invitation.wire)
    for (const [i, stranger] of strangers.entries()) {
      const proposals = [{ proposalType: 'add' as const, keyPackage: await stranger.keyPackage() }]
      const { wire } = await forgeCommit(mallory, { epoch: origin, data: { counter: BigInt(i + 1) }, proposals })
      await alice.receive(wire)
    }
    expect(alice.state.keyPackages.size).toBe(2 + 1 + 12)
    // room for the head alone, and as much again for key packages
    const step = retire(alice.state, { nowMs: alice.nowMs, sizeOf: () => SMALL })
    expect([...(step?.state.epochs.keys() ?? [])]).toEqual([alice.head])
    const stray = [...(step?.state.keyPackages.values() ?? [])]
    expect(stray.length).toBeGreaterThan(0)
    expect(stray.reduce((sum, each) => sum + keyPackageBytes(each).length, 0)).toBeLessThanOrEqual(SMALL)
    const [carols] = invitation.welcome?.recipients ?? []
    expect(stray).toContainEqual(carols)
    // what cannot be done any more is left undone, and the rest goes on
    const after = step?.state as typeof alice.state
    const { plan } = nextCommit(after)
    expect((plan?.add ?? []).every(({ instance }) => after.keyPackages.has(instance))).toBe(true)
    expect(after.dag.unresolvedHeads().length).toBeGreaterThan(1 + (plan?.resolves.length ?? 0))
  })
})
