/** How the demonstration ends: for people, and for programs. */
import type { EpochHistory } from '../history/history.ts'
import { renderText } from '../history/text.ts'
import type { Style } from '../terminal-style.ts'
import type { Check } from './checks.ts'
import type { Outcome } from './outcome.ts'

/** The document that `--json` prints. */
export interface DemoReport extends Omit<Outcome, 'history'> {
  readonly ok: boolean
  readonly seed: number
  readonly durationMs: number
  /** Members that `--chaos` killed, in order. */
  readonly chaosKills: readonly string[]
  readonly checks: readonly Check[]
  readonly dag: EpochHistory
  readonly svg: string
}

/** The epoch DAG for a terminal. */
export function historyLines(history: EpochHistory, style: Style): readonly string[] {
  return renderText(history, style).map((line) => `  ${line}`)
}

/** One line for each claim, and one for all of them. */
export function verdictLines(checks: readonly Check[], durationMs: number, style: Style): readonly string[] {
  const failed = checks.filter(({ holds }) => !holds).length
  const seconds = (durationMs / 1000).toFixed(1)
  return [
    ...checks.map(
      ({ claim, holds, finding }) =>
        `  ${holds ? style.good('✓') : style.bad('✗')} ${claim}  ${style.dim(`(${finding})`)}`,
    ),
    '',
    failed === 0
      ? style.good(style.bold(`All ${checks.length} checks hold, after ${seconds} s.`))
      : style.bad(style.bold(`${failed} of ${checks.length} checks failed, after ${seconds} s.`)),
  ]
}
