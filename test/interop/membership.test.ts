/** Creating, adding, joining, updating and removing, by each implementation (RFC 9420 §11, §12.1, §12.4). */
import { utf8 } from '@dmls/crypto'
import { describe, expect, test } from 'vitest'
import { Disagreement, IMPLEMENTATIONS, InteropGroup, memberOf } from './interop-group.ts'
import type { Framing, TreeDelivery } from './interop-member.ts'
import { newSigner, OurMember } from './our-member.ts'
import { four, other } from './people.ts'

const FRAMINGS: readonly Framing[] = ['public', 'private']
const TREES: readonly TreeDelivery[] = ['included', 'separate']

describe.each(IMPLEMENTATIONS)('a group that a member with %s creates', (first) => {
  test.each(TREES)('is joined by both implementations, with the tree %s', async (tree) => {
    const { group } = await four(first, { tree })
    await group.everybodySpeaks()
  })

  test.each(FRAMINGS)('is joined by those whom the other implementation adds, in a %s message', async (framing) => {
    const { group, bob } = await four(first)
    await group.add(bob, [await memberOf('ours', 'erin'), await memberOf('ts-mls', 'frank')], { framing })
    await group.everybodySpeaks()
    expect(group.members).toHaveLength(6)
  })

  test.each(FRAMINGS)('is refreshed by each member in turn, in a %s message', async (framing) => {
    const { group } = await four(first)
    for (const member of group.members) await group.commit(member, { framing })
    await group.everybodySpeaks()
  })

  test.each(FRAMINGS)('loses members of both implementations to commits of both, in a %s message', async (framing) => {
    const { group, alice, bob, charlie, dave } = await four(first)
    await group.commit(bob, { proposals: [{ type: 'remove', leafIndex: charlie.leafIndex }], framing })
    await group.commit(alice, { proposals: [{ type: 'remove', leafIndex: bob.leafIndex }], framing })
    expect(group.members).toEqual([alice, dave])
    await group.add(alice, [await memberOf(first, 'erin')])
    await group.add(dave, [await memberOf(other(first), 'frank')])
    await group.everybodySpeaks()
  })

  test.each(FRAMINGS)('commits Adds, Updates and Removes of others by reference, in %s messages', async (framing) => {
    const { group, alice, bob, charlie, dave } = await four(first)
    const erin = await memberOf(other(first), 'erin')
    await group.propose(alice, { type: 'add', keyPackage: await erin.keyPackage() }, framing)
    await group.proposeUpdate(charlie, framing)
    await group.propose(bob, { type: 'remove', leafIndex: alice.leafIndex }, framing)
    await group.commit(dave, { framing }, [erin])
    expect(group.members).toEqual([bob, charlie, dave, erin])
    await group.proposeUpdate(bob, framing)
    await group.proposeUpdate(dave, framing)
    await group.commit(charlie, { framing })
    for (const member of group.members) await group.commit(member, { framing })
    await group.everybodySpeaks()
  })

  test('commits references and values side by side', async () => {
    const { group, alice, bob, charlie, dave } = await four(first)
    await group.proposeUpdate(charlie, 'public')
    const frank = await memberOf(first, 'frank')
    await group.propose(bob, { type: 'add', keyPackage: await frank.keyPackage() }, 'private')
    const erin = await memberOf(other(first), 'erin')
    const add = { type: 'add', keyPackage: await erin.keyPackage() } as const
    await group.commit(dave, { proposals: [{ type: 'remove', leafIndex: alice.leafIndex }, add] }, [frank, erin])
    await group.everybodySpeaks()
    expect(group.members.map(({ name }) => name)).toEqual(['bob', 'charlie', 'dave', 'frank', 'erin'])
  })

  test('removes and adds one client in one commit (§12.2)', async () => {
    const { group, alice, bob, charlie, dave } = await four(first)
    const again = { type: 'add', keyPackage: await dave.keyPackage() } as const
    await group.commit(alice, { proposals: [{ type: 'remove', leafIndex: dave.leafIndex }, again] }, [dave])
    const too = { type: 'add', keyPackage: await charlie.keyPackage() } as const
    await group.commit(bob, { proposals: [{ type: 'remove', leafIndex: charlie.leafIndex }, too] }, [charlie])
    await group.everybodySpeaks()
  })

  test('lets the maker of a commit that lost follow the one that won', async () => {
    const { group, alice, bob, charlie, dave } = await four(first)
    for (const [winner, loser] of [[alice, bob] as const, [dave, charlie] as const]) {
      const [won, lost] = [await winner.commit({}), await loser.commit({})]
      lost.drop()
      await group.carryOut(winner, won, [])
    }
    await group.everybodySpeaks()
  })
})

test('a member that changes its signature key and adds bob in one commit is verified by bob', async () => {
  const alice = await OurMember.of('alice', { cipherSuite: 1 })
  const [bob, charlie] = [await memberOf('ts-mls', 'bob'), await memberOf('ts-mls', 'charlie')]
  const group = await InteropGroup.create(alice)
  await group.add(alice, [charlie])
  const proposals = [{ type: 'add', keyPackage: await bob.keyPackage() }] as const
  const made = await alice.commit({ proposals }, { leaf: { signer: await newSigner(1) } })
  await group.carryOut(alice, made, [bob])
  await group.everybodySpeaks()
  await group.commit(bob)
})

test('a commit without a path is followed: Adds alone need none (§12.4)', async () => {
  const alice = await OurMember.of('alice', { cipherSuite: 1 })
  const [bob, charlie] = [await memberOf('ts-mls', 'bob'), await memberOf('ts-mls', 'charlie')]
  const group = await InteropGroup.create(alice)
  await group.add(alice, [bob])
  const proposals = [{ type: 'add', keyPackage: await charlie.keyPackage() }] as const
  await group.carryOut(alice, await alice.commit({ proposals }, { path: 'when_required' }), [charlie])
  await group.commit(bob)
  await group.commit(charlie)
  await group.everybodySpeaks()
})

test('a member that missed a commit is noticed', async () => {
  const { group, alice, bob } = await four('ours')
  const made = await alice.commit({})
  made.take()
  await expect(group.agree()).rejects.toThrow(Disagreement)
  await bob.receive(made.commit)
  await expect(group.say(alice, 'hello')).rejects.toThrow(/charlie \(ours\) refuses: MlsError/)
  await expect(group.hear(bob, await alice.send(utf8('hello')), 'goodbye')).rejects.toThrow(Disagreement)
})
