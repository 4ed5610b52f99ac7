/** Groups that continue a group: ReInit to the end, and branches (RFC 9420 §11.2, §11.3, §12.1.5). */
import { utf8 } from '@dmls/crypto'
import { describe, expect, test } from 'vitest'
import { EXTENSION_TYPES } from './common.ts'
import { IMPLEMENTATIONS, InteropGroup } from './interop-group.ts'
import type { InteropMember, TreeDelivery } from './interop-member.ts'
import { four } from './people.ts'

const EXTENSIONS = [{ extensionType: EXTENSION_TYPES[0] as number, extensionData: utf8('the next') }]
const TREES: readonly TreeDelivery[] = ['included', 'separate']

/** The new group, by the first of these people; all others join by its Welcome. */
async function succeed(
  how: 'recreate' | 'branch',
  members: readonly InteropMember[],
  options: { readonly cipherSuite?: number; readonly tree?: TreeDelivery } = {},
): Promise<InteropGroup> {
  const { cipherSuite = 1, tree = 'included' } = options
  const [creator, ...others] = await Promise.all(members.map((member) => member.successor(cipherSuite)))
  if (creator === undefined) throw new Error('nobody')
  const keyPackages = await Promise.all(others.map((each) => each.keyPackage()))
  const extensions = how === 'recreate' ? EXTENSIONS : []
  const made = await creator[how]({ groupId: utf8('next'), extensions, keyPackages, tree })
  made.take()
  for (const each of others) {
    await each.join(made.welcome as Uint8Array, made.tree === 'separate' ? made.ratchetTree : undefined)
  }
  const group = InteropGroup.of([creator, ...others])
  await group.agree()
  return group
}

describe.each(IMPLEMENTATIONS)('a ReInit by a member with %s', (first) => {
  const reinit = (cipherSuite: number) =>
    ({ type: 'reinit', groupId: utf8('next'), cipherSuite, extensions: EXTENSIONS }) as const

  test.each(TREES)('leads to a group that either implementation makes, with the tree %s', async (tree) => {
    for (const turn of [0, 1]) {
      const { group, alice, bob } = await four(first)
      await group.commit(alice, { proposals: [reinit(1)] })
      for (const each of [alice, bob]) await expect(each.send(utf8('too late'))).rejects.toThrow()
      const members = [...group.members.slice(turn), ...group.members.slice(0, turn)]
      const next = await succeed('recreate', members, { tree })
      for (const member of next.members) await next.commit(member)
      await next.everybodySpeaks()
    }
  })

  test.for([2, 3, 4, 5, 6, 7])('leads to a group with suite %i', async (cipherSuite) => {
    const { group, alice, bob } = await four(first)
    await group.propose(bob, reinit(cipherSuite))
    await group.commit(alice)
    const next = await succeed('recreate', group.members, { cipherSuite })
    await next.everybodySpeaks()
  })
})

describe.each(IMPLEMENTATIONS)('a branch by a member with %s', (first) => {
  test.each(TREES)('is joined by some of the members, with the tree %s', async (tree) => {
    const { group, alice, bob, charlie } = await four(first)
    const next = await succeed('branch', [alice, bob, charlie], { tree })
    for (const member of next.members) await next.commit(member)
    await next.everybodySpeaks()
    await group.everybodySpeaks()
  })
})
