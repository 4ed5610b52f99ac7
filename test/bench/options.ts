/** What `pnpm bench` is asked for. */
import { parseArgs } from 'node:util'

export interface BenchOptions {
  /** Members of the groups, ascending. */
  readonly sizes: readonly number[]
  readonly quick: boolean
  /** Where to write the results as JSON, and the plot. */
  readonly json: string | undefined
  readonly svg: string | undefined
  /** A document that has a place for the figures. */
  readonly doc: string | undefined
  readonly help: boolean
}

export const HELP = `usage: pnpm bench [--quick] [--sizes 2,10,100,1000] [--json FILE] [--svg FILE] [--doc FILE]

  --quick   fewer rounds, ours with node:crypto and ts-mls only, up to 1000 members
  --sizes   members of the groups; by default 2, 10, 100, 1000, 10000 and 100000
  --json    the results as JSON into a file ("-": on standard output, and nothing else there)
  --svg     a plot of times against members into a file
  --doc     the tables as Markdown into a file that has a place for them, like docs/performance.md

Progress goes to standard error. Ends with 0 when every target that was measured is met, with 1 when one is not,
with 2 when it was asked for something that it does not know.
`

const SIZES = [2, 10, 100, 1000, 10_000, 100_000]
const QUICK_SIZES = [2, 100, 1000]
const SIZE_MAX = 1_000_000

/** What was asked for makes no sense; the message is one line for whoever asked. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** @throws UsageError */
export function readOptions(args: readonly string[]): BenchOptions {
  const values = parse(args)
  const { quick, json, svg, doc, help } = values
  if ([json, svg, doc].includes('')) throw new UsageError('--json, --svg and --doc need the name of a file')
  const asked = values.sizes?.split(',').map(readSize) ?? (quick ? QUICK_SIZES : SIZES)
  return { sizes: [...new Set(asked)].sort((a, b) => a - b), quick, json, svg, doc, help }
}

interface Values {
  readonly sizes?: string | undefined
  readonly json?: string | undefined
  readonly svg?: string | undefined
  readonly doc?: string | undefined
  readonly quick: boolean
  readonly help: boolean
}

function parse(args: readonly string[]): Values {
  try {
    return parseArgs({
      // `pnpm bench -- --quick` hands over the two dashes as well
      args: args[0] === '--' ? args.slice(1) : [...args],
      options: {
        sizes: { type: 'string' },
        quick: { type: 'boolean', default: false },
        json: { type: 'string' },
        svg: { type: 'string' },
        doc: { type: 'string' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }).values
  } catch (error) {
    throw new UsageError((error as Error).message.split('\n')[0]?.split('. ')[0] ?? 'unknown option')
  }
}

function readSize(text: string): number {
  const size = Number(text)
  if (/^\d+$/.test(text) && (size === 2 || (size >= 8 && size <= SIZE_MAX))) return size
  throw new UsageError(`"${text}" is no size: 2, or a whole number from 8 to ${SIZE_MAX}`)
}
