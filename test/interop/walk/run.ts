/** `pnpm interop`: many walks. Ends with status 1 if one failed; each failure is printed with its seed. */
import { readCommandLine, refuse, wholeNumber } from '../../command-line.ts'
import { describeReport, walk } from './walk.ts'

const HELP = `pnpm interop [--seeds N] [--seed N] [--operations N] [--members N] [--suite N]

Random walks of a group in which our clients and those of ts-mls are mixed: whoever commits, everybody must agree.

  --seeds N        how many walks (20)
  --seed N         seed of the first; the next ones count up (1, or INTEROP_SEED)
  --operations N   of each walk (200)
  --members N      the most at a time (10)
  --suite N        cipher suite, 1 to 7 (1)
  --help           this text
`

const values = readCommandLine(HELP, {
  seeds: { type: 'string', default: '20' },
  seed: { type: 'string', default: process.env.INTEROP_SEED ?? '1' },
  operations: { type: 'string', default: '200' },
  members: { type: 'string', default: '10' },
  suite: { type: 'string', default: '1' },
})

const CIPHER_SUITES = 7

function number(name: keyof typeof values): number {
  return wholeNumber(name, values[name], 1)
}

const first = number('seed')
const [operations, membersMax, cipherSuite] = [number('operations'), number('members'), number('suite')]
if (cipherSuite > CIPHER_SUITES) refuse(`there is no cipher suite ${cipherSuite}`)
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
