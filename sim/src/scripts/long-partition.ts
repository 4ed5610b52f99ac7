/**
 * Plays the long partition and prints what healing took:
 *
 *     node --conditions=dmls-source sim/src/scripts/long-partition.ts [members] [commits per side] [seed]
 */
import { nodeProvider } from '@dmls/crypto/node'
import { membership } from '@dmls/dmls'
import { playLongPartition } from '../long-partition.ts'

const [members = 100, commitsPerSide = 50, seed = 1] = process.argv.slice(2).map(Number)
const started = process.hrtime.bigint()
const report = await playLongPartition({
  seed,
  provider: nodeProvider,
  members,
  commitsPerSide,
  removalsPerSide: Math.min(3, commitsPerSide),
  specification: ({ dag, heads }) => new Set(membership(dag, heads).keys()),
})
const seconds = Number((process.hrtime.bigint() - started) / 1_000_000n) / 1000
console.log({
  members,
  commitsPerSide,
  seed,
  ...report,
  seconds,
  rssMiB: Math.round(process.memoryUsage.rss() / 2 ** 20),
})
process.exitCode = report.violations.length === 0 ? 0 : 1
