/** The help texts: of the program, and of each command. */
import type { Command, OptionSpec } from './command.ts'

/** What `dmls --help` prints. */
export function programHelp(commands: readonly Command[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length))
  return [
    'dmls: end-to-end encrypted groups without a central server',
    '',
    'usage: dmls COMMAND [OPTIONS]',
    '',
    ...commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`),
    '',
    '  dmls COMMAND --help   what a command takes',
    '  dmls --version        the version',
    '',
  ].join('\n')
}

/** What `dmls COMMAND --help` prints. */
export function commandHelp({ name, summary, description, options }: Command): string {
  const shown = Object.entries(options).filter(([, { hidden = false }]) => !hidden)
  const left = [...shown.map(([option, spec]) => signature(option, spec)), '--help']
  const width = Math.max(...left.map(({ length }) => length))
  const right = [...shown.map(([, { help }]) => help), 'this text']
  return [
    `usage: dmls ${name} [OPTIONS]`,
    '',
    summary,
    ...(description === undefined ? [] : ['', description]),
    '',
    ...left.map((option, index) => `  ${option.padEnd(width)}  ${right[index]}`),
    '',
  ].join('\n')
}

function signature(option: string, { type, value = 'VALUE', multiple = false }: OptionSpec): string {
  return type === 'boolean' ? `--${option}` : `--${option} ${value}${multiple ? ' …' : ''}`
}
