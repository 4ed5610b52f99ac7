/**
 * Many walks: `pnpm interop --seeds 20`. Options: `--seeds` how many, `--seed` the first, `--operations`, `--members` the
 * most at a time, `--suite`. Ends with status 1 if a walk failed; each failure is printed with its seed.
 */
import { parseArgs } from 'node:util'
import { describeReport, walk } from './walk.ts'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '20' },
    seed: { type: 'string', default: process.env.INTEROP_SEED ?? '1' },
    operations: { type: 'string', default: '200' },
    members: { type: 'string', default: '10' },
    suite: { type: 'string', default: '1' },
  },
})

function number(name: keyof typeof values): number {
  const value = Number(values[name])
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`--${name} takes a number, not ${values[name]}`)
  return value
}

const first = number('seed')
const [operations, membersMax, cipherSuite] = [number('operations'), number('members'), number('suite')]
const made = new Map<string, number>()
let failures = 0
for (let seed = first; seed < first + number('seeds'); seed++) {
  try {
    const report = await walk({ seed, operations, membersMax, cipherSuite })
    for (const [name, count] of report.made) made.set(name, (made.get(name) ?? 0) + count)
    console.log(describeReport(report))
  } catch (error) {
    failures += 1
    console.error(error instanceof Error ? `${error.name}: ${error.message}` : error)
  }
}
console.log([...made].map(([name, count]) => `${name}: ${count}`).join(', '))
console.log(failures === 0 ? 'every walk ended in agreement' : `${failures} walks failed`)
process.exitCode = failures === 0 ? 0 : 1
