/** One walk of the kind that `pnpm interop` makes many of. INTEROP_SEED=… repeats one. */
import { expect, test } from 'vitest'
import { describeReport, walk } from './walk/walk.ts'

test('a mixed group agrees after each of 200 random operations', async () => {
  const given = process.env.INTEROP_SEED
  const seed = given === undefined ? Math.floor(Math.random() * 2 ** 32) : Number(given)
  const report = await walk({ seed, operations: 200, membersMax: 8, cipherSuite: 1 })
  console.log(`interop walk, ${describeReport(report)}`)
  expect(report.epochs).toBeGreaterThan(50)
})

test('a walk that does not keep clear of the known faults of the peer finds one', async () => {
  const careless = { seed: 1, operations: 200, membersMax: 12, cipherSuite: 1, peerLimits: 'meet' } as const
  await expect(walk(careless)).rejects.toThrow(/^INTEROP_SEED=1: .*unmerged_leaves/)
})
