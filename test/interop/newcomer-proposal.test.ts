/** Newcomers that ask to be added (RFC 9420 §12.1.8, `new_member_proposal`). */
import { describe, expect, test } from 'vitest'
import { IMPLEMENTATIONS, memberOf } from './interop-group.ts'
import { four } from './people.ts'

describe.each(IMPLEMENTATIONS)('a newcomer with %s', (implementation) => {
  test.each(IMPLEMENTATIONS)('proposes itself, and a member with %s commits that', async (first) => {
    const { group, alice, bob } = await four(first)
    const erin = await memberOf(implementation, 'erin')
    const proposal = await erin.proposeItself(await bob.groupInfo({ tree: 'separate' }))
    for (const member of group.members) expect(await member.receive(proposal)).toEqual({ kind: 'proposal' })
    await group.commit(alice, {}, [erin])
    expect(group.members).toContain(erin)
    await group.everybodySpeaks()
  })
})
