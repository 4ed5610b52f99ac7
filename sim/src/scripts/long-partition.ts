/** `pnpm heal`: cuts a group into halves, lets both go on, and tells what healing took. Ends with 1 if anything is wrong. */
import { parseArgs } from 'node:util'
import { nodeProvider } from '@dmls/crypto/node'
import { membership } from '@dmls/dmls'
import { type HealingReport, playLongPartition } from '../long-partition.ts'

const HELP = `pnpm heal [--members N] [--commits N] [--removals N] [--seed N]... [--json]

Cuts a group of real clients into halves, has members of both sides commit in turn, joins the halves again, and checks
that everybody ends on one head with the members that the operations of both sides leave.

  --members N    members of the group (100)
  --commits N    commits on each side (50)
  --removals N   how many of them remove somebody; the others are updates (3)
  --seed N       may be given more than once (1); one seed gives the same run every time
  --json         the reports as JSON on standard output; progress goes to standard error either way
  --help         this text

100 members and 50 commits a side take some minutes and 4 to 5 GiB of memory.
`

interface Settings {
  readonly members: number
  readonly commits: number
  readonly removals: number
  readonly seeds: readonly number[]
  readonly isJson: boolean
}

function say(line: string): void {
  process.stderr.write(`${line}\n`)
}

/** Undefined when help was asked for. @throws Error in words, for what makes no sense */
function settingsOf(args: readonly string[]): Settings | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      members: { type: 'string', default: '100' },
      commits: { type: 'string', default: '50' },
      removals: { type: 'string' },
      seed: { type: 'string', multiple: true, default: ['1'] },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return undefined
  const commits = wholeNumber('--commits', values.commits, 1)
  return {
    members: wholeNumber('--members', values.members, 4),
    commits,
    removals: wholeNumber('--removals', values.removals ?? String(Math.min(3, commits)), 0),
    seeds: values.seed.map((seed) => wholeNumber('--seed', seed, 0)),
    isJson: values.json,
  }
}

function wholeNumber(name: string, text: string, min: number): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < min) throw new Error(`${name} wants a whole number, ${min} or more`)
  return value
}

function tableOf(report: HealingReport): string {
  const { violations, ...figures } = report
  const lines = Object.entries(figures).map(([name, value]) => `  ${name.padEnd(16)} ${value}`)
  return [...lines, ...violations.map((violation) => `  WRONG: ${violation}`)].join('\n')
}

async function main(): Promise<number> {
  let settings: Settings | undefined
  try {
    settings = settingsOf(process.argv.slice(2))
  } catch (error) {
    say(`${error instanceof Error ? error.message : String(error)}; --help tells more`)
    return 2
  }
  if (settings === undefined) {
    process.stdout.write(HELP)
    return 0
  }
  const { members, commits, removals, seeds, isJson } = settings
  const reports: object[] = []
  let isWrong = false
  for (const seed of seeds) {
    const started = process.hrtime.bigint()
    const seconds = (): number => Number((process.hrtime.bigint() - started) / 100_000_000n) / 10
    const report = await playLongPartition({
      seed,
      provider: nodeProvider,
      members,
      commitsPerSide: commits,
      removalsPerSide: removals,
      specification: ({ dag, heads }) => new Set(membership(dag, heads).keys()),
      progress: (line) => say(`seed ${seed}, ${seconds()} s: ${line}`),
    })
    isWrong ||= report.violations.length > 0
    reports.push({ members, commitsPerSide: commits, removals, seed, seconds: seconds(), ...report })
    if (!isJson) process.stdout.write(`seed ${seed}, ${seconds()} s\n${tableOf(report)}\n`)
  }
  if (isJson) process.stdout.write(`${JSON.stringify(reports, undefined, 2)}\n`)
  return isWrong ? 1 : 0
}

process.exitCode = await main()
