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
