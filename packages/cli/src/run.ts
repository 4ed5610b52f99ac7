/**
 * Finds the command, runs it, and turns whatever goes wrong into one line and an exit status. Nothing below this file
 * ends the process by itself.
 */
import { readFileSync } from 'node:fs'
import process from 'node:process'
import { CliError, EXIT_FAILED, usageError } from './cli-error.ts'
import type { Command } from './command/command.ts'
import { commandHelp, programHelp } from './command/help.ts'
import { nearest } from './command/nearest.ts'
import { chatCommand } from './commands/chat.ts'
import { dagCommand } from './commands/dag.ts'
import { demoCommand } from './commands/demo.ts'
import { memberCommand } from './commands/member.ts'
import { explain } from './explain.ts'
import { type Io, writeLine } from './io.ts'

/** Why a program is stopped that nobody reads any more, and the status that shells report for it. */
const READER_GONE = 'nobody reads standard output any more'
const EXIT_READER_GONE = 141

const COMMANDS: readonly Command[] = [demoCommand, chatCommand, dagCommand, memberCommand]

/** Runs `dmls` with these arguments and returns the exit status. Never throws. */
export async function runDmls(args: readonly string[], io: Io): Promise<number> {
  try {
    return await dispatch(args, io)
  } catch (error) {
    if (io.stop.reason === READER_GONE) return EXIT_READER_GONE
    writeLine(io.stderr, `dmls: ${explain(error)}`)
    if (error instanceof CliError) for (const line of error.details) writeLine(io.stderr, line)
    if (isUnexpected(error) && io.environment.DMLS_DEBUG === '1') {
      writeLine(io.stderr, error instanceof Error ? (error.stack ?? '') : String(error))
    }
    return error instanceof CliError ? error.exitStatus : EXIT_FAILED
  }
}

/** Runs `dmls` as this process: its arguments, its streams, its signals. */
export async function runAsProcess(): Promise<void> {
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => stop.abort(signal))
  }
  let cannotWrite: NodeJS.ErrnoException | undefined
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // Whoever reads us may stop reading, as `head` does: nothing is wrong then, and nobody is left to tell.
    if (error.code !== 'EPIPE') cannotWrite ??= error
    stop.abort(READER_GONE)
  })
  process.stderr.on('error', () => undefined)
  const { stdout, stderr, stdin, env } = process
  process.exitCode = await runDmls(process.argv.slice(2), {
    stdout,
    stderr,
    stdin,
    environment: env,
    stop: stop.signal,
  })
  if (cannotWrite !== undefined) {
    writeLine(stderr, `dmls: standard output takes no more: ${explain(cannotWrite)}`)
    process.exitCode = EXIT_FAILED
  }
  // Only output that is still being written may keep the process alive now.
  await Promise.all([drained(stdout), drained(stderr)])
  process.exit()
}

async function dispatch(args: readonly string[], io: Io): Promise<number> {
  const [name, ...rest] = args
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
    const [about] = rest
    io.stdout.write(about === undefined ? programHelp(COMMANDS) : commandHelp(commandNamed(about)))
    return 0
  }
  if (name === '--version' || name === '-v') {
    writeLine(io.stdout, version())
    return 0
  }
  if (name.startsWith('-')) throw usageError(`dmls has no option ${name}; see: dmls --help`)
  const command = commandNamed(name)
  if (rest.includes('--help') || rest.includes('-h')) {
    io.stdout.write(commandHelp(command))
    return 0
  }
  return command.start(rest, io)
}

function commandNamed(name: string): Command {
  const command = COMMANDS.find((candidate) => candidate.name === name)
  if (command !== undefined) return command
  const close = nearest(
    name,
    COMMANDS.map((candidate) => candidate.name),
  )
  throw usageError(
    `there is no command "${name}"; ${close === undefined ? 'see: dmls --help' : `did you mean ${close}?`}`,
  )
}

function version(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
  return `dmls ${(manifest as { version: string }).version}`
}

function isUnexpected(error: unknown): boolean {
  return !(error instanceof CliError)
}

function drained(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    if (!stream.writable || stream.writableLength === 0) resolve()
    else stream.write('', () => resolve())
  })
}
