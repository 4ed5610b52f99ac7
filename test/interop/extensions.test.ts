/** Extensions of the GroupContext (RFC 9420 §7.2, §12.1.7, §13.4): at the beginning and by proposals. */
import { utf8 } from '@dmls/crypto'
import { type Extension, ExtensionType } from '@dmls/mls'
import { describe, expect, test } from 'vitest'
import { EXTENSION_TYPES } from './common.ts'
import { IMPLEMENTATIONS, memberOf } from './interop-group.ts'
import type { Framing } from './interop-member.ts'
import { four } from './people.ts'

const [NAME, TOPIC] = EXTENSION_TYPES as readonly [number, number]
const named = (name: string): Extension => ({ extensionType: NAME, extensionData: utf8(name) })
const about = (topic: string): Extension => ({ extensionType: TOPIC, extensionData: utf8(topic) })
/** `required_capabilities` with our two extension types, no proposal types and the basic credential. */
const required: Extension = {
  extensionType: ExtensionType.requiredCapabilities,
  extensionData: new Uint8Array([4, 0xff, 0x01, 0xff, 0x02, 0, 2, 0, 1]),
}

describe.each(IMPLEMENTATIONS)('a group that a member with %s creates', (first) => {
  test('has the extensions that it began with', async () => {
    const { group, bob } = await four(first, { extensions: [named('a group'), required] })
    await group.add(bob, [await memberOf('ours', 'erin'), await memberOf('ts-mls', 'frank')])
    await group.joinExternally(await memberOf('ts-mls', 'grace'), bob)
    await group.joinExternally(await memberOf('ours', 'heidi'), bob)
    await group.everybodySpeaks()
  })
})

describe.each<Framing>(['public', 'private'])('in %s messages, extensions', (framing) => {
  const change = (...extensions: readonly Extension[]) => ({ type: 'group_context_extensions', extensions }) as const

  test('are replaced as a whole by a member of ours', async () => {
    const { group, alice, bob } = await four('ours', { extensions: [named('a group')] })
    const before = (await group.agree()).groupContext
    await group.commit(alice, { proposals: [change(about('cats'), required)], framing })
    await group.commit(alice, { proposals: [change(named('another'))], framing })
    expect((await group.agree()).groupContext).not.toEqual(before)
    await group.commit(bob)
    await group.everybodySpeaks()
  })

  test('are proposed by each implementation', async () => {
    const { group, alice, bob, charlie } = await four('ours')
    await group.propose(bob, change(named('as bob calls it')), framing)
    await group.commit(alice, { framing })
    await group.propose(charlie, change(named('as charlie calls it'), about('dogs')), framing)
    await group.commit(alice, { framing })
    await group.everybodySpeaks()
  })

  test('change beside an Add and a Remove', async () => {
    const { group, alice, bob } = await four('ours')
    const newcomers = [await memberOf('ts-mls', 'erin'), await memberOf('ours', 'frank')]
    const proposals = [change(named('renamed')), { type: 'remove', leafIndex: bob.leafIndex } as const]
    await group.add(alice, newcomers, { proposals, framing })
    await group.everybodySpeaks()
  })
})
