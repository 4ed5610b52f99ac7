/**
 * All members of the demonstration together: starts and ends them, keeps what they report, and waits for conditions on
 * it. No wait is unbounded; one that fails says how everybody was doing.
 */
import { CliError } from '../cli-error.ts'
import type { EpochReport } from '../member/protocol.ts'
import { Actor } from './actor.ts'
import { diagnose } from './diagnosis.ts'
import type { ProcessEnd } from './member-process.ts'

export interface CastOptions {
  /** What Node is started with to run a member. */
  readonly program: readonly string[]
  readonly storesFolder: string
  /** Aborted when the user wants to end. */
  readonly stop: AbortSignal
  readonly onReady: (actor: Actor) => void
  /** A commit was seen for the first time by anybody. */
  readonly onNewEpoch: (epoch: EpochReport) => void
  readonly onRevival: (actor: Actor, end: ProcessEnd) => void
}

/** True when the condition holds; otherwise how far it is. */
export type Progress = true | { readonly done: number; readonly of: number }

export interface WaitOptions {
  readonly timeoutMs: number
  readonly onProgress?: (progress: { readonly done: number; readonly of: number }) => void
}

export class Cast {
  readonly #options: CastOptions
  readonly #actors = new Map<string, Actor>()
  readonly #listeners = new Set<() => void>()
  readonly #epochsSeen = new Set<string>()
  #failure: Error | undefined

  constructor(options: CastOptions) {
    this.#options = options
    options.stop.addEventListener('abort', () => this.#changed(), { once: true })
  }

  /** A member that will take part. Its process is started by {@link Actor.start}. */
  engage(name: string, { isDeaf = false }: { readonly isDeaf?: boolean } = {}): Actor {
    const { program, storesFolder, onReady, onNewEpoch, onRevival } = this.#options
    const actor = new Actor({
      name,
      program,
      storesFolder,
      isDeaf,
      onReady,
      onRevival,
      onChange: () => this.#changed(),
      onEpoch: (epoch) => {
        if (this.#epochsSeen.has(epoch.id)) return
        this.#epochsSeen.add(epoch.id)
        onNewEpoch(epoch)
      },
      onHopeless: (error) => {
        this.#failure ??= error
        this.#changed()
      },
    })
    this.#actors.set(name, actor)
    return actor
  }

  actor(name: string): Actor {
    const actor = this.#actors.get(name)
    if (actor === undefined) throw new Error(`nobody is called ${name}`)
    return actor
  }

  actors(): readonly Actor[] {
    return [...this.#actors.values()]
  }

  /** Identities that are known so far, with the names that belong to them. The first to have an identity names it. */
  names(): ReadonlyMap<string, string> {
    const names = new Map<string, string>()
    for (const { name, identity } of this.actors()) {
      if (identity !== undefined && !names.has(identity)) names.set(identity, name)
    }
    return names
  }

  /**
   * Resolves when the condition holds. It is looked at whenever a member reports something.
   * @throws CliError with a diagnosis after the time limit, or when the user wants to end
   */
  async until(what: string, condition: () => Progress, { timeoutMs, onProgress }: WaitOptions): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const look = (): void => {
      if (this.#options.stop.aborted) reject(new Error('interrupted'))
      if (this.#failure !== undefined) reject(this.#failure)
      const progress = condition()
      if (progress === true) resolve()
      else onProgress?.(progress)
    }
    const timer = setTimeout(() => reject(this.#overdue(what, timeoutMs)), timeoutMs)
    this.#listeners.add(look)
    try {
      look()
      await promise
    } finally {
      clearTimeout(timer)
      this.#listeners.delete(look)
    }
  }

  /** Waits for something that is on its way, but not for ever. @throws as {@link until} */
  async within<T>(what: string, task: (stop: AbortSignal) => Promise<T>, timeoutMs: number): Promise<T> {
    const giveUp = new AbortController()
    let outcome: { readonly value: T } | { readonly error: unknown } | undefined
    task(giveUp.signal)
      .then(
        (value) => {
          outcome = { value }
        },
        (error: unknown) => {
          outcome = { error }
        },
      )
      .finally(() => this.#changed())
    try {
      await this.until(what, () => (outcome === undefined ? { done: 0, of: 1 } : true), { timeoutMs })
    } finally {
      giveUp.abort()
    }
    if (outcome !== undefined && 'value' in outcome) return outcome.value
    throw outcome?.error
  }

  /** Ends every process. Never throws. */
  async dismiss(): Promise<void> {
    await Promise.allSettled(this.actors().map((actor) => actor.stop()))
  }

  #changed(): void {
    for (const listener of [...this.#listeners]) listener()
  }

  #overdue(what: string, timeoutMs: number): Error {
    return new CliError(`waited ${Math.round(timeoutMs / 1000)} s in vain until ${what}`, {
      details: diagnose(this.actors()),
    })
  }
}
