/**
 * A property that fails in a long run says so at once, with all that it takes to play the case again; then it looks for a
 * smaller one for a limited time. Where a case takes seconds, shrinking to the end may take half an hour, and who stops
 * the run meanwhile would have learnt nothing.
 */
import { performance } from 'node:perf_hooks'
import fc from 'fast-check'

export interface TellSoonOptions {
  /** What the cases are made from. */
  readonly seed: number
  /** Told of the first case that fails. */
  readonly tell: (text: string) => void
  /** How long a smaller case is looked for. */
  readonly shrinkMs: number
  readonly nowMs?: () => number
}

export function tellSoon<T>({ seed, tell, shrinkMs, nowMs = () => performance.now() }: TellSoonOptions): fc.Plugin<T> {
  return () => {
    let path: number | undefined
    let failedAtMs: number | undefined
    return {
      decorateGenerate: (generate) => (random, runId) => {
        path = runId
        return generate(random, runId)
      },
      decorateRun: (run) => {
        type Outcome = Awaited<ReturnType<typeof run>>
        const note = (value: T, outcome: Outcome): Outcome => {
          if (outcome !== null && !fc.PreconditionFailure.isFailure(outcome) && failedAtMs === undefined) {
            failedAtMs = nowMs()
            tell(
              `A property fails: seed ${seed}, path "${path}", with ${fc.stringify(value)}: ${String(outcome.error)}`,
            )
          }
          return outcome
        }
        return (value) => {
          if (failedAtMs !== undefined && nowMs() - failedAtMs >= shrinkMs) return new fc.PreconditionFailure(true)
          const outcome = run(value)
          return outcome instanceof Promise ? outcome.then((known) => note(value, known)) : note(value, outcome)
        }
      },
    }
  }
}
