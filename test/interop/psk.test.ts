/** Pre-shared keys in commits and Welcomes (RFC 9420 §8.4, §8.6, §12.1.4). */
import { utf8 } from '@dmls/crypto'
import { describe, expect, test } from 'vitest'
import { IMPLEMENTATIONS, memberOf } from './interop-group.ts'
import type { Framing, PskName } from './interop-member.ts'
import { four } from './people.ts'

const EXTERNAL: PskName = { pskType: 'external', pskId: utf8('agreed in person') }
const SECOND: PskName = { pskType: 'external', pskId: utf8('agreed by letter') }
const FRAMINGS: readonly Framing[] = ['public', 'private']

describe.each(IMPLEMENTATIONS)('in a group that a member with %s created', (first) => {
  test.each(FRAMINGS)('external keys are injected by value and by reference, in %s messages', async (framing) => {
    const { group, alice, bob, charlie } = await four(first)
    for (const member of group.members) member.learnPsk(EXTERNAL, utf8('a secret of thirty-two bytes, say'))
    for (const member of group.members) member.learnPsk(SECOND, utf8('short'))
    const proposals = [EXTERNAL, SECOND].map((psk) => ({ type: 'psk', psk }) as const)
    await group.commit(alice, { proposals, framing })
    await group.commit(bob, { proposals: proposals.toReversed(), framing })
    await group.propose(charlie, { type: 'psk', psk: SECOND }, framing)
    await group.commit(bob, { proposals: [{ type: 'psk', psk: EXTERNAL }], framing })
    await group.propose(bob, { type: 'psk', psk: EXTERNAL }, framing)
    await group.commit(alice, { framing })
    await group.everybodySpeaks()
  })

  test('a key is injected beside an Add, and the newcomer has to know it', async () => {
    const { group, alice, bob } = await four(first)
    const newcomers = [await memberOf('ours', 'erin'), await memberOf('ts-mls', 'frank')]
    for (const person of [...group.members, ...newcomers]) person.learnPsk(EXTERNAL, utf8('secret'))
    await group.add(alice, newcomers.slice(0, 1), { proposals: [{ type: 'psk', psk: EXTERNAL }] })
    await group.add(bob, newcomers.slice(1), { proposals: [{ type: 'psk', psk: EXTERNAL }] })
    await group.everybodySpeaks()
  })

  test('members who hold different keys under one id do not follow', async () => {
    const { group, alice } = await four(first)
    for (const member of group.members) member.learnPsk(EXTERNAL, utf8(`secret of ${member.name}`))
    await expect(group.commit(alice, { proposals: [{ type: 'psk', psk: EXTERNAL }] })).rejects.toThrow(/refuses/)
  })

  test.each(FRAMINGS)('the resumption_psk of an earlier epoch is injected, in %s messages', async (framing) => {
    const { group, alice, bob, charlie } = await four(first)
    const { groupContext, epoch } = await group.agree()
    expect(groupContext.length).toBeGreaterThan(0)
    const psk: PskName = { pskType: 'resumption', groupId: utf8('group'), epoch }
    for (const member of group.members) await group.commit(member, { framing })
    await group.commit(alice, { proposals: [{ type: 'psk', psk }], framing })
    const now: PskName = { pskType: 'resumption', groupId: utf8('group'), epoch: epoch + 4n }
    await group.commit(bob, { proposals: [{ type: 'psk', psk: now }], framing })
    await group.propose(charlie, { type: 'psk', psk: now }, framing)
    await group.commit(bob, { framing })
    await group.everybodySpeaks()
  })

  test('the resumption_psk of another group binds the two together', async () => {
    const { group, alice, bob } = await four(first)
    const psk: PskName = { pskType: 'resumption', groupId: utf8('another group'), epoch: 7n }
    for (const member of group.members) member.learnPsk(psk, utf8('what its members have in common'))
    await group.commit(alice, { proposals: [{ type: 'psk', psk }] })
    await group.commit(bob, { proposals: [{ type: 'psk', psk }] })
    await group.everybodySpeaks()
  })
})
