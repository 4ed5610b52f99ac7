/** The command lines of the long runs: `--help` explains, and a mistake is one line and status 2. */
import { type ParseArgsConfig, parseArgs } from 'node:util'

const USAGE_STATUS = 2

type Options = NonNullable<ParseArgsConfig['options']>

/** The values of the options; ends the process when help was asked for or an option is unknown. */
export function readCommandLine<T extends Options>(help: string, options: T) {
  const args = process.argv.slice(2)
  if (args.includes('--help')) {
    process.stdout.write(help)
    process.exit(0)
  }
  try {
    return parseArgs({ args, options }).values
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error))
  }
}

/** Ends the process with a line that says what is wrong. */
export function refuse(line: string): never {
  process.stderr.write(`${line} (--help tells more)\n`)
  process.exit(USAGE_STATUS)
}

/** The number that an option has; ends the process unless it is a whole one of at least `min`. */
export function wholeNumber(name: string, text: string, min = 0): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isSafeInteger(value) || value < min) {
    refuse(`--${name} wants a whole number, ${min} or more, not ${text}`)
  }
  return value
}
