/**
 * A library in a process of its own, so that nobody's garbage, compiled code or threads are another's, which measures when
 * it has its turn.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Result } from '../results.ts'
import type { Plan } from './section.ts'

/** What a lane is asked. It answers each request before the next. */
export type Request =
  | { readonly kind: 'begin'; readonly plan: Plan }
  | { readonly kind: 'round'; readonly kept: boolean }
  | { readonly kind: 'end' }
/** Results answer `end`. */
export type Answer = { readonly results: readonly Result[] } | { readonly fault: string }

const PROGRAM = fileURLToPath(new URL('./lane-process.ts', import.meta.url))

export class Lane {
  readonly #library: string
  readonly #process: ChildProcess

  constructor(library: string) {
    this.#library = library
    this.#process = fork(PROGRAM, [library], { execArgv: ['--conditions=dmls-source'] })
  }

  async begin(plan: Plan): Promise<void> {
    await this.#ask({ kind: 'begin', plan })
  }

  async round(kept: boolean): Promise<void> {
    await this.#ask({ kind: 'round', kept })
  }

  end(): Promise<readonly Result[]> {
    return this.#ask({ kind: 'end' })
  }

  close(): void {
    this.#process.disconnect()
  }

  async #ask(request: Request): Promise<readonly Result[]> {
    const stop = new AbortController()
    const { signal } = stop
    const answered = once(this.#process, 'message', { signal }).then(([answer]) => answer as Answer)
    const ended = once(this.#process, 'exit', { signal }).then((): Answer => ({ fault: 'its process ended' }))
    this.#process.send(request)
    const answer = await Promise.race([answered, ended])
    for (const other of [answered, ended]) other.catch(() => undefined)
    stop.abort()
    if ('fault' in answer) throw new Error(`${this.#library}, asked to ${request.kind}: ${answer.fault}`)
    return answer.results
  }
}

/** One section in all lanes, round by round in turn. Results come in the order of the lanes. */
export async function measureInTurn(lanes: readonly Lane[], plan: Plan, rounds: number): Promise<Result[]> {
  for (const lane of lanes) await lane.begin(plan)
  for (let round = -1; round < rounds; round++) for (const lane of lanes) await lane.round(round >= 0)
  const results: Result[] = []
  for (const lane of lanes) results.push(...(await lane.end()))
  return results
}
