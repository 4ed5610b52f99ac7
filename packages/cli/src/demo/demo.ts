/** Sets the demonstration up, plays it, draws and judges what came of it, and cleans up whatever happens. */
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CliError, EXIT_INTERRUPTED } from '../cli-error.ts'
import { makeFolder } from '../folder.ts'
import { renderSvg } from '../history/svg.ts'
import { Chaos } from './chaos.ts'
import { check } from './checks.ts'
import { memberProgram } from './member-process.ts'
import { seededRandom } from './random.ts'
import { type DemoReport, historyLines, verdictLines } from './report.ts'
import { play } from './scenario.ts'
import type { Screen } from './screen.ts'
import { Stage } from './stage.ts'

/** Tells a folder of kept stores from whatever else may be called so. */
const MARK = '.dmls-demo'

export interface DemoOptions {
  /** What Node is started with to run a member; by default this very program. */
  readonly program?: readonly string[]
  readonly screen: Screen
  /** Where dag.svg goes. Made if it is not there. */
  readonly outFolder: string
  /** Keep the members' stores in the out folder instead of deleting them. */
  readonly keepsStores: boolean
  readonly seed: number
  /** How many members to kill at random moments. */
  readonly chaosKills: number
  /** Longest time between two kills. */
  readonly chaosDelayMaxMs?: number
  /** Longest wait for anything that has to happen. Default 40 s. */
  readonly waitMaxMs?: number
  readonly stop: AbortSignal
}

/** Plays the demonstration. @throws CliError when it does not come to an end */
export async function runDemo(options: DemoOptions): Promise<DemoReport> {
  const { program = memberProgram(), screen, outFolder, keepsStores, seed, chaosKills, chaosDelayMaxMs } = options
  const { waitMaxMs, stop } = options
  const startedAtMs = performance.now()
  makeFolder(outFolder)
  const storesFolder = keepsStores ? freshFolder(join(outFolder, 'stores')) : mkdtempSync(join(tmpdir(), 'dmls-demo-'))
  const stage = new Stage({ program, storesFolder, screen, stop, ...(waitMaxMs === undefined ? {} : { waitMaxMs }) })
  const chaos = new Chaos({
    kills: chaosKills,
    ...(chaosDelayMaxMs === undefined ? {} : { delayMaxMs: chaosDelayMaxMs }),
    random: seededRandom(seed),
    actors: () => stage.cast.actors(),
    onKill: (actor) => stage.tell(actor, `process ${actor.pid} is killed at random`),
  })
  try {
    const { history, ...outcome } = await play(stage)
    chaos.end()
    const svg = join(outFolder, 'dag.svg')
    writeFileSync(
      svg,
      await renderSvg(history, { title: 'Two histories become one', subtitle: subtitle(outcome.members.length) }),
    )
    screen.heading('The epoch DAG')
    screen.lines(['', ...historyLines(history, screen.style), '', `  drawn in ${svg}`])
    const checks = check({ ...outcome, history })
    const durationMs = Math.round(performance.now() - startedAtMs)
    screen.heading('Checked')
    screen.lines(verdictLines(checks, durationMs, screen.style))
    const ok = checks.every(({ holds }) => holds)
    return { ok, seed, durationMs, chaosKills: chaos.killed, checks, ...outcome, dag: history, svg }
  } catch (error) {
    if (stop.aborted) throw new CliError('interrupted', { exitStatus: EXIT_INTERRUPTED })
    throw error
  } finally {
    chaos.end()
    stage.partition.end()
    screen.lines([])
    await stage.cast.dismiss()
    if (keepsStores) screen.lines([`The members’ stores are in ${storesFolder}`])
    else rmSync(storesFolder, { recursive: true, force: true })
  }
}

/** The folder, emptied of an earlier run. Nothing that somebody else has put there is touched. */
function freshFolder(folder: string): string {
  const mark = join(folder, MARK)
  if (existsSync(folder) && !existsSync(mark) && readdirSync(folder).length > 0)
    throw new CliError(`${folder}: there is something in it that is not of an earlier demonstration`)
  rmSync(folder, { recursive: true, force: true })
  makeFolder(folder)
  writeFileSync(mark, '')
  return folder
}

function subtitle(processes: number): string {
  return `The epochs of one group, as ${processes} processes made them while the network between them was cut and whole again`
}
