/**
 * What a command of `dmls` is: a name, the options that it takes, and what it does with them. Parsing is strict: an
 * option that is not listed is the user's mistake and never ignored.
 */
import { parseArgs } from 'node:util'
import { type CliError, usageError } from '../cli-error.ts'
import type { Io } from '../io.ts'
import { nearest } from './nearest.ts'

export interface OptionSpec {
  readonly type: 'string' | 'boolean'
  readonly help: string
  /** What stands for the value in the help: `DIR`, `N`. */
  readonly value?: string
  /** The option may be given several times. */
  readonly multiple?: boolean
  /** Works, but the help does not show it. */
  readonly hidden?: boolean
}

export type OptionSpecs = Readonly<Record<string, OptionSpec>>

type ValueOf<S extends OptionSpec> = S['type'] extends 'boolean'
  ? boolean
  : S['multiple'] extends true
    ? readonly string[]
    : string | undefined

export type OptionValues<S extends OptionSpecs> = { readonly [Name in keyof S]: ValueOf<S[Name]> }

export interface CommandSpec<S extends OptionSpecs> {
  readonly name: string
  /** One line for the list of commands. */
  readonly summary: string
  /** What the help of the command says below its first line. */
  readonly description?: string
  readonly options: S
  /** Does the work and returns the exit status. */
  run(values: OptionValues<S>, io: Io): Promise<number>
}

/** A command whose options have been forgotten by the types, ready to be listed beside others. */
export interface Command extends Omit<CommandSpec<OptionSpecs>, 'run'> {
  /** @throws CliError if the arguments are not what the command takes */
  start(args: readonly string[], io: Io): Promise<number>
}

/** Makes a command; `run` gets its options by name and with their types. */
export function defineCommand<const S extends OptionSpecs>(spec: CommandSpec<S>): Command {
  const { run, ...rest } = spec
  return { ...rest, start: async (args, io) => run(parseOptions(spec.name, spec.options, args), io) }
}

function parseOptions<S extends OptionSpecs>(command: string, specs: S, args: readonly string[]): OptionValues<S> {
  const options = Object.fromEntries(
    Object.entries(specs).map(([name, { type, multiple = false }]) => [name, { type, multiple }]),
  )
  try {
    const { values } = parseArgs({ args: [...args], options, strict: true, allowPositionals: false })
    const defaults = Object.entries(specs).map(([name, { type, multiple }]) => [
      name,
      type === 'boolean' ? false : multiple === true ? [] : undefined,
    ])
    return { ...Object.fromEntries(defaults), ...values } as OptionValues<S>
  } catch (error) {
    throw explainParseError(command, specs, error)
  }
}

function explainParseError(command: string, specs: OptionSpecs, error: unknown): CliError {
  const { code = '', message = '' } = error as { code?: string; message?: string }
  const quoted = /'([^']*)'/.exec(message)?.[1] ?? ''
  const seeHelp = `see: dmls ${command} --help`
  switch (code) {
    case 'ERR_PARSE_ARGS_UNKNOWN_OPTION': {
      const close = nearest(quoted.replace(/^-+/, ''), Object.keys(specs))
      return usageError(
        `dmls ${command} has no option ${quoted}; ${close === undefined ? seeHelp : `did you mean --${close}?`}`,
      )
    }
    case 'ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL':
      return usageError(`dmls ${command} does not know what to do with "${quoted}"; ${seeHelp}`)
    case 'ERR_PARSE_ARGS_INVALID_OPTION_VALUE': {
      const name = /--([\w-]+)/.exec(message)?.[1] ?? ''
      const isFlag = specs[name]?.type === 'boolean'
      return usageError(`--${name} ${isFlag ? 'takes no value' : 'needs a value'}; ${seeHelp}`)
    }
    default:
      return usageError(`${message}; ${seeHelp}`)
  }
}
