/** Joining and coming back by external commits (RFC 9420 §12.4.3.2). */
import { describe, expect, test } from 'vitest'
import { IMPLEMENTATIONS, memberOf } from './interop-group.ts'
import type { TreeDelivery } from './interop-member.ts'
import { four } from './people.ts'

const TREES: readonly TreeDelivery[] = ['included', 'separate']

describe.each(IMPLEMENTATIONS)('a newcomer with %s', (implementation) => {
  describe.each(IMPLEMENTATIONS)('and the GroupInfo of a member with %s', (host) => {
    test.each(TREES)('joins a mixed group by itself, with the tree %s', async (tree) => {
      const { group, alice } = await four(host)
      const erin = await memberOf(implementation, 'erin')
      await group.joinExternally(erin, alice, tree)
      await group.everybodySpeaks()
      for (const member of group.members) await group.commit(member)
    })

    test('takes the leaf of one who was removed', async () => {
      const { group, alice, bob } = await four(host)
      await group.commit(alice, { proposals: [{ type: 'remove', leafIndex: bob.leafIndex }] })
      const erin = await memberOf(implementation, 'erin')
      await group.joinExternally(erin, alice)
      expect(erin.leafIndex).toBe(1)
      await group.everybodySpeaks()
    })
  })
})

describe.each(IMPLEMENTATIONS)('a member with %s that lost its state', (first) => {
  test.each(TREES)('comes back and replaces its old leaf, with the tree %s', async (tree) => {
    const { group, alice, bob } = await four(first)
    await group.joinExternally(alice, bob, tree)
    expect(group.members).toHaveLength(4)
    await group.everybodySpeaks()
    for (const member of group.members) await group.commit(member)
  })
})

test('an external commit lets go of proposals that nobody committed', async () => {
  const { group, alice, bob, charlie } = await four('ours')
  await group.proposeUpdate(charlie)
  await group.propose(bob, { type: 'remove', leafIndex: charlie.leafIndex }, 'public')
  await group.joinExternally(await memberOf('ts-mls', 'erin'), alice)
  await group.joinExternally(await memberOf('ours', 'frank'), bob)
  expect(group.members).toHaveLength(6)
  await group.everybodySpeaks()
})
