import { nodeProvider } from '@dmls/crypto/node'
import { membership } from '@dmls/dmls'
import { expect, test } from 'vitest'
import { playLongPartition } from '../src/long-partition.ts'

const isLong = process.env.DMLS_LONG === '1'

async function heal(members: number, commitsPerSide: number, seed: number) {
  return playLongPartition({
    seed,
    provider: nodeProvider,
    members,
    commitsPerSide,
    removalsPerSide: 3,
    specification: ({ dag, heads }) => new Set(membership(dag, heads).keys()),
  })
}

test('scenario 30: twelve members, cut into halves with six commits a side, are on one head after one commit', async () => {
  const report = await heal(12, 6, 1)
  expect(report).toMatchObject({ violations: [], headsApart: 2, epochsApart: 14, membersAfter: 6, commitsToOneHead: 1 })
  // and then whoever had updated on the losing side does so again
  expect(report.commits).toBeLessThanOrEqual(1 + 6)
})

test.runIf(isLong)(
  'scenario 30: a hundred members, cut into halves with fifty commits a side, end on one head',
  async () => {
    const report = await heal(100, 50, 1)
    expect(report).toMatchObject({ violations: [], headsApart: 2, epochsApart: 102, membersAfter: 94 })
    expect(report.commitsToOneHead).toBeLessThanOrEqual(3)
    expect(report.commits).toBeLessThanOrEqual(3 + 50)
  },
)
