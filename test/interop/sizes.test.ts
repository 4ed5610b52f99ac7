/** Mixed groups of 2 to 64 members. */
import { expect, test } from 'vitest'
import { InteropGroup, memberOf } from './interop-group.ts'
import type { Implementation } from './interop-member.ts'
import { other } from './people.ts'

/** Members alternate between the implementations; each tenth of them commits once the group is complete. */
async function play(size: number, first: Implementation): Promise<InteropGroup> {
  const creator = await memberOf(first, 'member 0')
  const group = await InteropGroup.create(creator)
  const newcomers = await Promise.all(
    Array.from({ length: size - 1 }, (_, i) => memberOf(i % 2 === 0 ? other(first) : first, `member ${i + 1}`)),
  )
  await group.add(creator, newcomers)
  const step = Math.max(1, Math.floor(size / 4))
  for (let i = 1; i < size; i += step) await group.commit(group.members[i] as (typeof group.members)[number])
  return group
}

test.each([2, 3, 4, 5, 7, 8, 9, 16])('%i members of both implementations agree', async (size) => {
  for (const first of ['ours', 'ts-mls'] as const) {
    const group = await play(size, first)
    await group.say(group.members[1] as (typeof group.members)[number], 'hello')
    expect(group.members).toHaveLength(size)
  }
})

test.each([31, 33, 64])('%i members of both implementations agree, and so do those who remain', async (size) => {
  const group = await play(size, size % 2 === 0 ? 'ours' : 'ts-mls')
  const [first, second] = group.members as [(typeof group.members)[0], (typeof group.members)[0]]
  const proposals = group.members
    .filter((_, i) => i % 3 === 2)
    .map((member) => ({ type: 'remove', leafIndex: member.leafIndex }) as const)
  await group.commit(first, { proposals })
  await group.commit(second)
  await group.say(second, 'hello')
})
